"""The ideal curve: how much of a cap should be spent by now, following the traffic of the hours of the week."""

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

from backend.core.week import EVERY_HOUR, HOURS_PER_WEEK, ahead_of_utc_ms

MS_PER_HOUR = 3_600_000
_FROM_MONDAY_MS = 72 * MS_PER_HOUR          # 1970 began on a Thursday
ALIKE = 1_000                               # weight of an hour of average traffic
FLAT = (ALIKE,) * HOURS_PER_WEEK


@dataclass(frozen=True, slots=True)
class Span:
    """When a cap is spent. `week`: weights of the UTC hours of the week, `hours` and `time_zone`: those it runs in.

    The rest is made of that: the weights added up, and weighted milliseconds until its start and from there to its end.
    """

    start_ms: int
    end_ms: int
    front_loaded: bool = False
    week: tuple[int, ...] = FLAT
    hours: int = EVERY_HOUR
    time_zone: str = "UTC"
    sums: tuple[int, ...] = field(init=False, repr=False, compare=False)
    first: int = field(init=False, repr=False, compare=False)
    whole: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ahead_ms = 0 if self.hours == EVERY_HOUR else ahead_of_utc_ms(self.end_ms - 1, self.time_zone)
        sums = _sums(self.week, self.hours, ahead_ms)
        first = _until(sums, self.start_ms)
        whole = _until(sums, self.end_ms) - first
        if whole <= 0:                          # its hours leave nothing of it: plain time
            sums = _sums(FLAT, EVERY_HOUR, 0)
            first = _until(sums, self.start_ms)
            whole = max(1, _until(sums, self.end_ms) - first)
        for name, value in (("sums", sums), ("first", first), ("whole", whole)):
            object.__setattr__(self, name, value)


def planned_micro_usdc(cap_micro_usdc: int, span: Span, now_ms: int) -> int:
    """What should be spent by now: the cap's share that traffic has had of its time so far; all of it at the end.

    Front-loaded, it begins half as fast again as even and ends half as fast: of x the share is x * (3 - x) / 2.

    >>> planned_micro_usdc(1_000_000, Span(0, 86_400_000), 21_600_000)
    250000
    >>> planned_micro_usdc(1_000_000, Span(0, 86_400_000, front_loaded=True), 21_600_000)
    343750
    """
    gone, whole = _until(span.sums, max(span.start_ms, min(now_ms, span.end_ms))) - span.first, span.whole
    if span.front_loaded:
        gone, whole = gone * (3 * whole - gone), 2 * whole * whole
    return cap_micro_usdc * gone // whole


def week_of(opportunities: tuple[int, ...] | None, weeks: int) -> tuple[int, ...]:
    """Weights from recorded ad requests by UTC hour of the week over so many whole or begun weeks.

    One week of average traffic is added to what was seen, so that a market of a day moves nothing much; no hour weighs
    less than a twentieth of the average, so that in no hour nothing may be spent.
    """
    total = sum(opportunities) if opportunities else 0
    if opportunities is None or total == 0 or weeks <= 0:
        return FLAT
    mean = total / HOURS_PER_WEEK
    return tuple(
        max(ALIKE // 20, round(ALIKE * (weeks * seen / mean + 1) / (weeks + 1))) for seen in opportunities
    )


def _until(sums: tuple[int, ...], moment_ms: int) -> int:
    """Weight of all time from the first Monday to this moment, times milliseconds."""
    hours, rest_ms = divmod(moment_ms + _FROM_MONDAY_MS, MS_PER_HOUR)
    weeks, hour = divmod(hours, HOURS_PER_WEEK)
    return (weeks * sums[-1] + sums[hour]) * MS_PER_HOUR + (sums[hour + 1] - sums[hour]) * rest_ms


@lru_cache(maxsize=4_096)
def _sums(week: tuple[int, ...], hours: int, ahead_ms: int) -> tuple[int, ...]:
    """Weights added up, 169 of them. An hour counts when the middle of it is one in which the line item runs.

    Clocks are ahead of UTC as at the end of the time in question. For a day that is how they are; a flight in which
    they change is planned an hour off before that, but what is left at its end has hours in which it runs.
    """
    kept = (
        weight if hours == EVERY_HOUR or hours >> _local_hour(hour, ahead_ms) & 1 else 0
        for hour, weight in enumerate(week)
    )
    return tuple(accumulate(kept, initial=0))


def _local_hour(hour: int, ahead_ms: int) -> int:
    """What the clocks show in the middle of a UTC hour of the week."""
    return (hour * MS_PER_HOUR + MS_PER_HOUR // 2 + ahead_ms) // MS_PER_HOUR % HOURS_PER_WEEK
