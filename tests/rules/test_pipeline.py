"""The steps of ingest: each drops exactly what its name says, and money is read from nothing but the token."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.click_id import click_id, reference
from backend.core.client_class import client_class, origin_mark
from backend.core.decision_token import DecisionToken, decision_id, sign
from backend.core.events import BidKind
from backend.core.reasons import DropReason
from backend.core.ruleset import Ruleset
from backend.core.traffic_marks import viewer_mark
from backend.ingest import pipeline, quick, reports
from backend.ingest.pipeline import Circumstances
from backend.ingest.reports import AcceptedRecord, DroppedRecord, Entry
from backend.ingest.sequence import Row, Sequence, asked_early, asked_ids, in_order, view_id

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
        occurred_ms=NOW_MS, samples=reports.samples_of(one.samples),
        viewer_mark=viewer_mark(FACTS.viewer, 11, KEY),
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


BROWSERS = {
    "firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "chrome": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "phone": "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36",
}


@pytest.mark.parametrize(
    ("decided", "reporting", "is_link", "verdict"),
    [
        ("firefox", "firefox", False, None), ("firefox", "chrome", False, DropReason.WRONG_CLIENT),
        ("firefox", "chrome", True, None), ("chrome", "phone", True, DropReason.WRONG_CLIENT),
        ("", "chrome", False, None), ("chrome", "", False, None),
    ],
)
def test_client__other_program_than_asked__dropped(
    decided: str, reporting: str, is_link: bool, verdict: DropReason | None
) -> None:
    """L83: apps and servers say nothing about themselves that could be compared."""
    facts = replace(FACTS, client=client_class(BROWSERS.get(decided, "Unity/6000")))
    about = replace(ABOUT, user_agent=BROWSERS.get(reporting, "Unity/6000"), is_link=is_link)
    assert reason(click(facts), about) is verdict


@pytest.mark.parametrize(
    ("decided", "reporting", "verdict"),
    [
        ("https://world.example", "https://WORLD.example", None),
        ("https://world.example", "https://farm.example", DropReason.WRONG_WORLD),
        ("https://world.example", "", None), ("", "https://farm.example", None),
        ("https://world.example", "null", None),
    ],
)
def test_world__reported_by_a_page_elsewhere__dropped(
    decided: str, reporting: str, verdict: DropReason | None
) -> None:
    """L83."""
    facts = replace(FACTS, origin=origin_mark(decided))
    assert reason(event(facts), replace(ABOUT, origin=reporting)) is verdict


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


# --- the short way ----------------------------------------------------------------------------------------------


@st.composite
def reported(draw: st.DrawFn) -> tuple[object, Circumstances]:
    """An event that is good or nearly so, and the request it comes in."""
    step_ms = draw(st.sampled_from([3, 5, 100, 250, 300, 301]))
    length = draw(st.sampled_from([1, 4, 5, 11, 12, 40, 120]))
    good = draw(st.booleans())
    samples = [[place * step_ms, 10_000, 400, 1_000 + place % draw(st.sampled_from([1, 7])), True, True]
               for place in range(length)]
    if not good:
        place, part = draw(st.integers(0, length - 1)), draw(st.integers(0, 5))
        samples[place][part] = draw(
            st.booleans() if part > 3 else st.sampled_from([-1, 0, 149, 150, 4_999, 5_000, 5_500, 18_001])
        )
    facts = replace(
        FACTS, bid_kind=draw(st.sampled_from(BidKind)), video=draw(st.booleans()),
        chain_id=draw(st.sampled_from([31337, 31337, 31337, 1])), line_item=draw(st.sampled_from([5, 5, 5, 0])),
        expires_ms=NOW_MS + draw(st.sampled_from([0, 1, 60_000, -1])), client=draw(st.sampled_from([0, 0x64])),
        decision_id=decision_id(NOW_MS + draw(st.sampled_from([-10_000, 0, 5_000, 5_001])), b"0123456789"),
        origin=origin_mark(draw(st.sampled_from(["", "https://world.example"]))),
    )
    content = draw(st.sampled_from([
        event(facts, samples=samples), event(facts, samples=samples, rendered_at_ms=NOW_MS - 3_000), click(facts),
        event(facts, key=b"x" * 32),
    ]))
    about = replace(
        ABOUT, user_agent=draw(st.sampled_from([*BROWSERS.values(), "Unity/6000", "ExampleBot/1.0"])),
        origin=draw(st.sampled_from(["", "https://world.example", "https://farm.example"])),
        ip=draw(st.sampled_from(["", "198.51.100.7"])), is_link=draw(st.booleans()),
    )
    return content, about


@given(reported())
def test_quick__any_event__says_and_keeps_what_the_pipeline_does(case: tuple[object, Circumstances]) -> None:
    """The short way is no second policy."""
    content, about = case
    verdict, one = judged(content, about)
    expected = pipeline.accepted(one, about) if verdict is None else pipeline.dropped(one, verdict)
    raw = msgspec.json.encode(content)
    assert quick.judge_raw(msgspec.Raw(raw), quick.asked(about)).record == expected
    try:
        report = reports.decode_report(raw)
    except msgspec.ValidationError:
        assert verdict is DropReason.MALFORMED
    else:
        found = quick.judge(report, quick.asked(about))
        assert (found.record, found.reason) == (expected, verdict)


def test_quick__plainly_good__does_not_ask_the_pipeline() -> None:
    shortest = [[t_ms, 10_000, 400, 9, True, True] for t_ms in (0, 300, 600, 900, 1_000)]
    for content in (event(), click(), event(samples=shortest)):
        assert quick.plainly_good(reports.decode_report(msgspec.json.encode(content)), quick.asked(ABOUT)) is not None


# --- what the order decides -------------------------------------------------------------------------------------


def accepted(facts: DecisionToken, kind: str = "viewable") -> AcceptedRecord:
    return pipeline.accepted(judged(event(facts) if kind == "viewable" else click(facts))[1], ABOUT)


def facts_of(number: int) -> DecisionToken:
    return replace(FACTS, decision_id=decision_id(NOW_MS - 10_000, number.to_bytes(10, "big")))


def ordered(
    entries: list[Entry], stored: frozenset[str] = frozenset(), early: dict[str, Row] | None = None, first: int = 0
) -> Sequence:
    return in_order([(f"{first + place:04}-0", entry) for place, entry in enumerate(entries)], stored, early)


def told(rows: list[Row]) -> list[DropReason | None]:
    """Verdicts by place in the stream."""
    rows = sorted(rows, key=lambda row: (row.stream_id, row.stream_index))
    return [row.record.reason if isinstance(row.record, DroppedRecord) else None for row in rows]


def verdicts(entries: list[Entry], stored: frozenset[str] = frozenset()) -> list[DropReason | None]:
    return told(ordered(entries, stored).rows)


def test_in_order__sent_twice__the_second_is_a_replay() -> None:
    """L28."""
    one = accepted(FACTS)
    assert verdicts([Entry(1, [one, one]), Entry(2, [one])]) == [None, DropReason.REPLAYED, DropReason.REPLAYED]
    assert verdicts([Entry(1, [one])], frozenset({one.event_id})) == [DropReason.REPLAYED]


def test_in_order__click_before_its_view__counts_after_it() -> None:
    """L82: in the same entries, and when the view comes in later ones."""
    view, tap = accepted(FACTS), accepted(FACTS, "click")
    together = ordered([Entry(1, [tap, view, tap])])
    assert told(together.rows) == [None, None, DropReason.REPLAYED]
    assert [row.record.kind for row in together.rows] == ["viewable", "click", "click"]
    assert (together.early, together.taken_back) == ([], [])
    alone = ordered([Entry(1, [tap, tap])])
    assert told(alone.rows) == [DropReason.CLICK_BEFORE_VIEW, DropReason.REPLAYED]
    early = dict(zip([tap.event_id], alone.early, strict=True))
    later = ordered([Entry(2, [tap, view])], early=early, first=1)
    assert told(later.rows) == [None, DropReason.REPLAYED, None]
    assert later.taken_back == [tap.event_id]


def test_in_order__click_of_a_stored_view__counts() -> None:
    view, tap = accepted(FACTS), accepted(FACTS, "click")
    assert verdicts([Entry(1, [tap])], frozenset({view_id(tap.decision_id)})) == [None]
    assert asked_ids([("1-0", Entry(1, [tap]))]) == {tap.event_id, view.event_id}
    assert asked_ids([("1-0", Entry(1, [view]))], views_too=False) == set()
    assert asked_early([("1-0", Entry(1, [view]))]) == {tap.event_id}


STREAMS = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["viewable", "click"])), min_size=1, max_size=5), max_size=8
)


@given(STREAMS, st.integers(0, 8))
def test_in_order__read_in_two_batches__same_rows_as_in_one(stream: list[list[tuple[int, str]]], cut: int) -> None:
    """L24, L82: wherever a consumer stops and another goes on."""
    entries = [Entry(1, [accepted(facts_of(number), kind) for number, kind in batch]) for batch in stream]
    whole = ordered(entries)
    first = ordered(entries[:cut])
    stored = frozenset(row.record.event_id for row in first.rows if isinstance(row.record, AcceptedRecord))
    early = {row.record.event_id: row for row in first.early if isinstance(row.record, AcceptedRecord)}
    second = ordered(entries[cut:], stored, early, cut)
    places = {(early[one].stream_id, early[one].stream_index) for one in second.taken_back}
    kept = [row for row in first.rows if (row.stream_id, row.stream_index) not in places]
    assert told(kept + second.rows) == told(whole.rows)
    events = [row for row in whole.rows if isinstance(row.record, AcceptedRecord)]
    assert [row for row in kept + second.rows if isinstance(row.record, AcceptedRecord)] == events
    names = [row.record.event_id for row in events if isinstance(row.record, AcceptedRecord)]
    assert len(names) == len(set(names))
    views = {name[:-2] for name in names if name.endswith("01")}
    assert {name[:-2] for name in names if name.endswith("02")} <= views


def test_entry__through_the_stream__comes_back_the_same() -> None:
    entry = Entry(NOW_MS, [accepted(FACTS), DroppedRecord(DropReason.MALFORMED, None, None, None)])
    assert reports.decode_entry(reports.encode_entry(entry)) == entry
