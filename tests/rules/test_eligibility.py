"""Each check of eligibility objects to exactly what its name says."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.events import BidKind
from backend.core.reasons import NoBidReason
from backend.pctr.rate import Rates
from backend.serving.auction import Deal, asked_floor, auction
from backend.serving.catalogue import MS_PER_DAY, Catalogue, Creative, LineItem, Placement, Spending, Target, Wanted
from backend.serving.decision import contenders, open_book, viewer_bytes
from backend.serving.eligibility import KeptBack, fits, kept_back, offer, offer_at, refusal, refusal_now

NOON_MS = 20_000 * MS_PER_DAY + MS_PER_DAY // 2
CREATIVE = Creative(1, "image", 1024, 512, "https://a.example/x.png", "00" * 32, "https://a.example/")
PLACEMENT = Placement(
    id=1, world=7, category="social", publisher=1, owner="0xpublisher", kind="image", width=2048, height=1024,
    floor_micro_usdc=1_000,
)
ITEM = LineItem(
    id=1, campaign=1, owner="0xadvertiser", bid_kind=BidKind.VCPM, bid_micro_usdc=5_000, starts_ms=NOON_MS - MS_PER_DAY,
    ends_ms=NOON_MS + MS_PER_DAY, even_pacing=False, creatives=(CREATIVE,), chain_campaign=3,
)
RICH = Spending(left_micro_usdc=1_000_000)
TODAY = 20_000


def standing(item: LineItem, placement: Placement = PLACEMENT, rate_ppm: int = 10_000) -> NoBidReason | None:
    return refusal(offer(item, placement, rate_ppm))


def test_refusal__everything_fits__none() -> None:
    assert standing(ITEM) is None
    assert refusal_now(ITEM, RICH, NOON_MS) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"campaign_active": False}, NoBidReason.CAMPAIGN_INACTIVE),
        ({"line_item_active": False}, NoBidReason.LINE_ITEM_PAUSED),
        ({"owner": "0xpublisher"}, NoBidReason.OWN_CAMPAIGN),
        ({"wanted": Wanted(worlds=Target(only=frozenset({8})))}, NoBidReason.TARGETING_WORLD),
        ({"wanted": Wanted(worlds=Target(never=frozenset({7})))}, NoBidReason.TARGETING_WORLD),
        ({"wanted": Wanted(worlds=Target(frozenset({7}), frozenset({7})))}, NoBidReason.TARGETING_WORLD),
        ({"wanted": Wanted(categories=Target(only=frozenset({"art"})))}, NoBidReason.TARGETING_CATEGORY),
        ({"wanted": Wanted(placements=Target(never=frozenset({1})))}, NoBidReason.TARGETING_PLACEMENT),
        ({"creatives": ()}, NoBidReason.NO_CREATIVE),
        ({"bid_micro_usdc": 999}, NoBidReason.BELOW_FLOOR),
        ({"bid_kind": BidKind.CPA, "bid_micro_usdc": 4_999_999}, NoBidReason.BELOW_FLOOR),    # 0.02 % of it
        ({"bid_kind": BidKind.CPA, "bid_micro_usdc": 5_000_000}, None),
        ({"unfunded": NoBidReason.NOT_FUNDED}, NoBidReason.NOT_FUNDED),
        ({"unfunded": NoBidReason.BUDGET_UNKNOWN}, NoBidReason.BUDGET_UNKNOWN),
    ],
)
def test_refusal__one_thing_is_wrong__names_it(change: dict[str, Any], reason: NoBidReason) -> None:
    assert standing(replace(ITEM, **change)) is reason


@pytest.mark.parametrize("item", [{}, {"bid_kind": BidKind.SPONSORSHIP}, {"external": True}])
@pytest.mark.parametrize(
    ("placement", "reason"),
    [
        ({"paid": frozenset({"0xadvertiser"})}, NoBidReason.OWN_CAMPAIGN),
        ({"kin": frozenset({"0xmember", "0xadvertiser"})}, NoBidReason.OWN_CAMPAIGN),
        ({"kin": frozenset({"0xadvertiser"}), "deals": ((1, Deal(9, 500, fixed=True)),)}, NoBidReason.OWN_CAMPAIGN),
        ({"kin": frozenset({"0xmember"}), "paid": frozenset({"0xpublisher", "0xpayee"})}, None),
    ],
)
def test_refusal__owner_belongs_to_who_is_paid__own_campaign_however_it_is_sold(
    item: dict[str, Any], placement: dict[str, Any], reason: NoBidReason | None
) -> None:
    expected = NoBidReason.EXTERNAL if item.get("external") and reason is None else reason
    assert standing(replace(ITEM, **item), replace(PLACEMENT, **placement)) is expected


@pytest.mark.parametrize(
    ("item", "placement", "reason"),
    [
        ({}, {"deals_only": True}, NoBidReason.DEAL_ONLY),
        ({"bid_kind": BidKind.SPONSORSHIP}, {"deals_only": True}, None),
        ({}, {"deals_only": True, "deals": ((2, Deal(9, 500, fixed=True)),)}, NoBidReason.DEAL_ONLY),
        ({}, {"deals_only": True, "deals": ((1, Deal(9, 500, fixed=True)),)}, None),
        ({"bid_micro_usdc": 500}, {"deals": ((1, Deal(9, 500, fixed=False)),)}, None),
        ({"bid_micro_usdc": 4_000}, {"deals": ((1, Deal(9, 4_001, fixed=True)),)}, NoBidReason.BELOW_FLOOR),
    ],
)
def test_refusal__private_deals__stand_for_the_floor_and_open_what_is_closed(
    item: dict[str, Any], placement: dict[str, Any], reason: NoBidReason | None
) -> None:
    """L77."""
    assert standing(replace(ITEM, **item), replace(PLACEMENT, **placement)) is reason


@pytest.mark.parametrize(
    ("item", "spending", "reason"),
    [
        ({"starts_ms": NOON_MS + 1}, {}, NoBidReason.NOT_STARTED),
        ({"ends_ms": NOON_MS}, {}, NoBidReason.ENDED),
        ({}, {"left_micro_usdc": 0}, NoBidReason.BUDGET),
        ({"total_cap_micro_usdc": 9_000}, {"spent_total_micro_usdc": 9_000}, NoBidReason.TOTAL_CAP),
        ({"total_cap_micro_usdc": 9_000}, {"held_total_micro_usdc": 9_000}, NoBidReason.TOTAL_CAP),
        ({"total_cap_micro_usdc": 9_000}, {"spent_total_micro_usdc": 8_999}, None),
        ({"daily_cap_micro_usdc": 9_000}, {"spent_by_day_micro_usdc": {TODAY: 9_000}}, NoBidReason.DAILY_CAP),
        ({"daily_cap_micro_usdc": 9_000}, {"held_by_day_micro_usdc": {TODAY: 9_000}}, NoBidReason.DAILY_CAP),
        ({"daily_cap_micro_usdc": 9_000}, {"spent_by_day_micro_usdc": {TODAY - 1: 9_000}}, None),
    ],
)
def test_refusal_now__one_thing_is_wrong__names_it(
    item: dict[str, Any], spending: dict[str, Any], reason: NoBidReason | None
) -> None:
    assert refusal_now(replace(ITEM, **item), replace(RICH, **spending), NOON_MS) is reason


def test_refusal_now__even_pacing__waits_until_time_has_caught_up() -> None:
    item = replace(ITEM, even_pacing=True, daily_cap_micro_usdc=100_000)
    half_spent = replace(RICH, spent_by_day_micro_usdc={TODAY: 55_000})
    assert refusal_now(item, half_spent, NOON_MS) is NoBidReason.PACING
    assert refusal_now(item, half_spent, NOON_MS + MS_PER_DAY // 10) is None
    assert refusal_now(replace(item, even_pacing=False), half_spent, NOON_MS) is None


def test_kept_back__even_pacing__per_cap_and_none_without_cap() -> None:
    item = replace(ITEM, even_pacing=True, daily_cap_micro_usdc=100_000)
    assert kept_back(item, NOON_MS) == KeptBack(None, 45_000)
    assert kept_back(replace(item, total_cap_micro_usdc=200_000), NOON_MS) == KeptBack(95_000, 45_000)
    assert kept_back(replace(item, total_cap_micro_usdc=200_000, daily_cap_micro_usdc=None), NOON_MS).day is None
    assert kept_back(replace(item, even_pacing=False), NOON_MS) == KeptBack(None, 0)


def test_offer_at__learnt_rates__are_those_of_the_bid() -> None:
    """L78: a conversion's bid counts by the clicks and conversions that were counted."""
    learnt = Rates(cells_ppm={(1, 1): 40_000}, conversions_ppm={1: 50_000}, quality_permille={(1, 1): 1_200})
    bid = offer_at(replace(ITEM, bid_kind=BidKind.CPA), PLACEMENT, learnt).bid
    assert (bid.rate_ppm, bid.quality_permille) == (2_000, 1_200)
    unknown = offer_at(replace(ITEM, bid_kind=BidKind.CPA), PLACEMENT, Rates()).bid
    assert (unknown.rate_ppm, unknown.quality_permille) == (200, 1_000)


def test_below_floor__click_bid__counts_what_its_clicks_bring() -> None:
    clicks = replace(ITEM, bid_kind=BidKind.CPC, bid_micro_usdc=100_000)
    assert standing(clicks, rate_ppm=10_000) is None                              # 1 % of 100,000 is the floor
    assert standing(clicks, rate_ppm=9_999) is NoBidReason.BELOW_FLOOR


@pytest.mark.parametrize(
    ("size", "fitting"),
    [((1024, 512), True), ((512, 256), True), ((1034, 512), True), ((1050, 512), False), ((512, 1024), False)],
)
def test_fits__shape__within_two_percent(size: tuple[int, int], fitting: bool) -> None:
    assert fits(replace(CREATIVE, width=size[0], height=size[1]), PLACEMENT) is fitting


def test_fits__video_on_an_image_surface__no() -> None:
    assert not fits(replace(CREATIVE, kind="video"), PLACEMENT)


MARKETS = st.lists(
    st.tuples(
        st.integers(500, 3_000),                                            # bid; the floor is 1,000
        st.sampled_from(["0xa", "0xb", "0xc", "0xpublisher"]),
        st.sampled_from(["ok", "ok", "ok", "paused", "over", "poor", "blocked", "deal", "fixed deal"]),
        st.sampled_from([1_000, 1_000, 500, 1_400, 2_000]),                 # quality
    ),
    max_size=12,
)
Line = tuple[int, str, str, int]


def market(lines: list[Line]) -> tuple[Catalogue, dict[int, NoBidReason]]:
    """A catalogue with one placement, and the line items that could not hold a moment ago."""
    items = tuple(
        replace(
            ITEM, id=number, owner=owner, bid_micro_usdc=bid // 100 * 100, line_item_active=fate != "paused",
            ends_ms=NOON_MS if fate == "over" else ITEM.ends_ms,
        )
        for number, (bid, owner, fate, _) in enumerate(lines, 1)
    )
    spending = {number: RICH for number, line in enumerate(lines, 1) if line[2] != "poor"}
    blocked = {number: NoBidReason.PACING for number, line in enumerate(lines, 1) if line[2] == "blocked"}
    deals = tuple(
        (number, Deal(number, bid * 4 // 5, fixed=fate == "fixed deal"))
        for number, (bid, _, fate, _) in enumerate(lines, 1) if fate.endswith("deal")
    )
    surface = replace(PLACEMENT, deals=deals, soft_floor_micro_usdc=2_500)
    rates = Rates(quality_permille={(number, 1): line[3] for number, line in enumerate(lines, 1)})
    return Catalogue(1, NOON_MS, {1: surface}, items, rates, spending), blocked


@given(MARKETS, st.integers(0, 2**64 - 1))
def test_contenders__any_market__same_sale_as_if_everybody_took_part(lines: list[Line], seed: int) -> None:
    """L30, L76: the walk from the top may stop early."""
    catalogue, blocked = market(lines)
    surface = catalogue.placements[1]
    book = open_book(catalogue, surface)
    floor = asked_floor(surface.floor_micro_usdc, surface.soft_floor_micro_usdc, seed)
    found, _ = contenders(book, catalogue.spending, NOON_MS, blocked, asked_floor_micro_usdc=floor)
    everybody = [
        one.bid for one in book.offers
        if one.line_item.id not in blocked
        and refusal_now(one.line_item, catalogue.spending.get(one.line_item.id, Spending()), NOON_MS) is None
    ]
    assert auction([one.bid for one in found], floor, seed) == auction(everybody, floor, seed)


@given(MARKETS, st.sampled_from([1_000, 2_000, 3_000]))
def test_contenders__any_market__nobody_is_both_and_no_sale_means_a_reason_for_all(
    lines: list[Line], floor: int
) -> None:
    """L26."""
    catalogue, blocked = market(lines)
    book = open_book(catalogue, catalogue.placements[1])
    found, refused = contenders(book, catalogue.spending, NOON_MS, blocked, asked_floor_micro_usdc=floor)
    outcomes = [*book.refused, *refused, *(one.line_item.id for one in found)]
    assert len(outcomes) == len(set(outcomes))
    if not found:
        assert sorted(outcomes) == [item.id for item in catalogue.line_items]
        assert len([*book.refused.values(), *refused.values()]) == len(lines)


def test_viewer_bytes__next_day_or_other_key__cannot_be_linked() -> None:
    today = viewer_bytes("viewer-key", b"k" * 32, NOON_MS)
    assert today == viewer_bytes("viewer-key", b"k" * 32, NOON_MS + 1)
    assert today != viewer_bytes("viewer-key", b"k" * 32, NOON_MS + MS_PER_DAY)
    assert today != viewer_bytes("viewer-key", b"x" * 32, NOON_MS)
    assert today != viewer_bytes("other-key-", b"k" * 32, NOON_MS)
