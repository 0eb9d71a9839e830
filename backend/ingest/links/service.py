"""Click links: where they lead, and that a click is counted now or later, whatever is down."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import redis

from backend.core.decision_token import DecisionToken
from backend.core.errors import Unavailable
from backend.db.engine import Engine
from backend.db.failures import DATABASE_UNAVAILABLE
from backend.ingest.links.store import NOWHERE, Spool, SpooledClick, Targets, taken_down
from backend.ingest.quick import Judged

log = logging.getLogger("sightline.ingest")

COUNT_SECONDS_MAX = 1.0         # nobody who clicked waits longer for Redis
TIDY_SECONDS = 1.0
TAKEN_DOWN_SECONDS = 5.0        # how long a link may lead on after a takedown
LATER: tuple[type[Exception], ...] = (Unavailable, TimeoutError, redis.RedisError)     # whatever Redis has against it


class Door(Protocol):
    """What takes clicks in: IngestService."""

    def judge_click(self, token: str, now_ms: int, user_agent: str, ip: str = "") -> Judged: ...
    def judge_outside_click(self, facts: DecisionToken, now_ms: int) -> Judged: ...
    async def admit(self, judged: list[Judged], now_ms: int) -> None: ...


class ClickLinks:
    """`known` gives the catalogue's targets. Between `start` and `stop` new ones are noted, what was taken down leads
    nowhere any more, and what waits is counted.
    """

    def __init__(
        self, ingest: Door, known: Callable[[], Mapping[int, str]], targets: Targets, spool: Spool, engine: Engine,
        *, clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ingest = ingest
        self._known = known
        self._engine = engine
        self._clock = clock
        self._taken_down: frozenset[int] = frozenset()
        self._asked_at = -math.inf
        self._targets = targets
        self._spool = spool
        self._waiting: list[tuple[SpooledClick, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    def target(self, creative: int) -> str | None:
        """Where a creative leads: by the catalogue, else by what this machine has noted of it. Nowhere once a moderator
        has taken it down: a link of ours lasts for ever, and what is behind it may have become a trap.
        """
        noted = self._targets.of(creative)
        if creative in self._taken_down or noted == NOWHERE:
            return None
        return self._known().get(creative) or noted

    async def count(self, token: str, now_ms: int, user_agent: str, ip: str = "") -> None:
        """Take the click in; when Redis will not, keep it on disk. Never raises: the viewer goes on anyway."""
        await self._count(self._ingest.judge_click(token, now_ms, user_agent, ip), now_ms)

    async def count_outside(self, facts: DecisionToken, now_ms: int) -> None:
        """As `count`, for an ad that another exchange shows; `facts` were checked by the caller."""
        await self._count(self._ingest.judge_outside_click(facts, now_ms), now_ms)

    async def _count(self, judged: Judged, now_ms: int) -> None:
        try:
            async with asyncio.timeout(COUNT_SECONDS_MAX):
                await self._ingest.admit([judged], now_ms)
        except LATER as error:
            log.warning("a click is counted later: %s", type(error).__name__)
            await self._keep(SpooledClick(now_ms, judged))

    async def _keep(self, click: SpooledClick) -> None:
        """All clicks that come while the disk is busy share the next sync."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((click, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._spool.keep, [click for click, _ in waiting])
            except OSError as error:
                log.error("%d clicks are lost: %s", len(waiting), error)
            for _, done in waiting:
                if not done.done():
                    done.set_result(None)

    async def _run(self) -> None:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._spool.take_up)
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            try:
                await self.note()
                await self.replay()
            except OSError as error:
                log.warning("the folder of clicks cannot be used: %s", error)
            except LATER:
                continue        # Redis is still away
            except Exception:
                log.exception("the folder of clicks is looked at again")

    async def note(self) -> int:
        """Write down where the catalogue's creatives lead; gives how many were not known."""
        return await asyncio.to_thread(self._note)

    def _note(self) -> int:
        if self._clock() - self._asked_at >= TAKEN_DOWN_SECONDS:
            self._asked_at = self._clock()
            with contextlib.suppress(*DATABASE_UNAVAILABLE), self._engine.begin() as connection:
                self._taken_down = taken_down(connection)
        known = dict(self._known())
        gone = [creative for creative in self._taken_down if creative in known or self._targets.of(creative)]
        return self._targets.keep(known | dict.fromkeys(gone, NOWHERE))

    async def replay(self) -> int:
        """Count the clicks that wait on disk; gives how many. One that was counted already is dropped as a replay.

        Raises what Redis raises: then those that are left are kept.
        """
        counted = 0
        if not self._spool.is_empty():
            with self._spool.claimed() as clicks:
                for click in clicks:
                    await self._ingest.admit([click.judged], click.received_ms)
                    counted += 1
        return counted
