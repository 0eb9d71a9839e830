"""The compiled kernel of events: the same verdicts and records as without it, and nothing is lost without it."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.decision_token import decision_id, sign
from backend.core.events import BidKind
from backend.ingest import kernel, quick, reports
from backend.ingest.door.store import SEEN_MS
from backend.ingest.pipeline import Circumstances
from backend.ingest.quick import Judged
from backend.net.resp.commands import part
from scripts.kernel import build
from scripts.testing.fuzz_kernel import alter
from tests.rules.test_pipeline import ABOUT, FACTS, KEY, NOW_MS, click, event, reported

COMPILED = kernel.load()
compiled = pytest.mark.skipif(COMPILED is None, reason="no C compiler was there at make setup")
SHORT = [[t_ms, 9_800, 420, 1_200, True, True] for t_ms in range(0, 1_100, 100)]
NONE = kernel.Whole(b"", 0, b"", ())
LARGE = [0, 1, 2**31, 2**32, 2**53, 2**63 - 1]


def told(one: Judged) -> tuple[object, ...]:
    return msgspec.json.encode(one.record), one.reason, one.viewer, one.expires_ms, one.claim


def same(contents: list[Any], about: Circumstances) -> list[Judged]:
    """The verdicts, after both ways have said the same."""
    whole(body_of(contents), about)
    batch = reports.decode_batch(body_of(contents)).events
    request = quick.asked(about)
    with_it, without = (quick.judge_all(batch, request, one) for one in (COMPILED, None))
    assert [told(one) for one in with_it] == [told(one) for one in without]
    return with_it


@compiled
@given(st.lists(reported(), min_size=1, max_size=3), st.sampled_from(["", "9.9.9.9", "2620:fe::fe"]))
def test_judge_all__any_events__the_kernel_says_what_python_does(
    cases: list[tuple[object, Circumstances]], ip: str
) -> None:
    good = []
    for content, _ in cases:
        try:
            reports.decode_report(msgspec.json.encode(content))
        except msgspec.ValidationError:
            continue
        good.append(content)
    if good:
        same(good, replace(cases[0][1], ip=ip))


@compiled
@given(
    st.tuples(*[st.integers(0, 2**63 - 1) | st.sampled_from(LARGE)] * 4), st.integers(0, 2**32 - 1),
    st.binary(min_size=8, max_size=8), st.binary(min_size=16, max_size=80), st.sampled_from(BidKind),
    st.sampled_from([None, -(2**70), -(2**62), -5, 0, NOW_MS - 1_200, NOW_MS, 2**62, 2**63, 2**70]),
    st.binary(min_size=10, max_size=10),
)
def test_judge_all__any_facts__the_kernel_writes_the_record_that_python_does(
    numbers: tuple[int, ...], publisher: int, viewer: bytes, key: bytes, kind: BidKind, rendered_ms: int | None,
    random: bytes,
) -> None:
    campaign, line_item, placement, price = numbers
    facts = replace(
        FACTS, campaign=campaign, line_item=line_item, placement=placement, price_micro_usdc=price, viewer=viewer,
        publisher=publisher, bid_kind=kind, decision_id=decision_id(NOW_MS - 4_000, random),
    )
    about = replace(ABOUT, token_key=key, ip="9.9.9.9")
    tap = {"kind": "click", "token": sign(facts, key)}
    assert (whole(body_of([tap]), about) is not None) == (line_item > 0)
    judged = same([event(facts, key=key, rendered_at_ms=rendered_ms), tap], about)
    kernels = isinstance(judged[0].record, msgspec.Raw)
    assert kernels == (line_item > 0 and (rendered_ms is None or abs(rendered_ms) < 2**62))


@compiled
@given(st.integers(0, 143), st.characters() | st.sampled_from("+/=-_A"))
@settings(max_examples=60)
def test_judge_all__altered_letter__neither_way_takes_it(place: int, letter: str) -> None:
    token = sign(FACTS, KEY)
    altered = token[:place] + letter + token[place + 1 :]
    judged = same([event() | {"token": altered}], ABOUT)
    assert (judged[0].reason is None) == (altered == token)


@compiled
@pytest.mark.parametrize("length", [1, 63, 64, 65, 600])
def test_judge_all__many_samples_with_large_times__as_python(length: int) -> None:
    for step_ms in (4, 10, 200, 2**53):
        samples = [[place * step_ms, 10_000, 10_000, 17_999 * (place % 2), True, True] for place in range(length)]
        same([event(samples=samples), click(), event()], ABOUT)


def whole(body: bytes, about: Circumstances = ABOUT) -> kernel.Whole | None:
    """What the kernel reads in a body by itself, after Python has read the same."""
    request = quick.asked(about)
    found = quick.judge_whole(body, request, COMPILED)
    if found is None:
        return None
    judged = quick.judge_all(reports.decode_batch(body).events, request, None)
    assert [one.reason for one in judged] == [None] * found.events
    assert found.entry == reports.encode_entry(reports.Written(about.now_ms, [one.record for one in judged]))
    assert {one.viewer for one in judged} == {found.viewer}
    names: dict[int, list[bytes]] = {}
    for one in judged:
        names.setdefault(one.expires_ms // SEEN_MS, []).append(one.claim)
    assert found.names == tuple((minute, len(some), b"".join(map(part, some))) for minute, some in names.items())
    assert len({one.claim for one in judged}) == len(judged)
    return found


def many(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Views of different decisions of one viewer."""
    return [
        event(replace(FACTS, decision_id=decision_id(NOW_MS - 10_000, b"%010d" % number), **changes))
        for number in range(count)
    ]


def body_of(contents: list[Any]) -> bytes:
    return msgspec.json.encode({"events": contents})


@compiled
@given(st.lists(reported(), min_size=1, max_size=3), st.sampled_from(["", "9.9.9.9"]))
def test_judge_whole__any_events__nothing_or_what_python_says(
    cases: list[tuple[object, Circumstances]], ip: str
) -> None:
    whole(body_of([content for content, _ in cases]), replace(cases[0][1], ip=ip))


@compiled
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1_000), st.binary(max_size=4)), max_size=3),
    st.sampled_from([None, 0, NOW_MS - 3_000, NOW_MS + 5, 10**17, 10**18, -1]),
)
def test_judge_whole__altered_bytes__nothing_or_what_python_says(
    changes: list[tuple[int, int, bytes]], rendered_ms: int | None
) -> None:
    """A few bytes more, less or other ones, most of them in the part that is no token."""
    body = body_of([event(samples=SHORT, rendered_at_ms=rendered_ms), *many(1)])
    for longer, place, some in changes:
        at = place % len(body)
        body = body[:at] + some + body[at + longer :]
    whole(body)


@compiled
@given(st.integers(0, 400), st.sampled_from(list(b'0123456789-+.eE,:[]{}"truefalsn \\\x00\xff')))
def test_judge_whole__one_other_byte__nothing_or_what_python_says(place: int, byte: int) -> None:
    body = body_of([event(samples=SHORT)])
    at = place % len(body)
    whole(body[:at] + bytes([byte]) + body[at + 1 :])


@compiled
def test_judge_whole__plain_views__one_entry_and_their_names() -> None:
    found = whole(body_of(many(100)), replace(ABOUT, ip="9.9.9.9"))
    assert found is not None
    assert (found.events, found.viewer) == (100, FACTS.viewer)
    assert whole(body_of([*many(1), click(), click(replace(FACTS, bid_kind=BidKind.CPC))])) is None     # twins
    assert whole(body_of([*many(1), click(), event()])) is not None
    some = [*many(2), *many(3, expires_ms=FACTS.expires_ms + 60_000)[2:], *many(4)[3:]]
    assert [(count, minute) for minute, count, _ in (whole(body_of(some)) or NONE).names] == [
        (3, FACTS.expires_ms // SEEN_MS), (1, FACTS.expires_ms // SEEN_MS + 1),
    ]


@compiled
@pytest.mark.parametrize(
    "contents",
    [
        many(101), [*many(1), *many(1)], [*many(1), *many(2, viewer=b"viewer-9")[1:]],
        [*many(1), click() | {"more": 1}],
        [many(5, expires_ms=FACTS.expires_ms + 60_000 * n)[n] for n in range(5)],
        [event(samples=[[10 * n, 10_000, 400, 1_000, True, True] for n in range(601)])],
        [event(samples=[[0, 10_001, 400, 1, True, True], *SHORT[1:]])], [event(samples=[])], [event() | {"more": 1}],
        [event(replace(FACTS, line_item=0))], [event(key=b"l" * 32)], [event(rendered_at_ms=2**63)],
    ],
    ids=["too many", "twins", "two viewers", "more of a click", "five minutes", "601 samples", "too large", "none",
         "more", "a test", "forged", "late"],
)
def test_judge_whole__anything_special__left_to_python(contents: list[Any]) -> None:
    assert whole(body_of(contents)) is None


@compiled
def test_judge_whole__every_beginning_of_a_body__left_to_python() -> None:
    body = body_of(many(2))
    assert whole(body) is not None
    for length in range(len(body)):
        assert quick.judge_whole(body[:length], quick.asked(ABOUT), COMPILED) is None
    for more in (b" ", b"\n", b"\0", b"x", b"{}"):
        assert whole(body + more) is None


@compiled
@pytest.mark.parametrize("about", [replace(ABOUT, user_agent="curl/8"), replace(ABOUT, chain_id=1)])
def test_judge_whole__program_or_another_chain__left_to_python(about: Circumstances) -> None:
    assert whole(body_of(many(1)), about) is None


@compiled
def test_alter__compiled_kernel__takes_what_python_takes() -> None:
    """`make fuzz` does it for longer, with a kernel that notices every step outside of its memory."""
    assert COMPILED is not None
    tried, taken = alter(COMPILED, Random(1), 0.3)
    assert 0 < taken < tried


@compiled
def test_refuse__record_of_the_kernel__keeps_what_is_known_of_the_event() -> None:
    judged = same([event()], ABOUT)[0]
    assert isinstance(judged.record, msgspec.Raw)
    judged.refuse(quick.DropReason.REPLAYED)
    assert judged.record == reports.DroppedRecord(
        quick.DropReason.REPLAYED, "viewable", FACTS.decision_id.hex(), FACTS.placement
    )


@pytest.mark.parametrize("found", [None, SimpleNamespace(VERSION=kernel.VERSION - 1)])
def test_load__nothing_built_or_from_older_code__python_does_it(
    monkeypatch: pytest.MonkeyPatch, found: object
) -> None:
    import backend.ingest

    monkeypatch.delattr(backend.ingest, "_kernel", raising=False)
    monkeypatch.setitem(sys.modules, "backend.ingest._kernel", found)     # type: ignore[arg-type]
    if found is not None:
        monkeypatch.setattr(backend.ingest, "_kernel", found, raising=False)
    assert kernel.load() is None


@pytest.mark.parametrize(
    "compiler",
    [lambda folder: "no-such-compiler", lambda folder: "false", lambda folder: f"cp {folder}"],
    ids=["none", "fails", "breaks"],
)
def test_build__no_compiler_or_a_broken_one__says_so_and_leaves_nothing(
    tmp_path: Path, compiler: Callable[[Path], str]
) -> None:
    target = tmp_path / "_kernel.so"
    target.write_bytes(b"from an older source")
    assert build(tmp_path / "kernel.c", target, compiler(tmp_path)).startswith("left out")
    assert not list(tmp_path.iterdir())
