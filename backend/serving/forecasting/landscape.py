"""What a line item would have won of recorded opportunities, hour by hour of the week."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from backend.core.week import HOURS_PER_WEEK
from backend.serving.tally.landscape import NOBODY, SPONSORED, bounds_of, share_below

NANO_PER_MILLE_PER_MICRO = 1_000_000        # nano-USDC per thousand impressions in a micro-USDC per impression
HOURS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class Recorded:
    """`n` answers on a placement in one hour of the week (UTC), all weeks together; see `Sold` for the buckets."""

    placement: int
    hour_of_week: int
    line_item: int
    bid_bucket: int
    price_bucket: int
    n: int


@dataclass(frozen=True, slots=True)
class Chance:
    """What the line item would bid on a placement and what it must pay at least (eCPM, nano-USDC per thousand).

    `audience` is the share of ad requests, from 0 to 1, that say what its targeting wants of country, language and
    device; `takes_all`: a sponsorship.
    """

    ecpm_nano_usdc: int
    floor_nano_usdc: int
    audience: float = 1.0
    takes_all: bool = False


@dataclass(frozen=True, slots=True)
class Hourly:
    """Expected in one hour: ad requests that it may answer, those it wins, and micro-USDC if all of them are viewed."""

    opportunities: float = 0.0
    wins: float = 0.0
    micro_usdc: float = 0.0

    def __add__(self, other: "Hourly") -> "Hourly":
        return Hourly(
            self.opportunities + other.opportunities, self.wins + other.wins, self.micro_usdc + other.micro_usdc
        )

    def times(self, factor: float) -> "Hourly":
        return Hourly(self.opportunities * factor, self.wins * factor, self.micro_usdc * factor)


def would_win(recorded: Recorded, chance: Chance, own: frozenset[int]) -> Hourly:
    """Put the line item into the auctions that were held, everything else unchanged.

    It competes with whoever won; where that was one of the owner's own line items (`own`), with what that one had to
    beat, because an owner's line items never raise each other's price. The price is the second price: what it beat, or
    the floor.
    """
    n = recorded.n * chance.audience
    if chance.takes_all:
        return Hourly(n, n, 0.0)
    bucket = recorded.price_bucket if recorded.line_item in own else recorded.bid_bucket
    if bucket == SPONSORED:
        return Hourly(n, 0.0, 0.0)
    share = 1.0 if bucket == NOBODY else share_below(bucket, chance.ecpm_nano_usdc)
    least, next_least = bounds_of(bucket)
    beaten = (least + min(next_least, chance.ecpm_nano_usdc)) / 2
    price = max(chance.floor_nano_usdc, min(beaten, chance.ecpm_nano_usdc))
    return Hourly(n, n * share, n * share * price / NANO_PER_MILLE_PER_MICRO)


def week_of(
    rows: Iterable[Recorded], chances: Mapping[int, Chance], own: frozenset[int], hours_seen: Mapping[int, int]
) -> tuple[Hourly, ...]:
    """Means for each of the 168 hours of the week. `hours_seen`: how often each was recorded.

    With less than a week of records an hour is taken to be like the same hour of other days, with less than a day like
    every other hour.
    """
    total = [Hourly()] * HOURS_PER_WEEK
    for row in rows:
        if (chance := chances.get(row.placement)) is not None:
            total[row.hour_of_week] += would_win(row, chance, own)
    seen = [hours_seen.get(hour, 0) for hour in range(HOURS_PER_WEEK)]
    if all(seen):
        return tuple(one.times(1 / times) for one, times in zip(total, seen, strict=True))
    days = [(_sum(total[hour::HOURS_PER_DAY]), sum(seen[hour::HOURS_PER_DAY])) for hour in range(HOURS_PER_DAY)]
    if all(times for _, times in days):
        return tuple(one.times(1 / times) for one, times in days) * (HOURS_PER_WEEK // HOURS_PER_DAY)
    return (_sum(total).times(1 / max(1, sum(seen))),) * HOURS_PER_WEEK


def _sum(hours: Iterable[Hourly]) -> Hourly:
    return sum(hours, Hourly())
