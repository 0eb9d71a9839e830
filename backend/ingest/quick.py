"""The short way for an event that is plainly good: the same answers as the pipeline's, for a quarter of the work.

Whoever is refused here is not refused yet: `judge` asks the pipeline, which names the reason (or lets it pass).
"""

from dataclasses import dataclass
from functools import lru_cache

import msgspec

from backend.core.click_id import click_id, reference
from backend.core.client_class import client_class, origin_mark
from backend.core.decision_token import BID_KINDS, Facts, TokenError, read
from backend.core.events import BILLS, KIND_BYTE, BidKind, EventKind, Sample
from backend.core.reasons import DropReason
from backend.core.traffic_marks import day_of_ms, network_mark, viewer_mark
from backend.ingest import pipeline, reports, robots
from backend.ingest.kernel import Kernel, Whole
from backend.ingest.pipeline import Circumstances, Incoming
from backend.ingest.reports import AcceptedRecord, DroppedRecord, Report, Viewable
from backend.ingest.viewability import plainly_viewable_at_ms

_VIEW, _CLICK = EventKind.VIEWABLE.value, EventKind.CLICK.value
_VIEW_BYTE, _CLICK_BYTE = KIND_BYTE[EventKind.VIEWABLE], KIND_BYTE[EventKind.CLICK]
_KINDS = tuple(kind.value for kind in BID_KINDS)
_BILLED = tuple(BILLS[kind] for kind in BID_KINDS)
_PER_ACTION = BID_KINDS.index(BidKind.CPA)
_viewer_mark = lru_cache(4_096)(viewer_mark)        # a batch comes from one viewer


class Judged(msgspec.Struct, gc=False):
    """An event with its verdict (`reason`; None: accepted). An accepted one still has to be new, and not one too many.

    `claim` is its name among the events whose tokens expire in the same minute: the decision without the first bytes
    of its time, then a byte for the kind. The kernel's records are JSON already.
    """

    record: AcceptedRecord | DroppedRecord | msgspec.Raw
    reason: DropReason | None = None
    viewer: bytes = b""
    expires_ms: int = 0
    claim: bytes = b""

    def refuse(self, reason: DropReason) -> None:
        """Drop what was accepted so far."""
        record = reports.decode_record(self.record) if isinstance(self.record, msgspec.Raw) else self.record
        self.record = DroppedRecord(reason, record.kind, record.decision_id, record.placement_id)
        self.reason = reason


_TAIL = 4           # the first bytes of a decision's time are the same for all of a minute
_VIEW_END, _CLICK_END = bytes.fromhex(_VIEW_BYTE), bytes.fromhex(_CLICK_BYTE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What `plainly_good` needs to know of a request, looked up once for all of its events."""

    about: Circumstances
    is_suspect: bool
    client: int
    origin: int
    skew_ms: int
    network_mark: int | None

    def mark(self) -> bytes:
        """The network's mark in JSON."""
        return b"null" if self.network_mark is None else b"%d" % self.network_mark

    def numbers(self) -> tuple[int, ...]:
        """What the kernel asks for, in its order."""
        about, rules = self.about, self.about.ruleset
        return (
            about.chain_id, about.now_ms, self.skew_ms, self.client, self.origin, rules.visible_bp_min,
            rules.screen_bp_min, rules.angle_cdeg_below, rules.sample_gap_ms_max, rules.viewable_ms_min,
            rules.viewable_video_ms_min, robots.FROZEN_MS_MIN, robots.SAMPLE_GAP_MS_MIN,
        )


def asked(about: Circumstances) -> Asked:
    return Asked(
        about, robots.declared(about.user_agent) or about.suspect, client_class(about.user_agent),
        origin_mark(about.origin), about.ruleset.clock_skew_seconds_max * 1_000,
        network_mark(about.ip, day_of_ms(about.now_ms), about.token_key),
    )


def judge_whole(body: bytes, request: Asked, kernel: Kernel | None) -> Whole | None:
    """What goes into the stream when all of a request is plain; None: judge its events one by one."""
    if kernel is None or request.is_suspect:
        return None
    found = kernel.body(body, request.about.token_key, request.mark(), *request.numbers())
    return None if found is None else Whole(*found)


def judge_all(batch: list[Report], request: Asked, kernel: Kernel | None) -> list[Judged]:
    """The verdicts about decoded events; `kernel` takes the views among them that are plainly good."""
    if kernel is None or request.is_suspect:
        return [judge(report, request) for report in batch]
    plain = kernel.views(batch, request.about.token_key, request.mark(), *request.numbers())
    return [
        judge(report, request) if found is None else Judged(msgspec.Raw(found[0]), None, *found[1:])
        for report, found in zip(batch, plain, strict=True)
    ]


def judge(report: Report, request: Asked) -> Judged:
    """The verdict about a decoded event."""
    good = plainly_good(report, request)
    if good is not None:
        return good
    one = pipeline.incoming(msgspec.Raw(b""))
    one.report = report
    return judged(one, pipeline.run_decoded(one, request.about), request.about)


def judge_raw(raw: msgspec.Raw, request: Asked) -> Judged:
    """The verdict about an event of a batch in which one is malformed."""
    one = pipeline.incoming(raw)
    return judged(one, pipeline.run(one, request.about), request.about)


def judged(one: Incoming, reason: DropReason | None, about: Circumstances) -> Judged:
    if reason is not None:
        return Judged(pipeline.dropped(one, reason), reason)
    return of_record(pipeline.accepted(one, about), one.token.viewer, one.token.expires_ms)


def of_record(record: AcceptedRecord, viewer: bytes, expires_ms: int) -> Judged:
    """An event that was accepted somewhere else."""
    return Judged(record, None, viewer, expires_ms, bytes.fromhex(record.event_id)[_TAIL:])


def plainly_good(report: Report, request: Asked) -> Judged | None:
    """The event as it is stored, or None when anything about it needs a closer look."""
    about = request.about
    try:
        facts = read(report.token, about.token_key)
    except TokenError:
        return None
    decided_ms = int.from_bytes(facts[1][:6], "big")
    latest_ms = about.now_ms + request.skew_ms - decided_ms
    if (
        facts[2] != about.chain_id or about.now_ms > facts[10] or not facts[4] or request.is_suspect or latest_ms < 0
        or (facts[14] != request.origin and facts[14] and request.origin)       # as same_origin and same_client
        or (facts[13] != request.client and facts[13] and request.client)
    ):
        return None
    if type(report) is not Viewable:
        return Judged(_click(facts, request), None, facts[11], facts[10], facts[1][_TAIL:] + _CLICK_END)
    samples = report.samples
    seen_ms = plainly_viewable_at_ms(samples, about.ruleset, video=facts[12])
    last_ms = samples[-1].t_ms
    watched_ms = last_ms - samples[0].t_ms
    if (
        not seen_ms or last_ms > latest_ms
        or watched_ms >= robots.FROZEN_MS_MIN or watched_ms < len(samples) * robots.SAMPLE_GAP_MS_MIN
    ):
        return None
    rendered_ms = report.rendered_at_ms
    occurred_ms = about.now_ms if rendered_ms is None else max(decided_ms, min(about.now_ms, rendered_ms + seen_ms))
    record = _view(facts, request, occurred_ms, samples)
    return Judged(record, None, facts[11], facts[10], facts[1][_TAIL:] + _VIEW_END)


def _view(facts: Facts, request: Asked, occurred_ms: int, samples: list[Sample]) -> AcceptedRecord:
    """As pipeline.accepted."""
    name, bid, price = facts[1].hex(), facts[9], facts[8]
    return AcceptedRecord(
        name + _VIEW_BYTE, name, _VIEW, _KINDS[bid], facts[3], facts[4], facts[5], facts[6], facts[7],
        price if _BILLED[bid] is EventKind.VIEWABLE else 0, occurred_ms, reports.samples_of(samples),
        price if bid == _PER_ACTION else 0, None,
        _viewer_mark(facts[11], facts[6], request.about.token_key), request.network_mark,
    )


def _click(facts: Facts, request: Asked) -> AcceptedRecord:
    name, bid, price, key = facts[1].hex(), facts[9], facts[8], request.about.token_key
    return AcceptedRecord(
        name + _CLICK_BYTE, name, _CLICK, _KINDS[bid], facts[3], facts[4], facts[5], facts[6], facts[7],
        price if _BILLED[bid] is EventKind.CLICK else 0, request.about.now_ms, reports.NO_SAMPLES,
        price if bid == _PER_ACTION else 0, reference(click_id(facts[1], key)),
        _viewer_mark(facts[11], facts[6], key), request.network_mark,
    )
