"""What simulated viewers send, against the server's own rules: each kind provokes just the refusal it is there for."""

from random import Random

import msgspec
import pytest

from backend.core.decision_token import DecisionToken, TokenError, decision_id, sign, verify
from backend.core.events import BidKind, EventKind, event_id
from backend.core.reasons import DropReason
from backend.core.ruleset import Ruleset
from backend.demo.scene import SCENES
from backend.demo.viewers import ViewerKind, exposure
from backend.demo.visit import EXPECTED_REASON, Exhibit, Visit, forgeries, visit
from backend.ingest.pipeline import Circumstances, incoming, rate, run

KEY, CHAIN, NOW_MS, TOKEN_MS = b"k" * 32, 31_337, 1_800_000_000_000, 10_000
RULES = Ruleset()
LATER_MS = 3_000
# decided by order or by counters, after the stateless steps; see `in_order` and `rate`
SEQUENCE = {ViewerKind.REPLAYER, ViewerKind.FLOODER, ViewerKind.CLICK_BEFORE_VIEW}


def exhibit(kind: ViewerKind, seed: int) -> Exhibit:
    facts = DecisionToken(
        decision_id(NOW_MS, b"r" * 10), CHAIN, 1, 2, 3, 4, 1, 5_000, BidKind.VCPM, NOW_MS + TOKEN_MS, b"v" * 8
    )
    samples = exposure(SCENES[0], SCENES[0].surfaces[0], kind, Random(seed))
    return Exhibit(sign(facts, KEY), KEY, samples)


def verdicts(sent: Visit) -> list[DropReason | None]:
    found = []
    for parcel in sent.parcels:
        now_ms = NOW_MS + (TOKEN_MS + 1 if parcel.after_expiry else LATER_MS)
        about = Circumstances(now_ms, sent.user_agent, CHAIN, KEY, RULES)
        found += [run(incoming(msgspec.Raw(msgspec.json.encode(event))), about) for event in parcel.events]
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", sorted(set(EXPECTED_REASON) - SEQUENCE))
def test_visit__hostile_or_unlucky__every_event_refused(kind: ViewerKind, seed: int) -> None:
    sent = visit(kind, exhibit(kind, seed), Random(seed))
    assert set(verdicts(sent)) == {EXPECTED_REASON[kind]}
    assert sent.chargeable == frozenset()


@pytest.mark.parametrize(("kind", "kinds"), [
    (ViewerKind.ATTENTIVE, {EventKind.VIEWABLE}), (ViewerKind.CLICKER, {EventKind.VIEWABLE, EventKind.CLICK}),
])
def test_visit__honest__every_event_passes(kind: ViewerKind, kinds: set[EventKind]) -> None:
    shown = exhibit(kind, 1)
    sent = visit(kind, shown, Random(1))
    assert set(verdicts(sent)) == {None}
    decision = verify(shown.token, KEY).decision_id
    assert sent.chargeable == {event_id(decision, kind) for kind in kinds}


def test_visit__replayer__the_same_event_id_again() -> None:
    """L24, L28: what passes each time is one and the same event."""
    sent = visit(ViewerKind.REPLAYER, exhibit(ViewerKind.REPLAYER, 1), Random(1))
    assert verdicts(sent) == [None] * 4
    assert len(sent.chargeable) == 1


def test_visit__flooder__more_than_a_viewer_may_send_in_a_minute() -> None:
    sent = visit(ViewerKind.FLOODER, exhibit(ViewerKind.FLOODER, 1), Random(1))
    refused = [rate(position, 0, RULES) for position in range(len(sent.parcels[0].events))]
    assert refused.count(DropReason.RATE) == len(refused) - RULES.viewer_events_per_minute_max > 0


def test_visit__click_after_a_glance__nothing_chargeable() -> None:
    sent = visit(ViewerKind.CLICK_BEFORE_VIEW, exhibit(ViewerKind.CLICK_BEFORE_VIEW, 1), Random(1))
    assert verdicts(sent) == [DropReason.NOT_VIEWABLE, None]
    assert sent.chargeable == frozenset()


@pytest.mark.parametrize("seed", range(30))
def test_forgeries__any_dice__none_verifies(seed: int) -> None:
    """L27"""
    for token in forgeries(exhibit(ViewerKind.FORGER, 1), Random(seed)):
        with pytest.raises(TokenError):
            verify(token, KEY)


def test_expected_reason__all_stateless_and_sequence_reasons__provoked() -> None:
    """L26: the demo shows every refusal of a view or a click but those of an empty budget, of tests, and those that

    need another browser, network or day of traffic than the demo's machine has.
    """
    of_conversions = {
        DropReason.CLICK_UNKNOWN, DropReason.NOT_ATTRIBUTED, DropReason.BEFORE_THE_AD, DropReason.LOOKBACK_OVER,
        DropReason.CONVERTED_BEFORE, DropReason.GOAL_ARCHIVED,
    }
    elsewhere = {
        DropReason.WRONG_WORLD, DropReason.WRONG_CLIENT, DropReason.CRAWLER, DropReason.DATA_CENTRE,
        DropReason.INVALID_TRAFFIC, DropReason.BUDGET_GONE, DropReason.TEST,
    }
    assert set(EXPECTED_REASON.values()) == set(DropReason) - elsewhere - of_conversions
