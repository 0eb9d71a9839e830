"""Why nobody else won, counted for all at once, is what one gets by asking each line item about each request (L26)."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.events import BidKind
from backend.core.reasons import NoBidReason
from backend.pctr.rate import Rates
from backend.serving.auction import Bid
from backend.serving.catalogue import LineItem, Placement
from backend.serving.eligibility import Viewer
from backend.serving.index.audience import Said
from backend.serving.index.stall import Stall
from backend.serving.index.terms import Compiler
from backend.serving.tally import counting
from backend.serving.tally.counting import Counts, by_hour, by_minute
from backend.serving.tally.margins import Margins, decode_margins, encode_margins
from backend.serving.tally.spread import Spread
from tests.rules.index_kit import MARKETS, RATES, SAID, SURFACES, Both

Asked = dict[Said, int]
ASKED = st.dictionaries(SAID, st.integers(1, 5), max_size=4)


@settings(max_examples=60)
@given(MARKETS, SURFACES, SURFACES, RATES, ASKED, ASKED, st.integers(0, 3))
def test_spread__any_market_and_requests__one_reason_for_each_line_item_and_request(
    items: list[LineItem], first: Placement, second: Placement, rates: Rates, some: Asked, others: Asked, away: int
) -> None:
    """L26."""
    terms = Compiler().compile(items)
    spread: Spread | None = None
    expected: Counter[tuple[int, int, str]] = Counter()
    for surface, asked, sponsored in ((first, some, away), (second, others, 0)):
        both = Both(terms, rates, {1: NoBidReason.BUDGET}, {}, surface)
        spread = spread or Spread(both.moment)
        spread.add(Stall(both.market, surface), asked, sponsored, {})
        for item in both.items:
            for reason, n in outcomes(both, item, asked, sponsored):
                expected[0, item.id, reason.value] += n
                if n:
                    expected[surface.id, 0, reason.value] += n
    assert spread is not None
    assert decode_margins(encode_margins(spread.margins())) == +expected


def outcomes(both: Both, item: LineItem, asked: Asked, sponsored: int) -> list[tuple[NoBidReason, int]]:
    standing = both.why_not_ever(item)
    if standing is not None:
        return [(standing, sum(asked.values()) + sponsored)]
    if item.bid_kind is BidKind.SPONSORSHIP:
        return []                                   # counted by name, request by request
    found = [(both.why_not(item, Viewer(*said)) or NoBidReason.OUTBID, n) for said, n in asked.items()]
    return [*found, (NoBidReason.SPONSORED, sponsored)]


def test_margins__nothing__is_nothing() -> None:
    none = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
    assert decode_margins(encode_margins(Margins((), none, none))) == Counter()


@given(MARKETS, st.integers(1, 4))
def test_spread__whoever_had_his_turn__is_counted_by_name_alone(items: list[LineItem], turns: int) -> None:
    surface, said = Placement(1, 1, "art", 1, "0xpublisher", "image", 1_024, 512, 0), (None, None, None, False)
    both = Both(Compiler().compile(items), Rates(), {}, {}, surface)
    spread = Spread(both.moment)
    rivals = [
        item.id for item in items
        if item.bid_kind is not BidKind.SPONSORSHIP and both.why_not(item, Viewer(*said)) is None
    ]
    spread.add(Stall(both.market, surface), {said: 4}, 0, dict.fromkeys(rivals, turns))
    counted = decode_margins(encode_margins(spread.margins()))
    found = {item: counted[0, item, NoBidReason.OUTBID.value] for item in rivals}
    assert found == dict.fromkeys(rivals, 4 - turns)
    assert counted[1, 0, NoBidReason.OUTBID.value] == len(rivals) * (4 - turns)


def lot(line_item: int, bid_micro_usdc: int) -> Any:
    return SimpleNamespace(bid=Bid(line_item, "0xa", bid_micro_usdc, 1_000_000))


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 10**9), st.integers(1, 10**9))))
def test_counts__so_much_that_prices_are_rounded__minutes_and_hours_say_the_same(
    sales: list[tuple[int, int, int, int]]
) -> None:
    """L26: how much is counted exactly changes nothing of what is told."""
    exact, rounded = Counts(), Counts(exact_max=0)
    for placement, item, bid, price in sales:
        for counts in (exact, rounded):
            counts.sold(0, placement, ("DE", None, None, True), lot(item, bid), price)
    assert {minute: set(one) for minute, one in by_minute(rounded).items()} == {
        minute: set(one) for minute, one in by_minute(exact).items()
    }
    assert {hour: set(one) for hour, one in by_hour(rounded.answers).items()} == {
        hour: set(one) for hour, one in by_hour(exact.answers).items()
    }


def test_counts__prices_and_audiences_without_end__memory_has_a_bound_and_every_request_is_counted() -> None:
    """L26: a soft floor asks another price of each request, and a client may invent countries."""
    counts, asked = Counts(), 120_000
    for n in range(asked):
        said = (f"{n % 676:02}", f"{n % 659:02}", None, True)
        counts.sold(0, n % 2_000, said, lot(n % 5, 5_000), 1_000 + n % 4_001)
    assert sum(counts.answers.values()) == asked
    assert len(counts.answers) < 45_000
    assert sum(sum(known.values()) for known in counts.asked.values()) + counts.more.total() == asked
    assert sum(map(len, counts.asked.values())) <= counting.AUDIENCES_IN_ALL_MAX
    assert len(counts.heard) <= counting.HEARD_MAX
    assert len(counts.asked) == 2_000
