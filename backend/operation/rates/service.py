"""Decides whether a request is one too many, and goes on without counting when Redis is away."""

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from redis.exceptions import RedisError

from backend.core.errors import Unavailable
from backend.operation.rates.store import SharedCounters
from backend.operation.rates.table import TABLE, WINDOW_SECONDS, Quota, RouteClass

log = logging.getLogger("sightline.rates")

PAUSE_SECONDS = 2.0               # after a failure; then the counters are tried again
SETTLE_SECONDS = 0.25
NETWORKS_MAX = 100_000            # of one window in one process; more are not counted
FAILURES = (RedisError, OSError, TimeoutError)


class Standing(NamedTuple):
    """How a request stands: `policy` names the quota that is nearest to its end, `reset_seconds` until it has moved."""

    allowed: bool
    policy: str
    quota: Quota
    remaining: int
    reset_seconds: int


class RateService:
    """One per process; `clock` gives Unix seconds.

    How long Redis may take is up to its client, and generous: whoever makes us slow must not be let through for it.
    """

    def __init__(self, counters: SharedCounters, *, clock: Callable[[], float]) -> None:
        self._counters = counters
        self._clock = clock
        self._paused_until = 0.0
        self._tallies = {kind: Tallies(counters, kind, quota, clock) for kind, quota in TABLE.items() if quota.settled}

    async def take(self, kind: RouteClass, network: str, caller: str | None) -> Standing | None:
        """None: it passes, and nobody knows how many more. Raises Unavailable for closed classes without counters."""
        quota = TABLE[kind]
        if quota.settled:
            return self._tallies[kind].take(network)
        if self._clock() < self._paused_until:
            self._check_open(quota)
            return None
        try:
            return await self._taken(kind, network, caller, quota)
        except FAILURES as error:
            log.warning("requests are not counted for %s s: %s", PAUSE_SECONDS, type(error).__name__)
            self._paused_until = self._clock() + PAUSE_SECONDS
            self._check_open(quota)
            return None

    def take_now(self, kind: RouteClass, network: str) -> Standing | None:
        """`take` of a class that is settled, which asks nobody else."""
        return self._tallies[kind].take(network)

    async def settle(self) -> None:
        """Tell the others now what was counted here; the last thing that a process does."""
        for tallies in self._tallies.values():
            await tallies.settle()

    async def _taken(self, kind: RouteClass, network: str, caller: str | None, quota: Quota) -> Standing:
        wide, narrow = f"{kind}-network", str(kind)
        if not await self._counters.take(wide, network, quota.network, WINDOW_SECONDS):
            return await self._standing(False, wide, network, quota.network, quota)
        if caller is None or quota.caller is None:
            return await self._standing(True, wide, network, quota.network, quota)
        allowed = await self._counters.take(narrow, caller, quota.caller, WINDOW_SECONDS)
        return await self._standing(allowed, narrow, caller, quota.caller, quota)

    async def _standing(self, allowed: bool, name: str, who: str, limit: int, quota: Quota) -> Standing:
        remaining, reset = await self._counters.left(name, who, limit, WINDOW_SECONDS)
        wait = max(1, math.ceil(reset - self._clock()))
        return Standing(allowed, name, quota, remaining if allowed else 0, min(wait, WINDOW_SECONDS))

    def _check_open(self, quota: Quota) -> None:
        if quota.closed:
            raise Unavailable("redis_unavailable", "requests of this kind cannot be counted now")


class Tallies:
    """Counts of this process for the running minute, settled with those of the others a few times a second.

    Between two settlements a process does not know of the others' newest requests: together they may let through more
    than the limit, by what arrives in a quarter of a second.
    """

    def __init__(self, counters: SharedCounters, kind: RouteClass, quota: Quota, clock: Callable[[], float]) -> None:
        self._counters = counters
        self._kind = kind
        self._quota = quota
        self._clock = clock
        self._window = 0
        self._known: dict[str, int] = {}     # by all processes, as of the last settlement
        self._new: dict[str, int] = {}       # by this process since then
        self._settling: asyncio.Task[None] | None = None

    def take(self, network: str) -> Standing | None:
        now = int(self._clock())
        window = now // WINDOW_SECONDS
        if window != self._window:
            self._window, self._known, self._new = window, {}, {}
        new = self._new.get(network, 0)
        if new == 0 and len(self._new) >= NETWORKS_MAX:
            return None
        used, limit = self._known.get(network, 0) + new, self._quota.network
        if used < limit:
            self._new[network] = new + 1
            if self._settling is None:
                self._settling = asyncio.get_running_loop().create_task(self._beat())
        reset = WINDOW_SECONDS - now % WINDOW_SECONDS
        return Standing(used < limit, f"{self._kind}-network", self._quota, max(0, limit - used - 1), reset)

    async def settle(self) -> None:
        """Settle now, not at the next beat."""
        if self._settling is not None:
            self._settling.cancel()
            with suppress(asyncio.CancelledError):
                await self._settling
            self._settling = None
        await self._exchange()

    async def _beat(self) -> None:
        await asyncio.sleep(SETTLE_SECONDS)
        await self._exchange()
        self._settling = asyncio.get_running_loop().create_task(self._beat()) if self._new else None

    async def _exchange(self) -> None:
        """Tell the others what we counted, and learn what they did. Without Redis each process counts for itself."""
        window, sent, self._new = self._window, self._new, {}
        if not sent:
            return
        for network, count in sent.items():       # until the answer is here they count as known
            self._known[network] = self._known.get(network, 0) + count
        try:
            names = {f"{self._kind}:{network}": count for network, count in sent.items()}
            totals = await self._counters.add(names, window, WINDOW_SECONDS)
        except FAILURES as error:
            log.warning("counts of %s are not settled: %s", self._kind, type(error).__name__)
            return
        if window == self._window:
            for network in sent:
                self._known[network] = max(self._known.get(network, 0), totals[f"{self._kind}:{network}"])
