"""The trace of a request says of every line item what the checks say, one after the other."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.events import BidKind
from backend.core.reasons import NoBidReason
from backend.pctr.rate import Rates
from backend.serving.auction import asked_floor
from backend.serving.catalogue import LineItem, Placement
from backend.serving.decision import sponsor
from backend.serving.eligibility import Viewer
from backend.serving.explain import AUCTION, STEPS, Sees, Trace, trace
from backend.serving.index.audience import Audience, Said
from backend.serving.index.stall import Stall
from backend.serving.index.terms import Compiler
from tests.rules.index_kit import MARKETS, NOW_MS, PACED, RATES, SAID, SPENT, SURFACES, Both

RANDOM = bytes(18)
ALL = Sees("0xoperator", everything=True)


def traced(both: Both, said: Said, seed: int, sees: Sees = ALL) -> Trace:
    return trace(Stall(both.market, both.surface), both.moment, said, seed, RANDOM, sees)


@settings(max_examples=30)
@given(MARKETS, SURFACES, RATES, SPENT, PACED, SAID, st.integers(0, 2**64 - 1))
def test_trace__any_market__every_line_item_has_the_fate_that_the_checks_give_it(
    items: list[LineItem], surface: Placement, rates: Rates, spent: dict[int, NoBidReason], paced: dict[int, int],
    said: Said, seed: int,
) -> None:
    """L26, L73."""
    both = Both(Compiler().compile(items), rates, spent, paced, surface)
    found = traced(both, said, seed)
    reasons = {fate.line_item: fate.reason for fate in found.fates}
    assert reasons.keys() == {item.id for item in both.items}
    stall = Stall(both.market, surface)
    running, refused = sponsor(stall.sponsors, NOW_MS, {})
    viewer, floor = Viewer(*said), asked_floor(surface.floor_micro_usdc, surface.soft_floor_micro_usdc, seed)
    sold = None if running else stall.sell(both.moment, Audience(stall.order, said), floor, seed, random=RANDOM)
    winner = running.line_item.id if running else sold[0].line_item if sold else None
    for item in both.items:
        if item.id == winner:
            assert reasons[item.id] is None
        elif item.bid_kind is BidKind.SPONSORSHIP:
            assert reasons[item.id] == (both.why_not_ever(item) or refused[item.id])
        else:
            why = both.why_not(item, viewer)
            beaten = {NoBidReason.SPONSORED} if running else {NoBidReason.OUTBID, NoBidReason.BELOW_SOFT_FLOOR}
            assert reasons[item.id] == why if why else reasons[item.id] in beaten
    assert found.price_micro_usdc == (0 if running else sold[1] if sold else None)


@settings(max_examples=15)
@given(MARKETS, SURFACES, RATES, SPENT, SAID, st.integers(0, 2**64 - 1))
def test_trace__whoever_looks__counts_are_the_same_and_nothing_of_others_is_seen(
    items: list[LineItem], surface: Placement, rates: Rates, spent: dict[int, NoBidReason], said: Said, seed: int
) -> None:
    both = Both(Compiler().compile(items), rates, spent, {}, surface)
    whole = traced(both, said, seed)
    won = {fate.line_item for fate in whole.fates if fate.reason is None}
    counts = Counter({step: sum(some.values()) for step, some in whole.refused.items()})
    assert counts.total() + len(won) == whole.line_items == len(both.items)
    assert counts == Counter(fate.step for fate in whole.fates if fate.reason is not None)
    owner_of = {item.id: item.owner for item in both.items}
    for account in ("0xa", "0xb", surface.owner, "0xstranger"):
        seen = traced(both, said, seed, Sees(account))
        assert (seen.refused, seen.version, seen.line_items) == (whole.refused, whole.version, whole.line_items)
        assert {fate.line_item for fate in seen.fates} - {0} == {one for one in owner_of if owner_of[one] == account}
        for fate in seen.fates:
            if not fate.line_item:
                assert (account, fate.step, fate.bid_micro_usdc) == (surface.owner, STEPS[AUCTION], 0)
        assert seen.price_micro_usdc == (whole.price_micro_usdc if account == surface.owner else None)
