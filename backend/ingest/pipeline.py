"""What happens to a reported event before it counts: a list of steps, each lets it pass or names a DropReason.

ingest/quick.py takes what is plainly good past these steps; whatever it does not understand comes here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from backend.core.click_id import click_id, reference
from backend.core.client_class import client_class, origin_mark, same_client, same_origin, same_system
from backend.core.decision_token import DecisionToken, TokenError, verify
from backend.core.events import BILLS, BidKind, EventKind, Sample, event_id
from backend.core.reasons import DropReason
from backend.core.ruleset import Ruleset
from backend.core.traffic_marks import day_of_ms, network_mark, viewer_mark
from backend.ingest import reports, robots, viewability
from backend.ingest.reports import AcceptedRecord, DroppedRecord, Report, Viewable


class Lists(Protocol):
    """Who is known at the door; what is kept of them is backend/traffic/lists.py."""

    def data_centre(self, ip: str, publisher: int | None = None) -> bool: ...
    def crawler(self, user_agent: str) -> bool: ...


class NoLists:
    """Knows nobody."""

    def data_centre(self, ip: str, publisher: int | None = None) -> bool:
        return False

    def crawler(self, user_agent: str) -> bool:
        return False


NO_LISTS = NoLists()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is true for all events of one request. `is_link`: somebody followed GET /c/{token}."""

    now_ms: int
    user_agent: str
    chain_id: int
    token_key: bytes
    ruleset: Ruleset
    origin: str = ""
    is_link: bool = False
    ip: str = ""
    lists: Lists = NO_LISTS

    @property
    def suspect(self) -> bool:
        """Whether `data_centre` and `crawler` must be asked for each event; else they would let all of them pass."""
        return self.lists.data_centre(self.ip) or self.lists.crawler(self.user_agent)


@dataclass(slots=True)
class Incoming:
    """An event on its way through the steps; `report` is there after `decode`, `token` after `token`."""

    raw: msgspec.Raw
    report: Report
    token: DecisionToken
    seen_ms: int = 0

    @property
    def samples(self) -> list[Sample]:
        return self.report.samples if isinstance(self.report, Viewable) else []

    @property
    def kind(self) -> EventKind:
        return EventKind.VIEWABLE if isinstance(self.report, Viewable) else EventKind.CLICK


NOTHING = reports.Click(token="")
UNKNOWN = DecisionToken(b"", 0, 0, 0, 0, 0, 0, 0, next(iter(BILLS)), 0, b"")

Step = Callable[[Incoming, Circumstances], DropReason | None]


def decode(event: Incoming, _about: Circumstances) -> DropReason | None:
    try:
        event.report = reports.decode_report(event.raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return DropReason.MALFORMED
    return None if reports.in_time(event.samples) else DropReason.MALFORMED


def token(event: Incoming, about: Circumstances) -> DropReason | None:
    """Everything about money is read from the token, and only from it."""
    try:
        event.token = verify(event.report.token, about.token_key)
    except TokenError:
        return DropReason.BAD_TOKEN
    return None


def chain(event: Incoming, about: Circumstances) -> DropReason | None:
    return DropReason.WRONG_CHAIN if event.token.chain_id != about.chain_id else None


def expiry(event: Incoming, about: Circumstances) -> DropReason | None:
    return DropReason.EXPIRED if about.now_ms > event.token.expires_ms else None


def world(event: Incoming, about: Circumstances) -> DropReason | None:
    """A token that is reported by the page of another origin was carried there. Apps and servers have no origin."""
    return None if same_origin(event.token.origin, origin_mark(about.origin)) else DropReason.WRONG_WORLD


def client(event: Incoming, about: Circumstances) -> DropReason | None:
    """Nobody changes browser or system between an ad and its view; a link may open in another browser."""
    same = same_system if about.is_link else same_client
    return None if same(event.token.client, client_class(about.user_agent)) else DropReason.WRONG_CLIENT


def from_the_future(event: Incoming, about: Circumstances) -> DropReason | None:
    """Decided later than now, or watched for longer than since the decision."""
    since_decision_ms = about.now_ms + about.ruleset.clock_skew_seconds_max * 1000 - event.token.decided_ms
    watched_ms = event.samples[-1].t_ms if event.samples else 0
    return DropReason.FROM_THE_FUTURE if watched_ms > since_decision_ms else None


def data_centre(event: Incoming, about: Circumstances) -> DropReason | None:
    """Machines live there, unless the operator knows that worlds are streamed to people from it."""
    known = about.lists.data_centre(about.ip) and about.lists.data_centre(about.ip, event.token.publisher)
    return DropReason.DATA_CENTRE if known else None


def crawler(_event: Incoming, about: Circumstances) -> DropReason | None:
    return DropReason.CRAWLER if about.lists.crawler(about.user_agent) else None


def bot(event: Incoming, about: Circumstances) -> DropReason | None:
    caught = robots.declared(about.user_agent) or (event.samples and robots.robotic(event.samples))
    return DropReason.BOT if caught else None


def inactive_viewer(event: Incoming, about: Circumstances) -> DropReason | None:
    """The ad was there to be seen, but nobody was there to see it."""
    if not isinstance(event.report, Viewable):
        return None
    video, rules = event.token.video, about.ruleset
    seen_ms = viewability.viewable_at_ms(event.samples, rules, video=video)
    if seen_ms is not None:
        event.seen_ms = seen_ms
        return None
    shown_ms = viewability.shown_at_ms(event.samples, rules, video=video)
    return DropReason.INACTIVE_VIEWER if shown_ms is not None else None


def not_viewable(event: Incoming, _about: Circumstances) -> DropReason | None:
    return DropReason.NOT_VIEWABLE if isinstance(event.report, Viewable) and not event.seen_ms else None


def test(event: Incoming, _about: Circumstances) -> DropReason | None:
    """The last step, so that a test tells what a sale would have: this event would have counted."""
    return DropReason.TEST if event.token.test else None


PIPELINE: tuple[Step, ...] = (
    decode, token, chain, expiry, world, client, from_the_future, bot, crawler, data_centre, inactive_viewer,
    not_viewable, test,
)
"""The stateless steps, in order. After them come `rate` (counted in Redis) and `sequence` (what SQL has already)."""


def run(event: Incoming, about: Circumstances) -> DropReason | None:
    """The first objection, or None."""
    for step in PIPELINE:
        reason = step(event, about)
        if reason is not None:
            return reason
    return None


def run_decoded(event: Incoming, about: Circumstances) -> DropReason | None:
    """As `run`, for an event whose `report` is there already."""
    if not reports.in_time(event.samples):
        return DropReason.MALFORMED
    for step in PIPELINE[1:]:
        reason = step(event, about)
        if reason is not None:
            return reason
    return None


def rate(position: int, counted: int, ruleset: Ruleset) -> DropReason | None:
    """`counted` events of a viewer's minute came before this request; this one is number `position` (from 0) in it."""
    return DropReason.RATE if counted + position >= ruleset.viewer_events_per_minute_max else None


def incoming(raw: msgspec.Raw) -> Incoming:
    """An event of which nothing is known yet."""
    return Incoming(raw, NOTHING, UNKNOWN)


def accepted(event: Incoming, about: Circumstances) -> AcceptedRecord:
    """The event as it is stored. The price is the token's for the kind that the bid pays for, else 0.

    What a conversion costs and how a contract may name the click are kept with it: both are known only now.
    """
    facts, kind = event.token, event.kind
    is_click = kind is EventKind.CLICK
    return AcceptedRecord(
        event_id=event_id(facts.decision_id, kind),
        decision_id=facts.decision_id.hex(),
        kind=kind.value,
        bid_kind=facts.bid_kind.value,
        chain_campaign=facts.campaign,
        line_item_id=facts.line_item,
        creative_id=facts.creative,
        placement_id=facts.placement,
        publisher_index=facts.publisher,
        price_micro_usdc=facts.price_micro_usdc if BILLS[facts.bid_kind] is kind else 0,
        occurred_ms=_occurred_ms(event, about.now_ms),
        samples=reports.samples_of(event.samples),
        action_price_micro_usdc=facts.price_micro_usdc if facts.bid_kind is BidKind.CPA else 0,
        click_ref=reference(click_id(facts.decision_id, about.token_key)) if is_click else None,
        viewer_mark=viewer_mark(facts.viewer, facts.placement, about.token_key),
        network_mark=network_mark(about.ip, day_of_ms(about.now_ms), about.token_key),
    )


def dropped(event: Incoming, reason: DropReason) -> DroppedRecord:
    """What is known of an event that is not charged."""
    known = event.token is not UNKNOWN
    return DroppedRecord(
        reason=reason,
        kind=None if event.report is NOTHING else event.kind.value,
        decision_id=event.token.decision_id.hex() if known else None,
        placement_id=event.token.placement if known else None,
    )


def _occurred_ms(event: Incoming, now_ms: int) -> int:
    """When it happened by the client's word, but never before the decision nor after now."""
    rendered_ms = event.report.rendered_at_ms if isinstance(event.report, Viewable) else None
    if rendered_ms is None:
        return now_ms
    return max(event.token.decided_ms, min(now_ms, rendered_ms + event.seen_ms))
