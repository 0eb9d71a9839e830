"""A forecast: opportunities, impressions and spend of a line item until it ends, each with a range.

Method. Every answer to an ad request is recorded with what had to be beaten. The line item is put into those auctions
with everything else unchanged, which is how bid landscapes are used (Cui et al., "Bid landscape forecasting in online
ad exchange marketplace", KDD 2011); what it would have won is averaged by hour of the week and repeated over its
flight. Its hours, dates and caps then limit it: a day or a flight that would cost more than its cap is cut to it.

The range holds 80 % of outcomes if days differ in the future as they did in the past: opportunities are taken to be
log-normal, with the variance of the daily totals once for the mean that was measured and once for the days to come, and
that of counting (Poisson) added; the quantile is 1.2816. With less than three days of records, days are taken to differ
by half.

Not in it: what others will change because of the new bid, frequency caps (nobody records who looked), audiences other
than independent ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from backend.core.week import EVERY_HOUR, hour_of_week
from backend.serving.catalogue import MS_PER_DAY
from backend.serving.forecasting.landscape import Hourly

MS_PER_HOUR = 3_600_000
DAYS_AHEAD_MAX = 400            # beyond, the answer is about these days only
QUANTILE_80 = 1.2816            # of the normal distribution: 10 % lie beyond on either side
DAYS_FOR_VARIANCE = 3
DAYS_DIFFER = 0.5               # relative, until there are so many


@dataclass(frozen=True, slots=True)
class Plan:
    """When the line item runs and what stops it; caps are what is left of them, micro-USDC, None for none.

    `hourly_micro_usdc`: a sponsorship's price, which does not depend on what is won.
    """

    starts_ms: int
    ends_ms: int
    hours: int = EVERY_HOUR
    time_zone: str = "UTC"
    daily_cap_micro_usdc: int | None = None
    total_left_micro_usdc: int | None = None
    hourly_micro_usdc: int | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the flight; `impressions` are viewable ones. `limited_by`: daily_cap, total_cap or None."""

    opportunities: float
    impressions: float
    micro_usdc: float
    limited_by: str | None


@dataclass(frozen=True, slots=True)
class Range:
    """80 % of outcomes lie between `low` and `high`."""

    low: int
    expected: int
    high: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """`win_share_ppm`: of the opportunities, how many would be won if no cap stopped it."""

    opportunities: Range
    impressions: Range
    spend_micro_usdc: Range
    win_share_ppm: int
    limited_by: str | None


def forecast(
    week: Sequence[Hourly], plan: Plan, now_ms: int, view_rate: float, daily_totals: Sequence[int]
) -> Forecast:
    """What the plan would bring. `week`: see `week_of`; `view_rate`: viewable impressions per ad that was given out;
    `daily_totals`: recorded opportunities of whole days."""
    expected = total(week, plan, now_ms, view_rate)
    spread = math.exp(QUANTILE_80 * deviation(expected, plan, now_ms, daily_totals))
    low, high = (
        total([one.times(factor) for one in week], plan, now_ms, view_rate) for factor in (1 / spread, spread)
    )
    unlimited = sum(week, Hourly())
    return Forecast(
        _range(low.opportunities, expected.opportunities, high.opportunities),
        _range(low.impressions, expected.impressions, high.impressions),
        _range(low.micro_usdc, expected.micro_usdc, high.micro_usdc),
        round(1_000_000 * unlimited.wins / unlimited.opportunities) if unlimited.opportunities else 0,
        expected.limited_by,
    )


def total(week: Sequence[Hourly], plan: Plan, now_ms: int, view_rate: float) -> Totals:
    """Walk through the flight day by day, so that each cap stops what it stops."""
    opportunities = impressions = spent = 0.0
    limited_by = None
    moment_ms, ends_ms = _flight(plan, now_ms)
    while moment_ms < ends_ms:
        next_ms = min(ends_ms, (moment_ms // MS_PER_DAY + 1) * MS_PER_DAY)
        day, cost = _day(week, plan, moment_ms, next_ms, view_rate)
        kept = 1.0
        if plan.daily_cap_micro_usdc is not None and cost > plan.daily_cap_micro_usdc:
            kept, limited_by = plan.daily_cap_micro_usdc / cost, limited_by or "daily_cap"
        if plan.total_left_micro_usdc is not None and spent + cost * kept > plan.total_left_micro_usdc:
            kept, limited_by = max(0.0, plan.total_left_micro_usdc - spent) / cost, "total_cap"
        opportunities += day.opportunities
        impressions += day.wins * view_rate * kept
        spent += cost * kept
        moment_ms = next_ms
    return Totals(opportunities, impressions, spent, limited_by)


def _day(week: Sequence[Hourly], plan: Plan, from_ms: int, to_ms: int, view_rate: float) -> tuple[Hourly, float]:
    """What a part of a day brings and costs."""
    day, cost = Hourly(), 0.0
    moment_ms = from_ms
    while moment_ms < to_ms:
        next_ms = min(to_ms, (moment_ms // MS_PER_HOUR + 1) * MS_PER_HOUR)
        if plan.hours >> hour_of_week(moment_ms, plan.time_zone) & 1:
            hour = week[hour_of_week(moment_ms, "UTC")].times((next_ms - moment_ms) / MS_PER_HOUR)
            day += hour
            cost += hour.micro_usdc * view_rate if plan.hourly_micro_usdc is None else plan.hourly_micro_usdc
        moment_ms = next_ms
    return day, cost


def deviation(expected: Totals, plan: Plan, now_ms: int, daily_totals: Sequence[int]) -> float:
    """Standard deviation of the logarithm of what comes, of a mean measured over days, for the days of the flight."""
    starts_ms, ends_ms = _flight(plan, now_ms)
    days_ahead = max(1.0, (ends_ms - starts_ms) / MS_PER_DAY)
    differ = DAYS_DIFFER
    if len(daily_totals) >= DAYS_FOR_VARIANCE and any(daily_totals):
        differ = pstdev(daily_totals) / fmean(daily_totals)
    variance = differ**2 / max(1, len(daily_totals)) + differ**2 / days_ahead + 1 / max(1.0, expected.impressions)
    return math.sqrt(variance)


def _flight(plan: Plan, now_ms: int) -> tuple[int, int]:
    starts_ms = max(now_ms, plan.starts_ms)
    return starts_ms, min(plan.ends_ms, starts_ms + DAYS_AHEAD_MAX * MS_PER_DAY)


def _range(low: float, expected: float, high: float) -> Range:
    return Range(math.floor(low), round(expected), math.ceil(high))
