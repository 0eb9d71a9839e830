"""What can be written beforehand of a hold and a token, for each line item on a placement."""

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


@lru_cache(maxsize=4_096)
def _number(number: int) -> bytes:
    return part(number)


class Wire:
    """A line item on a placement, ready to be held and signed. Needs a campaign on chain."""

    __slots__ = (
        "_day", "_head", "_item", "_kind", "_placement", "_tail", "campaign", "capped", "creatives", "has_goal",
        "shown",
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
        self.capped = item.total_cap_micro_usdc is not None or item.daily_cap_micro_usdc is not None
        self._day, self._tail = -1, b""

    def hold(self, price_micro_usdc: int, name: str, expires_ms: int, now_ms: int, held: Spending) -> bytes:
        """The packed call of the hold script; `name` is the decision's id in hex, `held` what open holds have taken."""
        item, day = self._item, now_ms // MS_PER_DAY
        if day != self._day:
            self._day, self._tail = day, part(total_purse(item.id)) + part(day_purse(item.id, day))
        member = b"%d:%d:%d:%b" % (item.id, day, price_micro_usdc, name.encode())
        kept = self._kept(now_ms, held) if self.capped else _FREE
        return b"%b%b%b$%d\r\n%b\r\n%b%b" % (
            self._head, _number(price_micro_usdc), part(expires_ms + HOLD_GRACE_MS), len(member), member, self._tail,
            kept,
        )

    def _kept(self, now_ms: int, held: Spending) -> bytes:
        kept = kept_back(self._item, now_ms, held)
        return b"".join(part(NO_CAP if one is None else one) for one in (kept.total, kept.day))

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
