"""What can be written beforehand of a hold and a token, for each line item on a placement."""

from collections.abc import Callable
from functools import lru_cache

from backend.core.decision_token import BID_KINDS, VERSION, Facts, body_of
from backend.core.shares import payee
from backend.net.resp import Script, part
from backend.serving.catalogue import MS_PER_DAY, Creative, LineItem, Placement, Spending
from backend.serving.decision import shown_json
from backend.serving.eligibility import Offer, kept_back
from backend.serving.kernel import Stamp, Stamped
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
        "_capped", "_day", "_head", "_item", "_kept", "_kind", "_moment", "_placement", "_plans", "_prefix", "_tail",
        "campaign", "creatives", "has_goal", "shown", "timed",
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
        self.timed = one.placement.kind in TIMED_KINDS
        self._day, self._prefix, self._tail = -1, b"", b""
        self._moment, self._kept = -1, _FREE
        self._plans: list[bytes] = []

    def hold(self, price_micro_usdc: int, name: str, expires_ms: int, now_ms: int, held: Held) -> bytes:
        """The packed call of the hold script; `name` is the decision's id in hex, `held(day)` what open holds have
        taken."""
        if now_ms // KEPT_MS != self._moment:
            self._look_at(now_ms - now_ms % KEPT_MS, held)
        member = b"%b%d:%b" % (self._prefix, price_micro_usdc, name.encode())
        return b"%b%b%b$%d\r\n%b\r\n%b" % (
            self._head, _number(price_micro_usdc), _number(expires_ms + HOLD_GRACE_MS), len(member), member, self._tail,
        )

    def stamp(
        self, kernel: Stamp, key: bytes, random: bytes, chain_id: int, place: int, price_micro_usdc: int,
        expires_ms: int, now_ms: int, held: Held, viewer_key: str, client: int, origin: int,
    ) -> Stamped | None:
        """The token's body, the token, what `hold` makes, and how the answer begins, all by the kernel; None where it
        does not write these."""
        if self._placement.shares:          # each decision is paid to somebody else
            return None
        if now_ms // KEPT_MS != self._moment:
            self._look_at(now_ms - now_ms % KEPT_MS, held)
        plans = self._plans or self._plan(chain_id)
        return kernel(
            plans[place], key, random, self._head, self._prefix, self._tail, viewer_key, now_ms, price_micro_usdc,
            expires_ms, HOLD_GRACE_MS, client, origin,
        )

    def _plan(self, chain_id: int) -> list[bytes]:
        """What tokens have in common, for each creative."""
        nobody = bytes(16), bytes(8)
        self._plans = [
            body_of(self.facts(nobody[0], chain_id, place, 0, 0, nobody[1], 0, 0)) for place in range(len(self.shown))
        ]
        return self._plans

    def _look_at(self, now_ms: int, held: Held) -> None:
        """What was to be kept back 250 ms ago is no less than now, but for holds of CPC and CPA released since."""
        item, day = self._item, now_ms // MS_PER_DAY
        self._moment = now_ms // KEPT_MS
        kept = _FREE
        if self._capped:
            back = kept_back(item, now_ms, held(day))
            kept = b"".join(part(NO_CAP if one is None else one) for one in (back.total, back.day))
        if day != self._day or kept != self._kept:
            self._day, self._kept, self._prefix = day, kept, b"%d:%d:" % (item.id, day)
            self._tail = part(total_purse(item.id)) + part(day_purse(item.id, day)) + kept

    def facts(
        self, decision: bytes, chain_id: int, place: int, price_micro_usdc: int, expires_ms: int,
        viewer: bytes, client: int, origin: int,
    ) -> Facts:
        """What the token says."""
        placement = self._placement
        publisher = payee(placement.shares, decision) if placement.shares else placement.publisher
        return (
            VERSION, decision, chain_id, self.campaign, self._item.id, self.creatives[place].id, placement.id,
            publisher, price_micro_usdc, self._kind, expires_ms, viewer, self.timed, client, origin,
        )
