"""Hours of the week: 168 of them, from Monday 00:00; as a mask, hour h is bit h."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

HOURS_PER_WEEK = 168
EVERY_HOUR = (1 << HOURS_PER_WEEK) - 1
MASK_DIGITS = HOURS_PER_WEEK // 4
_MS_PER_QUARTER = 900_000       # every time zone in use is a multiple of 15 minutes away from UTC


def hour_of_week(now_ms: int, time_zone: str) -> int:
    """0 to 167 on the clocks of an IANA time zone, daylight saving included.

    >>> hour_of_week(0, "UTC"), hour_of_week(0, "Asia/Kathmandu")     # 1970 began on a Thursday
    (72, 77)
    """
    return _hour_of_quarter(now_ms // _MS_PER_QUARTER, time_zone)


def ahead_of_utc_ms(now_ms: int, time_zone: str) -> int:
    """By how much the clocks of an IANA time zone are ahead of UTC, daylight saving included; negative: behind.

    >>> ahead_of_utc_ms(0, "Asia/Kathmandu") // 60_000
    330
    """
    return _ahead_at_quarter(now_ms // _MS_PER_QUARTER, time_zone)


def is_time_zone(name: str) -> bool:
    """Whether the IANA database knows the name. Only canonical texts: no path, nothing of the machine's own."""
    try:
        return not name.startswith(_NOT_PORTABLE) and ZoneInfo(name).key == name
    except (KeyError, ValueError, OSError):     # unknown, malformed or empty, a directory
        return False


def mask_of(text: str) -> int:
    """The mask behind 42 hex digits. Raises ValueError."""
    if len(text) != MASK_DIGITS or not set(text) <= set("0123456789abcdef"):
        raise ValueError(f"a mask of hours is {MASK_DIGITS} lowercase hex digits")
    return int(text, 16)


def text_of(mask: int) -> str:
    """42 hex digits; the last digit holds Monday 00:00 to 03:59, midnight in its lowest bit."""
    return f"{mask:0{MASK_DIGITS}x}"


_NOT_PORTABLE = ("localtime", "posix", "right/", "Factory")     # files that machines have besides the database


@lru_cache(maxsize=4096)
def _hour_of_quarter(quarter: int, time_zone: str) -> int:
    local = _local(quarter, time_zone)
    return local.weekday() * 24 + local.hour


@lru_cache(maxsize=4096)
def _ahead_at_quarter(quarter: int, time_zone: str) -> int:
    ahead = _local(quarter, time_zone).utcoffset()
    return 0 if ahead is None else int(ahead.total_seconds()) * 1000


def _local(quarter: int, time_zone: str) -> datetime:
    zone = UTC if time_zone == "UTC" else ZoneInfo(time_zone)
    return datetime.fromtimestamp(quarter * _MS_PER_QUARTER / 1000, zone)
