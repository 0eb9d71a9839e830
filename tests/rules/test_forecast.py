"""A forecast against a replay: recorded requests are auctioned again with the line item in them."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.serving.auction import Bid, Sale, auction, floor_ecpm_nano_usdc
from backend.serving.catalogue import MS_PER_DAY
from backend.serving.forecasting.forecast import MS_PER_HOUR, Plan, Totals, deviation, forecast, total
from backend.serving.forecasting.landscape import Chance, Hourly, Recorded, week_of, would_win
from backend.serving.tally.landscape import NOBODY, SPONSORED, bounds_of, bucket_of, share_below

FLOOR = 1_000
MONDAY_MS = 1_793_577_600_000       # 2026-11-02 00:00 UTC
CERTAIN = tuple(Hourly(10.0, 5.0, 5_000.0) for _ in range(168))
PLAN = Plan(MONDAY_MS, MONDAY_MS + 7 * MS_PER_DAY)


# --- the landscape ----------------------------------------------------------------------------------------------


@given(st.integers(1, 10**18))
def test_bucket__any_ecpm__lies_in_its_bounds_and_buckets_are_narrow(ecpm: int) -> None:
    least, next_least = bounds_of(bucket_of(ecpm))
    assert least <= ecpm < max(next_least, least + 1)
    if ecpm >= 16:
        assert next_least / least <= 1.25


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_share_below__higher_bid__never_beats_less(one: int, other: int) -> None:
    bucket = bucket_of(10**9)
    assert share_below(bucket, min(one, other)) <= share_below(bucket, max(one, other)) <= 1
    assert share_below(SPONSORED, one) == 0


def test_would_win__own_line_item_won__competes_with_what_it_beat() -> None:
    """An owner's line items never make each other dearer."""
    row = Recorded(1, 0, 7, bucket_of(8 * 10**9), bucket_of(2 * 10**9), 100)
    chance = Chance(4 * 10**9, 10**9)
    assert would_win(row, chance, frozenset()).wins == 0
    assert would_win(row, chance, frozenset({7})).wins == 100


def test_would_win__sponsored_or_nobody_there__none_or_all_at_the_floor() -> None:
    chance = Chance(4 * 10**9, 10**9, audience=0.5)
    assert would_win(Recorded(1, 0, 9, SPONSORED, SPONSORED, 100), chance, frozenset()) == Hourly(50.0, 0.0, 0.0)
    assert would_win(Recorded(1, 0, 0, NOBODY, NOBODY, 100), chance, frozenset()) == Hourly(50.0, 50.0, 50_000.0)
    takes_all = replace(chance, takes_all=True)
    assert would_win(Recorded(1, 0, 9, SPONSORED, SPONSORED, 100), takes_all, frozenset()).wins == 50


@pytest.mark.parametrize(("hours", "same"), [(1, 168), (24, 7), (168, 1)])
def test_week_of__few_records__hours_stand_for_others(hours: int, same: int) -> None:
    rows = [Recorded(1, hour, 0, NOBODY, NOBODY, hour + 1) for hour in range(hours)]
    week = week_of(rows, {1: Chance(10**9, 10**9)}, frozenset(), dict.fromkeys(range(hours), 1))
    assert [one.opportunities for one in week] == [float(hour + 1) for hour in range(hours)] * same


# --- replay -----------------------------------------------------------------------------------------------------


class World:
    """A week of ad requests on placements with rivals whose bids change from request to request."""

    def __init__(self, seed: int) -> None:
        dice = Random(seed)
        self.requests: list[tuple[int, int, list[Bid], int]] = []        # hour, placement, bids, draw
        for hour in range(168):
            busy = 4 + hour % 24
            for _ in range(dice.randint(busy, 2 * busy)):
                bids = [
                    Bid(line, f"0x{line}", max(FLOOR, round(dice.lognormvariate(7.6, 0.6))), 1_000_000)
                    for line in range(1, 4) if dice.random() < 0.7
                ]
                self.requests.append((hour, dice.randint(1, 3), bids, dice.getrandbits(32)))

    def recorded(self) -> list[Recorded]:
        counts: Counter[tuple[int, int, int, int, int]] = Counter()
        for hour, placement, bids, draw in self.requests:
            sale = auction(bids, FLOOR, draw)
            counts[placement, hour, *_beaten(sale)] += 1
        return [Recorded(*key, n) for key, n in counts.items()]

    def replayed(self, bid: Bid, plan: Plan, where: set[int]) -> Totals:
        """What the line item wins and pays; a day's cap and the total are kept event by event."""
        opportunities, wins, spent, day_spent = 0, 0, 0, Counter[int]()
        for hour, placement, bids, draw in self.requests:
            if placement not in where or not plan.hours >> hour & 1:
                continue
            opportunities += 1
            sale = auction([*bids, bid], FLOOR, draw)
            if sale is None or sale.bid is not bid:
                continue
            day, price = hour // 24, sale.price_micro_usdc
            if plan.daily_cap_micro_usdc is not None and day_spent[day] + price > plan.daily_cap_micro_usdc:
                continue
            if plan.total_left_micro_usdc is not None and spent + price > plan.total_left_micro_usdc:
                continue
            wins, spent = wins + 1, spent + price
            day_spent[day] += price
        return Totals(opportunities, wins, spent, None)


def _beaten(sale: Sale | None) -> tuple[int, int, int]:
    if sale is None:
        return 0, NOBODY, NOBODY
    return sale.bid.line_item, bucket_of(sale.bid.ecpm_nano_usdc), bucket_of(sale.price_micro_usdc * sale.bid.rate_ppm)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("bid", [1_500, 3_000, 6_000])
@pytest.mark.parametrize(
    "plan",
    [PLAN, replace(PLAN, daily_cap_micro_usdc=150_000), replace(PLAN, total_left_micro_usdc=500_000),
     replace(PLAN, hours=sum(1 << hour for hour in range(168) if hour % 24 >= 12))],
)
def test_forecast__requests_replayed_with_the_line_item__within_five_percent(seed: int, bid: int, plan: Plan) -> None:
    """Opportunities exactly, impressions and spend within 5 %: buckets are 19 % wide, and errors in them even out."""
    world, where = World(seed), {1, 2}
    chances = {one: Chance(bid * 1_000_000, floor_ecpm_nano_usdc(FLOOR)) for one in where}
    week = week_of(world.recorded(), chances, frozenset(), dict.fromkeys(range(168), 1))
    found = total(week, plan, MONDAY_MS, view_rate=1.0)
    truth = world.replayed(Bid(9, "0xnew", bid, 1_000_000), plan, where)
    assert found.opportunities == pytest.approx(truth.opportunities)
    assert found.impressions == pytest.approx(truth.impressions, rel=0.05)
    assert found.micro_usdc == pytest.approx(truth.micro_usdc, rel=0.05)


def test_forecast__next_weeks__eighty_percent_are_in_the_range() -> None:
    """Weeks that differ as days did: of 60 most lie in the range that four weeks of records gave, but not all."""
    dice = Random(7)
    days = [round(dice.lognormvariate(6, 0.3)) for _ in range(28)]
    hourly = sum(days) / len(days) / 24
    made = forecast([Hourly(hourly, hourly, 0.0)] * 168, PLAN, MONDAY_MS, 1.0, days)
    weeks = [sum(dice.lognormvariate(6, 0.3) for _ in range(7)) for _ in range(60)]
    inside = sum(made.opportunities.low <= week <= made.opportunities.high for week in weeks)
    assert 40 <= inside <= 58


# --- caps and dates ---------------------------------------------------------------------------------------------


def test_total__half_an_hour_of_the_flight_left__half_an_hour() -> None:
    plan = replace(PLAN, ends_ms=MONDAY_MS + MS_PER_HOUR)
    assert total(CERTAIN, plan, MONDAY_MS + MS_PER_HOUR // 2, 1.0) == Totals(5.0, 2.5, 2_500.0, None)
    assert total(CERTAIN, plan, MONDAY_MS + MS_PER_HOUR, 1.0) == Totals(0.0, 0.0, 0.0, None)


def test_total__caps__cut_and_say_so() -> None:
    day = replace(PLAN, daily_cap_micro_usdc=60_000)
    assert total(CERTAIN, day, MONDAY_MS, 1.0) == Totals(1_680.0, 420.0, 420_000.0, "daily_cap")
    flight = replace(day, total_left_micro_usdc=90_000)
    assert total(CERTAIN, flight, MONDAY_MS, 1.0).limited_by == "total_cap"
    assert total(CERTAIN, flight, MONDAY_MS, 1.0).micro_usdc == 90_000


def test_total__sponsorship__costs_its_hours_whatever_is_won() -> None:
    plan = Plan(MONDAY_MS, MONDAY_MS + 3 * MS_PER_HOUR, hourly_micro_usdc=100_000)
    assert total(CERTAIN, plan, MONDAY_MS, 0.5) == Totals(30.0, 7.5, 300_000.0, None)


def test_total__ads_that_nobody_looks_at__cost_nothing() -> None:
    assert total(CERTAIN, PLAN, MONDAY_MS, 0.5).micro_usdc == total(CERTAIN, PLAN, MONDAY_MS, 1.0).micro_usdc / 2


def test_deviation__more_days_behind_and_ahead__is_less() -> None:
    few, many = [90, 110, 100], [90, 110, 100] * 9
    expected = Totals(0, 10_000, 0, None)
    assert deviation(expected, PLAN, MONDAY_MS, many) < deviation(expected, PLAN, MONDAY_MS, few)
    assert deviation(expected, PLAN, MONDAY_MS, few) < deviation(expected, PLAN, MONDAY_MS, [])
    short = replace(PLAN, ends_ms=MONDAY_MS + MS_PER_DAY)
    assert deviation(expected, PLAN, MONDAY_MS, few) < deviation(expected, short, MONDAY_MS, few)
