"""The compiled index says of every line item what the checks of eligibility say, reason for reason (L73)."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.events import BidKind
from backend.core.exchange import SupplyRequest
from backend.core.reasons import NoBidReason
from backend.pctr.rate import Rates
from backend.serving.catalogue import Catalogue, Creative, LineItem, Placement
from backend.serving.decision import open_book
from backend.serving.eligibility import Viewer, offer_at, refusal
from backend.serving.index import order as order_module
from backend.serving.index import stall as stall_module
from backend.serving.index.audience import Audience, Said
from backend.serving.index.codes import bits, reason_of
from backend.serving.index.dimension import Shapes
from backend.serving.index.stall import Stall
from backend.serving.index.terms import Compiler
from backend.serving.outside import LOOKED_AT_MAX, within
from tests.rules.index_kit import ITEMS, MARKETS, NOW_MS, PACED, RATES, SAID, SPENT, SURFACES, Both, numbered


def agree(both: Both, said: Said, seed: int, last: Stall | None = None) -> Stall:
    """The stall, after everything that it says was compared."""
    stall = Stall(both.market, both.surface, last)
    viewer = Viewer(*said)
    competing = stall.competing()
    late = dict(zip(competing.tolist(), stall.objections(both.moment, said, competing).tolist(), strict=True))
    for item in both.items:
        slot = both.terms.slots[item.id]
        standing = refusal(offer_at(item, both.surface, both.rates))
        assert reason_of(int(stall.codes[slot])) == standing, item
        if standing is None and item.bid_kind is not BidKind.SPONSORSHIP:
            assert reason_of(late[slot]) == both.why_not(item, viewer), item
    book = open_book(Catalogue(1, NOW_MS, {}, both.items, both.rates, {}), both.surface)
    assert [one.line_item.id for one in stall.external] == sorted(one.line_item.id for one in book.external)
    assert {one.line_item.id for one in stall.sponsors} == {one.line_item.id for one in book.sponsors}
    assert both.fast_sale(stall, said, seed) == both.sale(said, seed)
    return stall


@settings(max_examples=100)
@given(MARKETS, SURFACES, RATES, SPENT, PACED, SAID, st.integers(0, 2**64 - 1))
def test_stall__any_market__same_reasons_and_same_sale_as_the_checks(
    items: list[LineItem], surface: Placement, rates: Rates, spent: dict[int, NoBidReason], paced: dict[int, int],
    said: Said, seed: int,
) -> None:
    """L73."""
    agree(Both(Compiler().compile(items), rates, spent, paced, surface), said, seed)


CHANGES = st.lists(st.dictionaries(st.integers(1, 12), st.one_of(st.none(), ITEMS), max_size=4), min_size=1, max_size=4)


@settings(max_examples=60)
@given(MARKETS, CHANGES, SURFACES, RATES, SAID, st.integers(0, 2**64 - 1), st.booleans())
def test_patch__any_changes__as_if_compiled_from_what_there_is_now(
    items: list[LineItem], changes: list[dict[int, LineItem | None]], surface: Placement, rates: Rates, said: Said,
    seed: int, every: bool,
) -> None:
    """L73: and a stall that follows is the same as one that was just opened."""
    compiler = Compiler()
    terms = compiler.compile(items)
    there, stall = {item.id: item for item in items}, None
    for change in changes:
        now = {one: numbered(item, one) if item else None for one, item in change.items()}
        terms = compiler.patch(now)
        there |= {one: item for one, item in now.items() if item}
        there = {one: item for one, item in there.items() if now.get(one, item) is not None}
        both = Both(terms, rates, {}, {}, surface)
        assert {item.id: item for item in both.items} == there
        if every:
            stall = agree(both, said, seed, stall)
    agree(Both(terms, rates, {}, {}, surface), said, seed, stall)


@given(st.integers(1, 400), st.integers(0, 2**32), st.sampled_from([8, 16, 64]))
def test_contenders__many_chunks__same_as_one(count: int, seed: int, chunk: int) -> None:
    """L73: wherever the order is cut."""
    dice = np.random.default_rng(seed)
    shape = Creative(1, "image", 1_024, 512, "", "", "")
    items = [
        LineItem(
            id=one, campaign=1, owner=f"0x{dice.integers(3)}", bid_kind=BidKind.VCPM, even_pacing=False,
            bid_micro_usdc=int(dice.integers(1, 6)) * 1_000, starts_ms=0, ends_ms=NOW_MS * 2, creatives=(shape,),
            chain_campaign=1, line_item_active=bool(dice.integers(2)),
        )
        for one in range(1, count + 1)
    ]
    surface = Placement(1, 1, "art", 1, "0xpublisher", "image", 1_024, 512, 2_000)
    modules = (order_module, stall_module)
    before = order_module.CHUNK
    try:
        for module in modules:
            module.CHUNK = chunk
        both = Both(Compiler().compile(items), Rates(), {}, {}, surface)
        stall = Stall(both.market, surface)
        assert both.fast_sale(stall, (None, None, None, False), seed) == both.sale((None, None, None, False), seed)
    finally:
        for module in modules:
            module.CHUNK = before


@given(st.lists(st.booleans(), max_size=70))
def test_bits__any_flags__bit_by_bit(flags: list[bool]) -> None:
    number = bits(np.array(flags, bool))
    assert [bool(number >> place & 1) for place in range(len(flags))] == flags


def test_block__could_not_hold__is_out_until_the_next_moment() -> None:
    item = LineItem(
        id=1, campaign=1, owner="0xa", bid_kind=BidKind.VCPM, bid_micro_usdc=2_000, starts_ms=0, ends_ms=NOW_MS * 2,
        creatives=(Creative(1, "image", 1_024, 512, "", "", ""),), chain_campaign=1,
    )
    surface = Placement(1, 1, "art", 1, "0xpublisher", "image", 1_024, 512, 1_000)
    both = Both(Compiler().compile([item]), Rates(), {}, {}, surface)
    stall, said = Stall(both.market, surface), (None, None, None, False)
    assert both.fast_sale(stall, said, 0) is not None
    both.moment.block(0, NoBidReason.BUDGET)
    assert both.fast_sale(stall, said, 0) is None
    assert [reason_of(code) for code in stall.objections(both.moment, said, stall.competing())] == [NoBidReason.BUDGET]


def test_stall__sponsorship_below_the_floor_of_impressions__has_its_hour() -> None:
    """L73: its price was compared with the hourly floor when it was booked."""
    item = LineItem(
        id=1, campaign=1, owner="0xa", bid_kind=BidKind.SPONSORSHIP, bid_micro_usdc=1, starts_ms=0, chain_campaign=1,
        ends_ms=NOW_MS * 2, creatives=(Creative(1, "image", 1_024, 512, "", "", ""),),
    )
    surface = Placement(1, 1, "art", 1, "0xpublisher", "image", 1_024, 512, 1_000, deals_only=True)
    stall = agree(Both(Compiler().compile([item]), Rates(), {}, {}, surface), (None, None, None, False), 0)
    assert [one.line_item.id for one in stall.sponsors] == [1]


def test_within__exchange_that_admits_nobody__does_not_look_at_all_of_the_market() -> None:
    item = LineItem(
        id=1, campaign=1, owner="0xa", bid_kind=BidKind.VCPM, bid_micro_usdc=2_000, starts_ms=0, ends_ms=NOW_MS * 2,
        creatives=(Creative(1, "image", 1_024, 512, "", "", ""),), chain_campaign=7,
    )
    surface = Placement(1, 1, "art", 1, "0xpublisher", "image", 1_024, 512, 1_000)
    both = Both(Compiler().compile(replace(item, id=number) for number in range(1, 2_501)), Rates(), {}, {}, surface)
    stall, said = Stall(both.market, surface), ("DE", "de", "vr", True)
    for deal in (None, 5):
        asked = SupplyRequest(1, "viewer-key", 1_000, False, lambda _: False, deal)
        assert within(stall.walk(both.moment, Audience(stall.order, said)), 1_000, asked) == []
        assert len(stall.lots) <= LOOKED_AT_MAX


def test_shapes__surface_of_a_kind_that_no_creative_has__nobody_fits_and_readers_number_nothing() -> None:
    """Two threads that number at once would give two kinds one number: sounds would be shown as films."""
    shapes, surface = Shapes(), Placement(1, 1, "art", 1, "0xpublisher", "audio", 1, 1, 1_000)
    pictures = shapes.number([Creative(1, "image", 1, 1, "", "", "")])
    assert not shapes.table(surface)[pictures]
    films = shapes.number([Creative(2, "video", 1, 1, "", "", "")])
    assert shapes.kinds.find("audio") == -1
    assert shapes.kinds.find("video") == 1
    assert shapes.table(replace(surface, kind="video")).tolist() == [False, True] == [
        number == films for number in (pictures, films)
    ]
