"""Quality and what is learnt of conversions: bounded, neutral where little is known (L78)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.pctr.learning import Learning
from backend.pctr.quality import AS_IT_IS, NEUTRAL, Bounds, qualities
from backend.pctr.rate import (
    BASE_CONVERSION_PPM,
    CONVERSION_PPM_MAX,
    CONVERSION_PPM_MIN,
    Cell,
    Counts,
    rates,
)

CELL = st.tuples(st.integers(1, 4), st.integers(1, 3))
ASKED = st.dictionaries(CELL, st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=8)
BOUNDS = st.builds(Bounds, st.integers(1, 1_000), st.integers(1_000, 8_000))
COUNTS = st.builds(Counts, *(st.integers(0, 10**9) for _ in range(4)))
CELLS = st.dictionaries(CELL, COUNTS, max_size=8)


def quality(cells: dict[Cell, tuple[int, int]], cell: Cell, bounds: Bounds = AS_IT_IS) -> int:
    return qualities(cells, bounds).get(cell, NEUTRAL)


def test_qualities__nothing_known__neutral() -> None:
    assert qualities({}, AS_IT_IS) == {}
    assert qualities({(1, 1): (0, 0)}, AS_IT_IS) == {}


def test_qualities__worked_example__is_939() -> None:
    """The placement: 600 of 1,000 viewed; this line item 150 of 300, the other 450 of 700."""
    assert quality({(1, 1): (300, 150), (2, 1): (700, 450)}, (1, 1)) == 939


def test_qualities__seen_twice_as_often__nears_its_share_with_the_evidence() -> None:
    few = {(1, 1): (10, 8), (2, 1): (1_000_000, 400_000)}
    many = {(1, 1): (100_000, 80_000), (2, 1): (1_000_000, 400_000)}
    assert NEUTRAL < quality(few, (1, 1)) < 1_050
    assert 1_700 < quality(many, (1, 1)) < 2_000


def test_qualities__alone_on_a_placement__is_neutral() -> None:
    """Whatever the surface is like, that is the publisher's, not the ad's."""
    assert abs(quality({(1, 1): (1_000_000, 20_000)}, (1, 1)) - NEUTRAL) <= 10


def test_qualities__never_seen__as_low_as_the_bounds_allow() -> None:
    assert quality({(1, 1): (1_000_000, 0), (2, 1): (1_000_000, 500_000)}, (1, 1)) == AS_IT_IS.least_permille


@given(ASKED, BOUNDS)
def test_qualities__any_counts__within_bounds(cells: dict[Cell, tuple[int, int]], bounds: Bounds) -> None:
    """L78."""
    for permille in qualities(cells, bounds).values():
        assert bounds.least_permille <= permille <= bounds.most_permille


def test_qualities__switched_off__nobody_has_any() -> None:
    assert qualities({(1, 1): (10**6, 0), (2, 1): (10**6, 10**6)}, Bounds(1_000, 1_000)) == {}


@pytest.mark.parametrize("bounds", [(0, 2_000), (1_001, 2_000), (500, 999), (500, 8_001)])
def test_bounds__that_could_shut_out_or_overflow__are_refused(bounds: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="quality"):
        Bounds(*bounds)


# --- conversions ------------------------------------------------------------------------------------------------


def conversion_ppm(cells: dict[Cell, Counts], line_item: int, campaign_of: dict[int, int] | None = None) -> int:
    return rates(cells, campaign_of).conversion_ppm(line_item)


def test_conversions__nothing_counted__two_percent() -> None:
    assert conversion_ppm({}, 1) == BASE_CONVERSION_PPM


def test_conversions__much_data__close_to_the_counted_share() -> None:
    assert abs(conversion_ppm({(1, 1): Counts(10**7, 100_000, 7_000)}, 1) - 70_000) < 300


def test_conversions__one_lucky_conversion__hardly_moves() -> None:
    assert conversion_ppm({(1, 1): Counts(10, 1, 1)}, 1) < 2 * BASE_CONVERSION_PPM


def test_conversions__many_clicks_and_none__falls_until_no_floor_is_reached() -> None:
    """Who never reports conversions cannot go on showing ads for nothing."""
    assert conversion_ppm({(1, 1): Counts(10**8, 10**6, 0)}, 1) == CONVERSION_PPM_MIN


def test_conversions__new_line_item__takes_its_campaigns_rate() -> None:
    known = {(1, 1): Counts(10**6, 20_000, 2_000), (2, 1): Counts(10, 1, 0), (3, 1): Counts(10, 1, 0)}
    found = rates(known, {1: 7, 2: 7, 3: 8})
    assert found.conversion_ppm(2) > 80_000
    assert found.conversion_ppm(3) < found.conversion_ppm(2)


def test_conversions__clicks_of_who_sells_clicks__do_not_lower_everybodys_rate() -> None:
    cells = {(1, 1): Counts(10**6, 10_000, 500), (2, 1): Counts(10**8, 10**6, 0)}
    assert abs(rates(cells).conversions_everywhere_ppm - 50_000) < 2_000


@given(CELLS, st.integers(1, 5))
def test_conversions__any_counts__within_bounds(cells: dict[Cell, Counts], line_item: int) -> None:
    """L78."""
    assert CONVERSION_PPM_MIN <= conversion_ppm(cells, line_item, {1: 1, 2: 1}) <= CONVERSION_PPM_MAX


@given(st.lists(st.tuples(CELLS, st.dictionaries(st.integers(1, 4), st.integers(1, 2))), max_size=4), BOUNDS)
def test_learning__cell_by_cell_in_arrays__as_if_all_had_come_at_once(
    passes: list[tuple[dict[Cell, Counts], dict[int, int]]], bounds: Bounds
) -> None:
    """L78: the rule in plain numbers is what the arrays are compared with."""
    learning, together, campaign_of = Learning(bounds), dict[Cell, Counts](), dict[int, int]()
    for cells, campaigns in passes:
        together |= cells
        campaign_of |= campaigns
        assert learning.learn(cells, campaigns) == rates(together, campaign_of, bounds)
    assert learning.learn({}, {}, anew=True) == rates({})


def test_learning__more_cells_than_rows_at_first__keeps_them_all() -> None:
    cells = {(item, place): Counts(item * 10, item, 1, item * 12) for item in range(1, 61) for place in range(1, 41)}
    assert Learning().learn(cells, {}) == rates(cells)
