"""Markets at random, once as a catalogue for the checks of eligibility, once compiled."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from backend.core.events import BidKind
from backend.core.reasons import NoBidReason
from backend.pctr.rate import Rates
from backend.serving.auction import PPM, Deal, Sale, asked_floor, auction
from backend.serving.catalogue import (
    Blocks,
    Catalogue,
    Creative,
    Frequency,
    LineItem,
    Placement,
    Range,
    Spending,
    Target,
    Wanted,
)
from backend.serving.decision import contenders, open_book
from backend.serving.eligibility import Viewer, offer_at, refusal, refusal_now, refusal_of_viewer
from backend.serving.index.audience import Audience, Said
from backend.serving.index.codes import CODE
from backend.serving.index.market import Market, known, order_of, paced_bid
from backend.serving.index.moment import Moment
from backend.serving.index.pace import Paces
from backend.serving.index.stall import Stall
from backend.serving.index.terms import Terms

NOW_MS = 20_000 * 86_400_000 + 3_600_000 * 13
HOUR_MS = 3_600_000
RICH = Spending(left_micro_usdc=10**9)


def target(*values: Any) -> st.SearchStrategy[Target]:
    some = st.frozensets(st.sampled_from(values), max_size=2)
    nothing = st.just(frozenset[Any]())
    return st.one_of(st.just(Target()), st.just(Target()), st.builds(Target, some, st.one_of(nothing, some)))


limits = st.one_of(st.none(), st.none(), st.sampled_from([512, 1_024, 2_048]))
ranges = st.one_of(st.just(Range()), st.just(Range()), st.builds(Range, limits, limits))
WANTED = st.builds(
    Wanted, worlds=target(1, 2, 3), categories=target("art", "games"), placements=target(1, 2),
    publishers=target(1, 2), formats=target("image", "video"), engines=target("three", "unity"), width=ranges,
    height_mm=ranges, countries=target("DE", "FR"), languages=target("de", "fr"), devices=target("vr", "mobile"),
)
CREATIVES = st.lists(st.builds(
    Creative, st.just(0), st.sampled_from(["image", "image", "image", "video", "audio", "model"]),
    st.sampled_from([1_024, 1_034, 512]), st.sampled_from([512, 1_024]), st.just(""), st.just(""), st.just(""),
), max_size=2).map(tuple)


def numbered(item: LineItem, number: int) -> LineItem:
    """The line item under this number, with creatives of its own: no two share one."""
    own = tuple(replace(one, id=2 * number + place) for place, one in enumerate(item.creatives))
    return replace(item, id=number, creatives=own)


ITEMS = st.builds(
    LineItem, id=st.integers(1, 12), campaign=st.just(1), owner=st.sampled_from(["0xa", "0xb", "0xc", "0xpublisher"]),
    bid_kind=st.sampled_from([BidKind.VCPM, BidKind.VCPM, BidKind.CPC, BidKind.CPA, BidKind.SPONSORSHIP]),
    bid_micro_usdc=st.sampled_from([900, 1_000, 2_000, 3_000, 200_000, 10**9]),
    starts_ms=st.sampled_from([0, NOW_MS, NOW_MS + 1]), ends_ms=st.sampled_from([NOW_MS, NOW_MS + 1, NOW_MS * 2]),
    category=st.sampled_from(["games", "other"]), wanted=st.one_of(st.just(Wanted()), WANTED),
    hours=st.sampled_from([(1 << 168) - 1, (1 << 168) - 1, (1 << 84) - 1, 0x5555]),
    time_zone=st.sampled_from(["UTC", "Asia/Kathmandu"]), creatives=CREATIVES,
    frequency=st.sampled_from([None, None, Frequency(1, 1)]), line_item_active=st.sampled_from([True, True, False]),
    campaign_active=st.sampled_from([True, True, False]), chain_campaign=st.sampled_from([7, 7, None]),
    unfunded=st.sampled_from([None, None, None, NoBidReason.NOT_FUNDED, NoBidReason.BUDGET_UNKNOWN]),
    external=st.sampled_from([False, False, False, True]),
).map(lambda item: numbered(item, item.id))
DEALS = st.lists(
    st.tuples(st.integers(1, 12), st.builds(Deal, st.just(1), st.sampled_from([900, 2_500]), st.booleans())),
    max_size=3, unique_by=lambda deal: deal[0],
).map(tuple)
SURFACES = st.builds(
    Placement, id=st.integers(1, 3), world=st.integers(1, 3), category=st.sampled_from(["art", "games"]),
    publisher=st.integers(1, 2), owner=st.just("0xpublisher"), kind=st.sampled_from(["image", "image", "audio"]),
    width=st.sampled_from([1_024, 2_048]), height=st.sampled_from([512, 1_024]),
    floor_micro_usdc=st.sampled_from([0, 1_000, 2_500]), engine=st.sampled_from(["three", "unity"]),
    width_mm=st.one_of(st.none(), st.just(1_024)), height_mm=st.one_of(st.none(), st.just(1_024)),
    paid=st.sampled_from([frozenset(), frozenset(), frozenset({"0xa"})]),
    kin=st.sampled_from([frozenset(), frozenset(), frozenset({"0xc", "0xstranger"})]),
    accepts=st.sampled_from([frozenset(), frozenset(), frozenset({"games"})]),
    blocks=st.builds(
        Blocks, st.sampled_from([frozenset(), frozenset({"0xb"})]),
        st.sampled_from([frozenset(), frozenset({"other"})]), st.frozensets(st.integers(2, 25), max_size=8),
    ),
    deals=st.one_of(st.just(()), DEALS), deals_only=st.sampled_from([False, False, False, True]),
    external_demand=st.booleans(), soft_floor_micro_usdc=st.sampled_from([None, 3_000]),
)
CELL = st.tuples(st.integers(1, 12), st.integers(1, 3))
CELLS = st.dictionaries(CELL, st.sampled_from([10, 5_000, 900_000]), max_size=6)
RATES = st.builds(
    Rates, line_items_ppm=st.dictionaries(st.integers(1, 12), st.sampled_from([4_000, 20_000]), max_size=4),
    cells_ppm=CELLS, conversions_ppm=st.dictionaries(st.integers(1, 12), st.just(100_000), max_size=3),
    quality_permille=st.dictionaries(CELL, st.sampled_from([500, 2_000]), max_size=4),
)
MARKETS = st.lists(ITEMS, max_size=12, unique_by=lambda item: item.id)
SAID = st.tuples(
    st.sampled_from([None, "DE", "FR"]), st.sampled_from([None, "de"]), st.sampled_from([None, "vr"]), st.booleans()
)
SPENT = st.dictionaries(st.integers(1, 12), st.sampled_from([NoBidReason.BUDGET, NoBidReason.PACING]), max_size=3)
PACED = st.dictionaries(st.integers(1, 12), st.sampled_from([1_000_000, 500_000, 333_333]), max_size=6)


@dataclass
class Both:
    """The same market twice: as a catalogue, and compiled."""

    terms: Terms
    rates: Rates
    spent: dict[int, NoBidReason]
    paced: dict[int, int]
    surface: Placement

    def __post_init__(self) -> None:
        spend, pacing = np.zeros(self.terms.size, np.uint8), np.full(self.terms.size, PPM, np.int64)
        for one, slot in self.terms.slots.items():
            spend[slot], pacing[slot] = CODE[self.spent.get(one)], self.paced.get(one, PPM)
        learned = known(self.terms, self.rates)
        order = order_of(self.terms, learned, pacing)
        full = np.full(self.terms.size, PPM, np.int64)
        self.market = Market(1, NOW_MS, {}, self.terms, learned, order, Paces(spend, pacing, full, {}))
        self.moment = Moment(order, spend, NOW_MS)
        self.items = tuple(self.terms.item(slot) for slot in self.terms.alive.tolist())

    def why_not_ever(self, item: LineItem) -> NoBidReason | None:
        return refusal(offer_at(item, self.surface, self.rates))

    def why_not(self, item: LineItem, viewer: Viewer) -> NoBidReason | None:
        """By the checks, one after the other; what may be spent is told, and told by name."""
        return (
            self.why_not_ever(item) or refusal_now(replace(item, even_pacing=False), RICH, NOW_MS)
            or self.spent.get(item.id) or refusal_of_viewer(item, viewer, NOW_MS)
        )

    def sale(self, said: Said, seed: int) -> Sale | None:
        """As the pure rules have it, with the bids that pacing leaves."""
        viewer = Viewer(*said)
        items = tuple(replace(item, even_pacing=False) for item in self.items)
        book = open_book(Catalogue(1, NOW_MS, {}, items, self.rates, {item.id: RICH for item in items}), self.surface)
        offers = [
            replace(one, bid=paced_bid(one.bid, self.paced.get(one.line_item.id, PPM))) for one in book.offers
        ]
        offers.sort(key=lambda one: (-one.bid.tier, -one.bid.score))
        found, _ = contenders(
            replace(book, offers=tuple(offers)), {item.id: RICH for item in items}, NOW_MS, self.spent, viewer,
            asked_floor(self.surface.floor_micro_usdc, self.surface.soft_floor_micro_usdc, seed),
        )
        return auction([one.bid for one in found], self._floor(seed), seed)

    def _floor(self, seed: int) -> int:
        return asked_floor(self.surface.floor_micro_usdc, self.surface.soft_floor_micro_usdc, seed)

    def fast_sale(self, stall: Stall, said: Said, seed: int) -> Sale | None:
        sold = stall.sell(self.moment, Audience(self.market.order, said), self._floor(seed), seed)
        return Sale(sold[0].bid, sold[1]) if sold else None
