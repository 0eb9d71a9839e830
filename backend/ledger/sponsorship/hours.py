"""Hours of sponsorships: which may be charged (L54)."""

from backend.core.sponsored_hour import HOUR_MS


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
