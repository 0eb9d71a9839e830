"""The compiled kernel of events: the same verdicts and records as without it, and nothing is lost without it."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.decision_token import decision_id, sign
from backend.core.events import BidKind
from backend.ingest import kernel, quick, reports
from backend.ingest.pipeline import Circumstances
from backend.ingest.quick import Judged
from scripts.kernel import build
from tests.rules.test_pipeline import ABOUT, FACTS, KEY, NOW_MS, click, event, reported

COMPILED = kernel.load()
compiled = pytest.mark.skipif(COMPILED is None, reason="no C compiler was there at make setup")
LARGE = [0, 1, 2**31, 2**32, 2**53, 2**63 - 1]


def told(one: Judged) -> tuple[object, ...]:
    return msgspec.json.encode(one.record), one.reason, one.viewer, one.expires_ms, one.claim


def same(contents: list[Any], about: Circumstances) -> list[Judged]:
    """The verdicts, after both ways have said the same."""
    batch = reports.decode_batch(msgspec.json.encode({"events": contents})).events
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
    judged = same([event(facts, key=key, rendered_at_ms=rendered_ms)], about)
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
