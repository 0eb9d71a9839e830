"""Money and views of the naive baseline: every question is a call of redis-py. The hold is our script: it is exact."""

from typing import cast

import redis.asyncio

from backend.core.decision_token import DecisionToken
from backend.serving.purses import HOLD, HOLD_GRACE_MS, NO_CAP, day_purse, hold_member, keys, total_purse
from bench.naive_market import Item

MS_PER_DAY, MS_PER_HOUR = 86_400_000, 3_600_000


class Purses:
    """Asks the purses of `backend.serving.purses` and counters of views of its own."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._redis = client
        self._hold = client.register_script(HOLD)

    async def may_spend(self, item: Item, now_ms: int) -> bool:
        """Whether budget and caps have room for the bid: a call for what there is, one for what is held."""
        names = ["campaign", total_purse(item.id), day_purse(item.id, now_ms // MS_PER_DAY)]
        base_key, held_key, _ = keys(item.chain_campaign)
        base = await self._redis.hmget(base_key, names)
        held = await self._redis.hmget(held_key, names)
        left = [None if one is None else int(one) - int(other or 0) for one, other in zip(base, held, strict=True)]
        kept = [0, *_kept(item, now_ms)]
        enough = (room is None or room - keep > 0 for room, keep in zip(left, kept, strict=True))
        return left[0] is not None and all(enough)

    async def may_see(self, item: Item, viewer: bytes, now_ms: int) -> bool:
        """Whether this viewer has seen it seldom enough."""
        counters = await self._redis.hgetall(_views(viewer))
        impressions, hours = item.frequency or (0, 0)
        this_hour = now_ms // MS_PER_HOUR
        seen = sum(int(counters.get(f"{item.id}:{this_hour - back}".encode(), 0)) for back in range(hours + 1))
        return seen < impressions

    async def take(self, item: Item, facts: DecisionToken, now_ms: int) -> bool:
        """Hold the price, then count the view. False when the money was gone meanwhile."""
        day = now_ms // MS_PER_DAY
        kept_total, kept_day = _kept(item, now_ms)
        answer = await self._hold(keys=keys(item.chain_campaign), args=[
            facts.price_micro_usdc, facts.expires_ms + HOLD_GRACE_MS,
            hold_member(item.id, day, facts.price_micro_usdc, facts.decision_id.hex()),
            total_purse(item.id), day_purse(item.id, day),
            NO_CAP if item.total_cap is None else kept_total, NO_CAP if item.daily_cap is None else kept_day,
        ])
        if int(cast("int", answer)) != 0:
            return False
        if item.frequency is not None:
            key = _views(facts.viewer)
            await self._redis.hincrby(key, f"{item.id}:{now_ms // MS_PER_HOUR}", 1)
            await self._redis.pexpireat(key, (now_ms // MS_PER_DAY + 1) * MS_PER_DAY)
        return True


def _kept(item: Item, now_ms: int) -> tuple[int, int]:
    """What even pacing keeps of the total cap over the flight, and of the daily cap over the day."""
    if not item.even_pacing:
        return 0, 0
    day_ms = now_ms // MS_PER_DAY * MS_PER_DAY
    total = _unreleased(item.total_cap, item.starts_ms, item.ends_ms, now_ms, item.bid_micro_usdc)
    return total, _unreleased(item.daily_cap, day_ms, day_ms + MS_PER_DAY, now_ms, item.bid_micro_usdc)


def _unreleased(cap: int | None, start_ms: int, end_ms: int, now_ms: int, lead: int) -> int:
    if cap is None:
        return 0
    return cap - min(cap, cap * (now_ms - start_ms) // (end_ms - start_ms) + lead)


def _views(viewer: bytes) -> str:
    return f"sl:views:{viewer.hex()}"
