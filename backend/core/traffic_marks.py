"""Numbers under which invalid traffic is counted: keyed hashes of one UTC day that name nobody.

A viewer has another mark on every placement, and both marks change at midnight; without the key nothing leads from a
mark to a viewer or a network (keyed BLAKE2b). 64 bits with a sign, as PostgreSQL keeps them.
"""

from functools import lru_cache
from hashlib import blake2b
from ipaddress import ip_network

from backend.core.ip_prefix import UNKNOWN, ip_prefix

_BYTES = 8
_MS_PER_DAY = 86_400_000
MARKS_REMEMBERED = 65_536


@lru_cache(maxsize=MARKS_REMEMBERED)
def viewer_mark(viewer: bytes, placement: int, key: bytes) -> int:
    """The mark of a viewer on one placement; `viewer` is the hash in the decision token, of one day already."""
    return _mark(viewer + placement.to_bytes(8, "big"), key, b"sightline-view-m")


@lru_cache(maxsize=MARKS_REMEMBERED)
def network_mark(ip: str, day: int, key: bytes) -> int | None:
    """The mark of the /24 or /48 that an address is in, on a day (days since 1970).

    None of what is no address on the internet: behind a proxy of our own everybody would seem to be one network.
    """
    prefix = ip_prefix(ip)
    if prefix == UNKNOWN or not ip_network(prefix).is_global:
        return None
    return _mark(prefix.encode() + day.to_bytes(4, "big"), key, b"sightline-net--m")


def day_of_ms(ms: int) -> int:
    """Days since 1970 of a time in Unix milliseconds."""
    return ms // _MS_PER_DAY


def _mark(content: bytes, key: bytes, person: bytes) -> int:
    digest = blake2b(content, digest_size=_BYTES, key=key[:64], person=person).digest()
    return int.from_bytes(digest, "big", signed=True)
