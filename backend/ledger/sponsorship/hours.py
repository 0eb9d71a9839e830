"""Hours of sponsorships: which may be charged, and the one name of each (L54)."""

from hashlib import blake2b

HOUR_MS = 3_600_000
DIGEST_BYTES = 10


def hour_id(chain_id: int, line_item: int, hour_ms: int) -> bytes:
    """16 bytes in place of a decision id: the hour's start (6 bytes of Unix milliseconds), then a hash (BLAKE2b) of
    chain, line item and hour. Whoever writes the hour's event, and however often, it is the same event."""
    named = b"".join(number.to_bytes(8, "big") for number in (chain_id, line_item, hour_ms))
    return hour_ms.to_bytes(6, "big") + blake2b(named, digest_size=DIGEST_BYTES, person=b"sightline-hour").digest()


def hours_to_look_at(now_ms: int, looked_at_ms: int | None, hours_back: int) -> tuple[int, int]:
    """Starts of the first and the last hour to look at (Unix milliseconds).

    That is this hour and the one before, whose last answers may be counted late. Once in an hour, and at first, it is
    `hours_back` hours, in case no worker ran.

    >>> hours_to_look_at(10 * HOUR_MS + 5, None, 4)[0] // HOUR_MS, hours_to_look_at(10 * HOUR_MS + 5, 10 * HOUR_MS, 4)
    (6, (32400000, 36000000))
    """
    this_hour = now_ms - now_ms % HOUR_MS
    is_new = looked_at_ms is None or looked_at_ms < this_hour
    return this_hour - HOUR_MS * (hours_back if is_new else 1), this_hour
