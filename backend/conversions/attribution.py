"""Whether a conversion is due to an ad: the rules of L53, on what was seen and clicked under one decision."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.conversions.goal import MS_PER_DAY, GoalTerms
from backend.core.events import EventKind
from backend.core.reasons import DropReason

CLOCKS_APART_MS = 15_000        # a block's time is its proposer's word; ours and its may be so far apart
CLICK_ON_ITS_WAY_MS = 30_000    # longer than any click is under way between its acceptance and the stream


@dataclass(frozen=True, slots=True)
class Touch:
    """A viewable impression or a click that was accepted. `campaign_id` is ours; `at_ms` when we received it.

    `counts` is false when it was dropped, since its budget was gone. `action_price_micro_usdc` is what the decision
    fixed for a conversion.
    """

    kind: EventKind
    decision_id: str
    campaign_id: int
    at_ms: int
    counts: bool
    action_price_micro_usdc: int


@dataclass(frozen=True, slots=True)
class Attributed:
    """The conversion is due to `touch`."""

    touch: Touch


def attribute(
    goal: GoalTerms, campaign_id: int, touches: Sequence[Touch], at_ms: int, *, counted_before: bool
) -> Attributed | DropReason:
    """The click, else the view, that a conversion of `at_ms` is due to, or why there is none.

    `touches` are those of the decision that the conversion names; `counted_before`: the goal has counted a conversion
    of this decision already.
    """
    lookback_ms = {
        EventKind.CLICK: goal.click_days * MS_PER_DAY, EventKind.VIEWABLE: goal.view_days * MS_PER_DAY,
    }
    own = [
        touch for touch in touches
        if touch.counts and touch.campaign_id == campaign_id and lookback_ms.get(touch.kind, 0) > 0
    ]
    if not own:
        return DropReason.NOT_ATTRIBUTED
    if counted_before and not goal.repeatable:
        return DropReason.CONVERTED_BEFORE
    earlier = [touch for touch in own if touch.at_ms <= at_ms + CLOCKS_APART_MS]
    if not earlier:
        return DropReason.BEFORE_THE_AD
    recent = [touch for touch in earlier if at_ms - touch.at_ms <= lookback_ms[touch.kind]]
    if not recent:
        return DropReason.LOOKBACK_OVER
    return Attributed(min(recent, key=lambda touch: touch.kind is not EventKind.CLICK))


def too_early(decision_id: bytes, stored_until_ms: int, token_seconds: int) -> bool:
    """Whether a click of this decision may still come, or be on its way: all that came before `stored_until_ms` is in
    the tables."""
    decided_ms = int.from_bytes(decision_id[:6], "big")
    return stored_until_ms < decided_ms + 1_000 * token_seconds + CLICK_ON_ITS_WAY_MS
