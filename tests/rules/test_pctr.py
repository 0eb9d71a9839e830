"""Click rates: a probability, close to the prior without data and to the counts with much of it."""

from hypothesis import given
from hypothesis import strategies as st

from backend.pctr.rate import (
    BASE_RATE_PPM,
    PPM,
    RATE_PPM_MIN,
    Counts,
    Rates,
    rates,
    smoothed_ppm,
)

COUNTS = st.integers(0, 10**9).flatmap(lambda views: st.builds(Counts, st.just(views), st.integers(0, views)))
CELLS = st.dictionaries(st.tuples(st.integers(1, 5), st.integers(1, 5)), COUNTS, max_size=10)


def test_rates__nothing_counted__base_rate_everywhere() -> None:
    assert rates({}).ppm(1, 1) == BASE_RATE_PPM


def test_rates__unseen_placement__takes_the_line_items_rate() -> None:
    known = rates({(1, 1): Counts(100_000, 5_000), (2, 1): Counts(100_000, 500)})
    assert known.ppm(1, 9) > 4 * known.ppm(2, 9)


def test_rates__much_data__close_to_the_counted_share() -> None:
    assert abs(rates({(1, 1): Counts(1_000_000, 30_000)}).ppm(1, 1) - 30_000) < 30


def test_rates__one_lucky_click__hardly_moves() -> None:
    assert rates({(1, 1): Counts(1, 1)}).ppm(1, 1) < 2 * BASE_RATE_PPM


@given(CELLS, st.integers(1, 6), st.integers(1, 6))
def test_rates__any_counts__a_probability_that_is_never_zero(
    cells: dict[tuple[int, int], Counts], line_item: int, placement: int
) -> None:
    assert RATE_PPM_MIN <= rates(cells).ppm(line_item, placement) <= PPM


@given(COUNTS, st.integers(0, PPM), st.integers(1, 10_000))
def test_smoothed__any_counts__between_prior_and_share(counts: Counts, prior: int, strength: int) -> None:
    smoothed = smoothed_ppm(counts, prior, strength)
    share = counts.clicks * PPM // counts.views if counts.views else prior
    assert min(share, prior) - 1 <= smoothed <= max(share, prior) + 1


def test_ppm__rates_out_of_range__are_clipped() -> None:
    assert Rates(0).ppm(1, 1) == RATE_PPM_MIN
    assert Rates(2 * PPM).ppm(1, 1) == PPM
