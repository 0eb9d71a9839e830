"""The steps of ingest: each drops exactly what its name says, and money is read from nothing but the token."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.click_id import click_id, reference
from backend.core.decision_token import DecisionToken, decision_id, sign
from backend.core.events import BidKind
from backend.core.reasons import DropReason
from backend.core.ruleset import Ruleset
from backend.ingest import pipeline, reports
from backend.ingest.pipeline import Circumstances
from backend.ingest.reports import AcceptedRecord, DroppedRecord, Entry
from backend.ingest.sequence import asked_ids, in_order, view_id

KEY = b"k" * 32
NOW_MS = 1_800_000_000_000
ABOUT = Circumstances(NOW_MS, "Mozilla/5.0", 31337, KEY, Ruleset())
FACTS = DecisionToken(
    decision_id=decision_id(NOW_MS - 10_000, b"0123456789"), chain_id=31337, campaign=3, line_item=5, creative=7,
    placement=11, publisher=13, price_micro_usdc=4_321, bid_kind=BidKind.VCPM, expires_ms=NOW_MS + 110_000,
    viewer=b"viewer-8",
)
SEEN = [[t_ms, 10_000, 400, 1_000 + t_ms % 7, True, True] for t_ms in range(0, 1_500, 100)]


def event(facts: DecisionToken = FACTS, key: bytes = KEY, **changes: Any) -> dict[str, Any]:
    return {"kind": "viewable", "token": sign(facts, key), "samples": SEEN} | changes


def click(facts: DecisionToken = FACTS) -> dict[str, Any]:
    return {"kind": "click", "token": sign(facts, KEY)}


def judged(content: object, about: Circumstances = ABOUT) -> tuple[DropReason | None, pipeline.Incoming]:
    one = pipeline.incoming(msgspec.Raw(msgspec.json.encode(content)))
    return pipeline.run(one, about), one


def reason(content: object, about: Circumstances = ABOUT) -> DropReason | None:
    return judged(content, about)[0]


def test_run__good_view__accepted_with_the_tokens_facts() -> None:
    """L27."""
    verdict, one = judged(event())
    assert verdict is None
    assert pipeline.accepted(one, ABOUT) == AcceptedRecord(
        event_id=FACTS.decision_id.hex() + "01", decision_id=FACTS.decision_id.hex(), kind="viewable", bid_kind="vcpm",
        chain_campaign=3, line_item_id=5, creative_id=7, placement_id=11, publisher_index=13, price_micro_usdc=4_321,
        occurred_ms=NOW_MS, samples=one.samples,
    )


@pytest.mark.parametrize(
    ("bid_kind", "view_price", "click_price", "action_price"),
    [
        (BidKind.VCPM, 4_321, 0, 0), (BidKind.CPC, 0, 4_321, 0), (BidKind.CPA, 0, 0, 4_321),
        (BidKind.SPONSORSHIP, 0, 0, 0),
    ],
)
def test_accepted__price__only_for_the_kind_that_the_bid_pays_for(
    bid_kind: BidKind, view_price: int, click_price: int, action_price: int
) -> None:
    """L53: what a conversion will cost is kept with its view and its click, and nothing else costs anything then."""
    facts = replace(FACTS, bid_kind=bid_kind)
    view, tap = (pipeline.accepted(judged(one)[1], ABOUT) for one in (event(facts), click(facts)))
    assert (view.price_micro_usdc, tap.price_micro_usdc) == (view_price, click_price)
    assert {view.action_price_micro_usdc, tap.action_price_micro_usdc} == {action_price}


def test_accepted__click__can_be_found_by_the_reference_of_its_click_id() -> None:
    name = click_id(FACTS.decision_id, KEY)
    assert pipeline.accepted(judged(click())[1], ABOUT).click_ref == reference(name)
    assert pipeline.accepted(judged(event())[1], ABOUT).click_ref is None


@pytest.mark.parametrize("kind", ["conversion", "sponsored_hour"])
def test_run__kinds_that_no_world_reports__malformed(kind: str) -> None:
    """L53, L54: conversions come from advertisers and the chain, hours from ourselves."""
    assert reason({"kind": kind, "token": sign(FACTS, KEY)}) is DropReason.MALFORMED


@pytest.mark.parametrize(
    "content",
    [
        {}, [], 7, {"kind": "viewable"}, event(samples=[]), event(samples=[[0, 1, 2, 3, True]]),
        event(samples=[[0, 10_001, 400, 1_000, True, True]]), event(samples=[[0, 1, 400, 18_001, True, True]]),
        event(samples=[[-1, 1, 400, 1, True, True]]), event(samples=[[0, 1, 1, 1, 1, True]]),
        event(samples=[SEEN[1], SEEN[0]]), event(samples=[SEEN[0], SEEN[0]]),
        event(samples=[[0.5, 1, 1, 1, True, True]]),
        event(price_micro_usdc=1), event(kind="impression"), {"kind": "click", "token": "x" * 257},
        event(samples=[[t_ms, 1, 1, 1, True, True] for t_ms in range(601)]),
    ],
)
def test_decode__not_what_the_format_says__malformed(content: object) -> None:
    """L45."""
    assert reason(content) is DropReason.MALFORMED


def test_token__foreign_altered_or_other_text__bad_token() -> None:
    """L27."""
    good = sign(FACTS, KEY)
    flipped = good[:40] + ("A" if good[40] != "A" else "B") + good[41:]
    for text in (sign(FACTS, b"x" * 32), flipped, good + "=", good[:-1], "", "é"):
        assert reason(event(token=text)) is DropReason.BAD_TOKEN


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_token__any_bit_changed__bad_token(place: int, flip: int) -> None:
    """L27."""
    text = bytearray(sign(FACTS, KEY), "ascii")
    text[place % len(text)] ^= flip
    content = event(token=text.decode("latin-1"))
    assert reason(content) is DropReason.BAD_TOKEN


def test_chain__token_of_another_chain__wrong_chain() -> None:
    assert reason(event(replace(FACTS, chain_id=1))) is DropReason.WRONG_CHAIN


def test_expiry__last_millisecond__still_good() -> None:
    assert reason(event(replace(FACTS, expires_ms=NOW_MS))) is None
    assert reason(event(replace(FACTS, expires_ms=NOW_MS - 1))) is DropReason.EXPIRED


def test_from_the_future__watched_longer_than_it_exists__dropped() -> None:
    latest_ms = NOW_MS - 1_400 + ABOUT.ruleset.clock_skew_seconds_max * 1000
    for decided_ms, verdict in ((latest_ms, None), (latest_ms + 1, DropReason.FROM_THE_FUTURE)):
        facts = replace(FACTS, decision_id=decision_id(decided_ms, b"0123456789"))
        assert reason(event(facts)) is verdict


def test_from_the_future__decided_later_than_now__dropped() -> None:
    facts = replace(FACTS, decision_id=decision_id(NOW_MS + 5_001, b"0123456789"))
    assert reason(click(facts)) is DropReason.FROM_THE_FUTURE


def test_bot__declared_or_robotic__dropped() -> None:
    crawler = replace(ABOUT, user_agent="ExampleBot/1.0")
    assert reason(event(), crawler) is DropReason.BOT
    assert reason(click(), crawler) is DropReason.BOT
    assert reason(event(samples=[[t_ms, 10_000, 400, 9, True, True] for t_ms in range(500)])) is DropReason.BOT


@pytest.mark.parametrize(("active", "foreground"), [(False, True), (True, False)])
def test_inactive_viewer__nobody_there_to_see_it__dropped(active: bool, foreground: bool) -> None:
    samples = [[*sample[:4], active, foreground] for sample in SEEN]
    assert reason(event(samples=samples)) is DropReason.INACTIVE_VIEWER


def test_not_viewable__too_short_or_too_oblique__dropped() -> None:
    """L29."""
    assert reason(event(samples=SEEN[:10])) is DropReason.NOT_VIEWABLE
    assert reason(event(samples=[[*s[:3], 5_500, True, True] for s in SEEN])) is DropReason.NOT_VIEWABLE
    assert reason(event(replace(FACTS, video=True))) is DropReason.NOT_VIEWABLE


def test_dropped__nothing_of_a_forged_token_is_believed() -> None:
    """L27."""
    verdict, one = judged(event(key=b"x" * 32))
    assert verdict is not None
    assert pipeline.dropped(one, verdict) == DroppedRecord(DropReason.BAD_TOKEN, "viewable", None, None)


def test_rate__sixty_a_minute__the_next_is_dropped() -> None:
    assert pipeline.rate(0, 59, ABOUT.ruleset) is None
    assert pipeline.rate(1, 59, ABOUT.ruleset) is DropReason.RATE


def test_occurred__client_clock__never_before_the_decision_nor_after_now() -> None:
    for rendered_ms, occurred_ms in (
        (NOW_MS - 5_000, NOW_MS - 4_000), (0, NOW_MS - 10_000), (10**30, NOW_MS), (-(10**30), NOW_MS - 10_000),
    ):
        one = judged(event(rendered_at_ms=rendered_ms))[1]
        assert pipeline.accepted(one, ABOUT).occurred_ms == occurred_ms


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["kind", "token", "samples", "x"]), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_run__any_json__dropped_and_never_an_exception(content: object) -> None:
    """L26, L45."""
    verdict, one = judged(content)
    assert verdict in (DropReason.MALFORMED, DropReason.BAD_TOKEN)
    assert isinstance(pipeline.dropped(one, verdict), DroppedRecord)


# --- what the order decides -------------------------------------------------------------------------------------


def accepted(facts: DecisionToken, kind: str = "viewable") -> AcceptedRecord:
    return pipeline.accepted(judged(event(facts) if kind == "viewable" else click(facts))[1], ABOUT)


def facts_of(number: int) -> DecisionToken:
    return replace(FACTS, decision_id=decision_id(NOW_MS - 10_000, number.to_bytes(10, "big")))


def verdicts(entries: list[Entry], stored: frozenset[str] = frozenset()) -> list[DropReason | None]:
    rows = in_order([(f"{place}-0", entry) for place, entry in enumerate(entries)], stored)
    return [row.record.reason if isinstance(row.record, DroppedRecord) else None for row in rows]


def test_in_order__sent_twice__the_second_is_a_replay() -> None:
    """L28."""
    one = accepted(FACTS)
    assert verdicts([Entry(1, [one, one]), Entry(2, [one])]) == [None, DropReason.REPLAYED, DropReason.REPLAYED]
    assert verdicts([Entry(1, [one])], frozenset({one.event_id})) == [DropReason.REPLAYED]


def test_in_order__click__counts_only_after_its_view() -> None:
    view, tap = accepted(FACTS), accepted(FACTS, "click")
    assert verdicts([Entry(1, [tap, view, tap])]) == [DropReason.CLICK_BEFORE_VIEW, None, None]
    assert verdicts([Entry(1, [tap])], frozenset({view_id(tap.decision_id)})) == [None]
    assert asked_ids([("1-0", Entry(1, [tap]))]) == {tap.event_id, view.event_id}


STREAMS = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["viewable", "click"])), min_size=1, max_size=5), max_size=8
)


@given(STREAMS, st.integers(0, 8))
def test_in_order__read_in_two_batches__same_verdicts_as_in_one(
    stream: list[list[tuple[int, str]]], cut: int
) -> None:
    """L24: wherever a consumer stops and another goes on."""
    entries = [Entry(1, [accepted(facts_of(number), kind) for number, kind in batch]) for batch in stream]
    whole = verdicts(entries)
    first = in_order([(str(place), entry) for place, entry in enumerate(entries[:cut])], frozenset())
    stored = frozenset(row.record.event_id for row in first if isinstance(row.record, AcceptedRecord))
    assert verdicts(entries[:cut]) + verdicts(entries[cut:], stored) == whole
    ids = [record.event_id for entry in entries for record in entry.records if isinstance(record, AcceptedRecord)]
    kept = [event for event, verdict in zip(ids, whole, strict=True) if verdict is None]
    assert len(kept) == len(set(kept))


def test_entry__through_the_stream__comes_back_the_same() -> None:
    entry = Entry(NOW_MS, [accepted(FACTS), DroppedRecord(DropReason.MALFORMED, None, None, None)])
    assert reports.decode_entry(reports.encode_entry(entry)) == entry
