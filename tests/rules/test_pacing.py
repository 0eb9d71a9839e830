"""Even pacing releases a cap with time, all of it by the end, and never more than the cap."""

from hypothesis import given
from hypothesis import strategies as st

from backend.serving.pacing import allowed_micro_usdc, kept_back_micro_usdc

CAPS = st.integers(1, 10**13)
SPANS = st.tuples(st.integers(0, 10**13), st.integers(1, 10**11))
LEADS = st.integers(1, 10**9)


def test_allowed__a_quarter_of_the_day__a_quarter_of_the_cap_and_one_event() -> None:
    assert allowed_micro_usdc(1_000_000, 0, 86_400_000, 21_600_000, 5_000) == 255_000


def test_allowed__first_millisecond__one_event_may_be_bought() -> None:
    assert allowed_micro_usdc(1_000_000, 1_000, 2_000, 1_000, 5_000) == 5_000


def test_allowed__cap_of_a_single_event__not_held_back() -> None:
    assert allowed_micro_usdc(5_000, 0, 86_400_000, 1, 5_000) == 5_000


@given(CAPS, SPANS, LEADS, st.integers(0, 10**14))
def test_kept_back__always__cap_is_what_is_allowed_and_what_is_kept(
    cap: int, span: tuple[int, int], lead: int, now_ms: int
) -> None:
    start_ms, end_ms = span[0], span[0] + span[1]
    allowed = allowed_micro_usdc(cap, start_ms, end_ms, now_ms, lead)
    assert 0 <= allowed <= cap
    assert allowed + kept_back_micro_usdc(cap, start_ms, end_ms, now_ms, lead) == cap


@given(CAPS, SPANS, LEADS, st.integers(0, 10**14), st.integers(0, 10**12))
def test_allowed__later__never_less(cap: int, span: tuple[int, int], lead: int, now_ms: int, later_ms: int) -> None:
    start_ms, end_ms = span[0], span[0] + span[1]
    now = allowed_micro_usdc(cap, start_ms, end_ms, now_ms, lead)
    assert now <= allowed_micro_usdc(cap, start_ms, end_ms, now_ms + later_ms, lead)


@given(CAPS, SPANS, LEADS)
def test_allowed__at_the_end__all_of_it(cap: int, span: tuple[int, int], lead: int) -> None:
    end_ms = span[0] + span[1]
    assert allowed_micro_usdc(cap, span[0], end_ms, end_ms, lead) == cap


@given(CAPS, SPANS, LEADS, st.fractions(0, 1))
def test_allowed__at_a_share_of_the_time__at_most_that_share_and_one_event(
    cap: int, span: tuple[int, int], lead: int, share: object
) -> None:
    now_ms = span[0] + int(span[1] * share)  # type: ignore[operator]
    assert allowed_micro_usdc(cap, span[0], span[0] + span[1], now_ms, lead) <= cap * share + lead  # type: ignore[operator]
