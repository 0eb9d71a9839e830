"""Who asked, coarsely: enough to see that somebody else reports, far too little to recognise anybody.

A client class is a byte: the operating system in its upper half, the family of the browser in its lower half; 0 when
the program is no browser. An origin mark is 32 bits of a hash of the Origin header, which no page can choose; 0: none.
"""

from functools import lru_cache
from hashlib import blake2b

_SYSTEMS = (                    # the first that fits; Android calls itself Linux, a headset both
    ("windows", 1), ("quest", 2), ("oculus", 2), ("android", 2), ("iphone", 3), ("ipad", 3), ("ipod", 3),
    ("macintosh", 4), ("cros", 5), ("linux", 6),
)
_FAMILIES = (
    ("edg", 1), ("opr/", 2), ("samsungbrowser", 3), ("firefox/", 4), ("fxios", 4), ("chrome/", 5), ("safari/", 6),
)
BROWSER = "mozilla/"
ORIGIN_LENGTH_MAX = 512


@lru_cache(maxsize=4_096)
def client_class(user_agent: str) -> int:
    """The class of a browser, by its User-Agent; 0 for everything else.

    >>> hex(client_class("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101 Firefox/144.0"))
    '0x14'
    """
    lowered = user_agent[:ORIGIN_LENGTH_MAX].lower()
    if not lowered.startswith(BROWSER):
        return 0
    system = next((number for word, number in _SYSTEMS if word in lowered), 0)
    family = next((number for word, number in _FAMILIES if word in lowered), 0)
    return system << 4 | family if system else 0


def same_client(decided: int, reporting: int) -> bool:
    """Whether a report can come from the program that asked for the ad."""
    return decided == reporting or not decided or not reporting


def same_system(decided: int, reporting: int) -> bool:
    """The same for a link, which an app opens in the system's browser."""
    return decided >> 4 == reporting >> 4 or not decided or not reporting


@lru_cache(maxsize=4_096)
def origin_mark(origin: str) -> int:
    """32 bits of an Origin header, never 0; 0 for none, and for `null`, which all sandboxes share."""
    if not origin or origin == "null":
        return 0
    digest = blake2b(origin[:ORIGIN_LENGTH_MAX].lower().encode(), digest_size=4, person=b"sightline-origin").digest()
    return int.from_bytes(digest, "big") or 1


def same_origin(decided: int, reporting: int) -> bool:
    """Whether a report can come from the page that asked for the ad."""
    return decided == reporting or not decided or not reporting
