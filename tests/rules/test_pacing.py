"""A cap is released along its curve, all of it by the end; the controller's answers are bounded and in proportion."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backend.core.events import BidKind
from backend.core.week import HOURS_PER_WEEK, hour_of_week
from backend.serving.catalogue import LineItem, Spending
from backend.serving.pacing.controller import (
    EFFORT_MIN,
    ERROR_MAX,
    FULL,
    MULTIPLIER_MIN_PPM,
    PPB,
    PPM,
    Progress,
    State,
    next_multiplier,
    pace_of,
    takes_part,
)
from backend.serving.pacing.curve import ALIKE, FLAT, Span, planned_micro_usdc, week_of
from backend.serving.pacing.release import allowed_micro_usdc, kept_back_micro_usdc
from backend.serving.steering.progress import stepped

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
CAPS = st.integers(1, 10**13)
WEEKS = st.lists(st.integers(0, 5_000), min_size=1, max_size=6).map(
    lambda weights: tuple(weights[hour % len(weights)] for hour in range(HOURS_PER_WEEK))
)
LEADS = st.integers(1, 10**9)
MOMENTS = st.integers(0, 10**13)


@st.composite
def spans(draw: st.DrawFn, front_loaded: bool | None = None) -> Span:
    start_ms = draw(st.integers(0, 4 * 10**12))
    return Span(
        start_ms, start_ms + draw(st.integers(1, 10**11)),
        draw(st.booleans()) if front_loaded is None else front_loaded, draw(WEEKS),
        draw(st.integers(1, 2**HOURS_PER_WEEK - 1)), draw(st.sampled_from(("UTC", "Asia/Kathmandu", "America/Lima"))),
    )


# --- the curve ----------------------------------------------------------------------------------------------------


def test_allowed__a_quarter_of_the_day__a_quarter_of_the_cap_and_one_event() -> None:
    assert allowed_micro_usdc(1_000_000, Span(0, DAY_MS), 21_600_000, 5_000) == 255_000


def test_allowed__first_millisecond__one_event_may_be_bought() -> None:
    assert allowed_micro_usdc(1_000_000, Span(1_000, 2_000), 1_000, 5_000) == 5_000


def test_allowed__cap_of_a_single_event__not_held_back() -> None:
    assert allowed_micro_usdc(5_000, Span(0, DAY_MS), 1, 5_000) == 5_000


def test_planned__evening_traffic_and_closed_mornings__follows_both() -> None:
    """1970 began on a Thursday: hour 72 of the week is its first."""
    evenings = tuple(3_000 if hour % 24 >= 12 else 1_000 for hour in range(HOURS_PER_WEEK))
    assert planned_micro_usdc(1_000_000, Span(0, DAY_MS, week=evenings), DAY_MS // 2) == 250_000
    afternoons = sum(1 << hour for hour in range(HOURS_PER_WEEK) if hour % 24 >= 12)
    closed = Span(0, DAY_MS, week=evenings, hours=afternoons)
    assert planned_micro_usdc(1_000_000, closed, DAY_MS // 2) == 0
    assert planned_micro_usdc(1_000_000, closed, DAY_MS * 3 // 4) == 500_000


@settings(max_examples=60)
@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Tokyo", "UTC"]),
    st.integers(0, 364), st.integers(1, (1 << 24) - 1),
)
def test_planned__any_day_of_the_year__a_day_s_cap_is_planned_in_the_hours_that_run(
    zone: str, day: int, hours_of_day: int
) -> None:
    """L79: with daylight saving and without; else what is for an hour that does not run is never spent."""
    mask = sum(hours_of_day << 24 * number for number in range(7))
    start_ms = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000) + day * DAY_MS
    runs = [mask >> hour_of_week(start_ms + hour * HOUR_MS, zone) & 1 for hour in range(24)]
    assume(any(runs) and hour_of_week(start_ms + DAY_MS - 1, zone) == (hour_of_week(start_ms, zone) + 23) % 168)
    span = Span(start_ms, start_ms + DAY_MS, hours=mask, time_zone=zone)
    planned = [planned_micro_usdc(24_000, span, start_ms + hour * HOUR_MS) for hour in range(25)]
    assert [later > before for before, later in pairwise(planned)] == [bool(one) for one in runs]


def test_planned__hours_that_the_flight_never_sees__spread_over_its_time() -> None:
    assert planned_micro_usdc(1_000, Span(0, HOUR_MS, hours=1), HOUR_MS // 2) == 500


@given(CAPS, spans(), MOMENTS, st.integers(0, 10**12))
def test_planned__any_curve__grows_from_nothing_to_all_of_it(cap: int, span: Span, now_ms: int, later_ms: int) -> None:
    """L79."""
    assert planned_micro_usdc(cap, span, span.start_ms) == 0
    assert planned_micro_usdc(cap, span, span.end_ms) == cap
    now = planned_micro_usdc(cap, span, now_ms)
    assert 0 <= now <= planned_micro_usdc(cap, span, now_ms + later_ms) <= cap


@given(CAPS, spans(front_loaded=False), st.fractions(0, 1))
def test_planned__front_loaded__never_behind_even_and_an_eighth_ahead_at_most(
    cap: int, span: Span, share: Any
) -> None:
    """L79."""
    now_ms = span.start_ms + int((span.end_ms - span.start_ms) * share)
    even = planned_micro_usdc(cap, span, now_ms)
    early = planned_micro_usdc(
        cap, Span(span.start_ms, span.end_ms, True, span.week, span.hours, span.time_zone), now_ms
    )
    assert even <= early <= even + cap // 8 + 1


@given(CAPS, spans(), LEADS, MOMENTS)
def test_kept_back__always__cap_is_what_is_allowed_and_what_is_kept(
    cap: int, span: Span, lead: int, now_ms: int
) -> None:
    allowed = allowed_micro_usdc(cap, span, now_ms, lead)
    assert 0 <= allowed <= cap
    assert allowed + kept_back_micro_usdc(cap, span, now_ms, lead) == cap
    assert allowed <= planned_micro_usdc(cap, span, now_ms) + lead


def test_week_of__little_seen__is_nearly_flat_and_what_is_seen_for_long_counts() -> None:
    seen = tuple(200 if hour % 24 >= 12 else 0 for hour in range(HOURS_PER_WEEK))
    assert week_of(None, 0) == week_of((0,) * HOURS_PER_WEEK, 3) == FLAT
    assert {week_of(seen, 1)[hour] for hour in (0, 12)} == {500, 1_500}
    assert {week_of(seen, 50)[hour] for hour in (0, 12)} == {ALIKE // 20, 1_980}


# --- the controller -----------------------------------------------------------------------------------------------

STATES = st.builds(
    State, st.integers(EFFORT_MIN, PPB), st.integers(-ERROR_MAX, ERROR_MAX), st.integers(0, 2 * PPM)
)
PAID = st.none() | st.integers(1, 2 * PPM)


@st.composite
def progress(draw: st.DrawFn) -> Progress:
    cap = draw(CAPS)
    return Progress(cap, draw(st.integers(0, cap)), draw(st.integers(0, 2 * cap)), draw(st.integers(0, cap)))


@given(STATES, st.lists(progress(), min_size=1, max_size=2), st.integers(1, 10**9), PAID)
def test_next_multiplier__anything__is_within_its_bounds(
    state: State, caps: list[Progress], event: int, paid: int | None
) -> None:
    """L79: nobody is made to bid more than his bid."""
    after, pace = next_multiplier(state, caps, event, paid)
    assert EFFORT_MIN <= after.effort <= PPB
    assert MULTIPLIER_MIN_PPM <= pace.multiplier_ppm <= PPM
    assert 1 <= pace.participation_ppm <= PPM


@given(STATES, progress(), st.integers(1, 10**9), PAID, st.integers(0, 10**13))
def test_next_multiplier__more_is_spent__never_more_effort(
    state: State, one: Progress, event: int, paid: int | None, more: int
) -> None:
    """L79."""
    thrifty, _ = next_multiplier(state, [one], event, paid)
    lavish, _ = next_multiplier(state, [Progress(one.cap, one.planned, one.spent + more, one.step)], event, paid)
    assert lavish.effort <= thrifty.effort


@given(st.integers(EFFORT_MIN, PPB), st.integers(EFFORT_MIN, PPB), st.integers(0, 2 * PPM))
def test_pace_of__more_effort__never_less_of_anything(one: int, other: int, paid: int) -> None:
    """L79."""
    less, more = pace_of(min(one, other), paid), pace_of(max(one, other), paid)
    assert less.multiplier_ppm <= more.multiplier_ppm
    assert less.participation_ppm <= more.participation_ppm + 1 + PPM // more.multiplier_ppm


@settings(max_examples=20)
@given(STATES, st.integers(100, 10**13), st.fractions(0, 1))
def test_next_multiplier__behind_its_plan_and_no_better_than_before__its_whole_bid_in_the_end(
    state: State, cap: int, share: Any
) -> None:
    """However little it was, a line item that spends nothing of what was planned comes back."""
    behind = Progress(cap, cap, int(cap * share) // 2, cap)
    for _ in range(100):
        state, pace = next_multiplier(state, [behind], cap // 4)
    assert state.effort == PPB
    assert pace == FULL


def test_next_multiplier__no_caps__nothing_to_pace() -> None:
    assert next_multiplier(State(PPB // 2, 7, 9), [], 1_000) == (State(), FULL)


def test_next_multiplier__two_caps__the_one_further_ahead_decides() -> None:
    early, late = Progress(10**6, 500_000, 400_000, 1_000), Progress(10**6, 500_000, 510_000, 1_000)
    assert next_multiplier(State(), [early, late], 100) == next_multiplier(State(), [late], 100)


def test_pace_of__all_prices_are_the_floor__bids_stay_above_it_and_it_takes_part_less_often() -> None:
    """Half of the bid was paid on average; a tenth of the effort is wanted: at 51 % of the bid, every fifth time."""
    pace = pace_of(PPB // 10, PPM // 2)
    assert (pace.multiplier_ppm, pace.participation_ppm) == (510_000, 196_078)


@given(st.binary(min_size=18, max_size=18), st.integers(1, 2**40), st.integers(0, PPM), st.integers(0, PPM))
def test_takes_part__same_decision__same_answer_and_more_often_with_more(
    random: bytes, line_item: int, one: int, other: int
) -> None:
    assert takes_part(random, line_item, one) == takes_part(random, line_item, one)
    assert takes_part(random, line_item, min(one, other)) <= takes_part(random, line_item, max(one, other))
    assert takes_part(random, line_item, PPM)
    assert not takes_part(random, line_item, 0)


def test_takes_part__many_decisions__as_often_as_it_should_and_independently_of_others() -> None:
    draws = [[takes_part(n.to_bytes(18, "big"), item, 300_000) for n in range(4_000)] for item in (1, 2)]
    assert all(1_100 < sum(one) < 1_300 for one in draws)
    assert 300 < sum(a and b for a, b in zip(*draws, strict=True)) < 420


@settings(max_examples=20)
@given(st.integers(1, 20), st.integers(-3 * PPM, 0), st.booleans())
def test_stepped__midnight_after_a_day_that_fell_short__makes_as_much_effort_as_before(
    day: int, error: int, has_total: bool
) -> None:
    """L79: who cannot reach his cap does not begin each day by bidding less."""
    item = LineItem(
        id=1, campaign=1, owner="0xa", bid_kind=BidKind.VCPM, bid_micro_usdc=1_000, starts_ms=0, ends_ms=60 * DAY_MS,
        daily_cap_micro_usdc=10**6, total_cap_micro_usdc=60 * 10**6 if has_total else None,
    )
    midnight, state = day * DAY_MS, State(PPB, error)
    spending = Spending(1, spent_total_micro_usdc=day * 500_000)
    assert stepped(item, spending, (), state, midnight - 5_000, midnight)[0].effort == PPB
    last = stepped(item, Spending(1, day * 500_000), (), state, midnight - 10_000, midnight - 5_000)[0]
    assert stepped(item, spending, (), last, midnight - 5_000, midnight)[0].effort >= last.effort
