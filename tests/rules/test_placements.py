"""Rules of publishers, worlds and placements (L45)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.categories import WorldCategory, WorldEngine
from backend.core.errors import Unprocessable
from backend.placements import world
from backend.placements.placement import floor_per_impression
from backend.placements.publisher import Earnings, next_index
from backend.placements.world import WorldTerms


@given(st.integers(0, 10**9))
def test_floor__per_thousand__is_a_thousand_times_per_impression(each: int) -> None:
    assert floor_per_impression(None, each * 1_000) == each == floor_per_impression(each, None)


@given(st.integers(0, 10**12).filter(lambda amount: amount % 1_000))
def test_floor__not_whole_per_impression__is_refused(per_mille: int) -> None:
    with pytest.raises(Unprocessable, match="floor_not_whole"):
        floor_per_impression(None, per_mille)


@pytest.mark.parametrize(("per_impression", "per_mille"), [(None, None), (0, 0), (1, 1_000)])
def test_floor__given_not_once__is_refused(per_impression: int | None, per_mille: int | None) -> None:
    with pytest.raises(Unprocessable, match="floor_missing"):
        floor_per_impression(per_impression, per_mille)


@pytest.mark.parametrize(("highest", "expected"), [(0, 1), (1, 2), (41, 42), (-1, 1)])
def test_next_index__never_the_dust_account(highest: int, expected: int) -> None:
    assert next_index(highest) == expected


@pytest.mark.parametrize(("settled", "paid", "payable"), [(100, 30, 70), (100, 100, 0), (0, 5, 0)])
def test_payable__is_what_is_settled_and_not_sent(settled: int, paid: int, payable: int) -> None:
    assert Earnings(7, settled, paid).payable_micro_usdc == payable


def test_world__url_that_no_browser_should_open__is_refused() -> None:
    with pytest.raises(Unprocessable, match="url_not_allowed"):
        world.check(WorldTerms("Harbour", WorldEngine.THREE, WorldCategory.GAMES, "http://harbour.example"))
