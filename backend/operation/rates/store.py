"""Counters in Redis, the same for all workers."""

from collections.abc import Mapping

import redis.asyncio
from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

PREFIX = "rate"


class SharedCounters:
    """Sliding windows: a request is let through when the last `seconds` had fewer than the limit (see `limits`).

    Taking and counting is one script in Redis, so of any number at once exactly as many pass as the limit says (L70).
    """

    def __init__(self, client: redis.asyncio.Redis) -> None:
        storage = RedisStorage(
            "async+redis://", implementation="redispy", key_prefix=PREFIX,
            connection_pool=client.connection_pool,  # type: ignore[arg-type]  # handed through to redis-py
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._redis = client

    async def take(self, name: str, who: str, limit: int, seconds: int) -> bool:
        """Whether one more request passes; it is counted only then."""
        return await self._limiter.hit(RateLimitItemPerSecond(limit, seconds), name, who)

    async def left(self, name: str, who: str, limit: int, seconds: int) -> tuple[int, float]:
        """How many still pass, and at which Unix second the window has moved on."""
        found = await self._limiter.get_window_stats(RateLimitItemPerSecond(limit, seconds), name, who)
        return found.remaining, found.reset_time

    async def add(self, counts: Mapping[str, int], window: int, seconds: int) -> dict[str, int]:
        """Add to plain counters of one fixed window; what all processes have counted, by name. One round trip."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for name, count in counts.items():
                key = f"{PREFIX}:{{{name}}}:{window}"
                pipeline.incrby(key, count)
                pipeline.expire(key, 2 * seconds)
            answers = await pipeline.execute()
        return dict(zip(counts, (int(total) for total in answers[::2]), strict=True))
