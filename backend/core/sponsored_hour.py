"""The one name of an hour of a sponsorship: serving holds its price under it, the ledger charges it under it."""

from hashlib import blake2b

HOUR_MS = 3_600_000
DIGEST_BYTES = 10


def hour_id(chain_id: int, line_item: int, hour_ms: int) -> bytes:
    """16 bytes in place of a decision id: the hour's start (6 bytes of Unix milliseconds), then a hash (BLAKE2b) of
    chain, line item and hour. Whoever writes the hour's event, and however often, it is the same event."""
    named = b"".join(number.to_bytes(8, "big") for number in (chain_id, line_item, hour_ms))
    return hour_ms.to_bytes(6, "big") + blake2b(named, digest_size=DIGEST_BYTES, person=b"sightline-hour").digest()
