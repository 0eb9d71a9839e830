"""What can be written beforehand of a hold and a token, for each line item on a placement."""

from collections.abc import Callable
from functools import lru_cache

from backend.core.decision_token import BID_KINDS, VERSION, Facts
from backend.core.shares import payee
from backend.net.resp import Script, part
from backend.serving.catalogue import MS_PER_DAY, Creative, LineItem, Placement, Spending
from backend.serving.decision import shown_json
from backend.serving.eligibility import Offer, kept_back
from backend.serving.purses import HOLD, HOLD_GRACE_MS, NO_CAP, day_purse, keys, total_purse

TIMED_KINDS = ("video", "audio")     # what takes time has the longer viewing time of the ruleset
HOLD_SCRIPT = Script(HOLD)
_HEAD = HOLD_SCRIPT.head(3, 7)
_FREE = part(NO_CAP) * 2
KEPT_MS = 250           # for how long pacing's answer is used again; days are whole numbers of these
Held = Callable[[int], Spending]


@lru_cache(maxsize=4_096)
def _number(number: int) -> bytes:
    return part(number)


class Wire:
    """A line item on a placement, ready to be held and signed. Needs a campaign on chain."""

    __slots__ = (
        "_capped", "_day", "_head", "_item", "_kept", "_kind", "_moment", "_placement", "_tail", "campaign",
        "creatives", "has_goal", "shown",
    )

    def __init__(self, one: Offer) -> None:
        item = one.line_item
        assert item.chain_campaign is not None      # the standing check `funded`
        self._item: LineItem = item
        self._placement: Placement = one.placement
        self.campaign = item.chain_campaign
        self.creatives: tuple[Creative, ...] = one.creatives
        self.shown = [shown_json(creative) for creative in one.creatives]
        self.has_goal = item.has_goal
        self._kind = BID_KINDS.index(item.bid_kind)
        self._head = _HEAD + b"".join(map(part, keys(self.campaign)))
        self._capped = item.total_cap_micro_usdc is not None or item.daily_cap_micro_usdc is not None
        self._day, self._tail = -1, b""
        self._moment, self._kept = -1, _FREE

    def hold(self, price_micro_usdc: int, name: str, expires_ms: int, now_ms: int, held: Held) -> bytes:
        """The packed call of the hold script; `name` is the decision's id in hex, `held(day)` what open holds have
        taken."""
        if now_ms // KEPT_MS != self._moment:
            self._look_at(now_ms - now_ms % KEPT_MS, held)
        member = b"%d:%d:%d:%b" % (self._item.id, self._day, price_micro_usdc, name.encode())
        return b"%b%b%b$%d\r\n%b\r\n%b%b" % (
            self._head, _number(price_micro_usdc), _number(expires_ms + HOLD_GRACE_MS), len(member), member, self._tail,
            self._kept,
        )

    def _look_at(self, now_ms: int, held: Held) -> None:
        """What must be kept back a quarter of a second ago is more, so never too little."""
        item, day = self._item, now_ms // MS_PER_DAY
        self._moment = now_ms // KEPT_MS
        if day != self._day:
            self._day, self._tail = day, part(total_purse(item.id)) + part(day_purse(item.id, day))
        if self._capped:
            kept = kept_back(item, now_ms, held(day))
            self._kept = b"".join(part(NO_CAP if one is None else one) for one in (kept.total, kept.day))

    def facts(
        self, decision: bytes, chain_id: int, place: int, price_micro_usdc: int, expires_ms: int,
        viewer: bytes, client: int, origin: int,
    ) -> Facts:
        """What the token says."""
        placement = self._placement
        publisher = payee(placement.shares, decision) if placement.shares else placement.publisher
        return (
            VERSION, decision, chain_id, self.campaign, self._item.id, self.creatives[place].id, placement.id,
            publisher, price_micro_usdc, self._kind, expires_ms, viewer, placement.kind in TIMED_KINDS, client, origin,
        )
