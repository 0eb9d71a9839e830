"""Counts what was accepted, flags what is invalid, and keeps the lists of the door fresh."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from backend.core.ids import Address
from backend.core.ruleset import Ruleset
from backend.db.engine import Connection, Engine
from backend.db.notices import notify
from backend.net.addresses import FetchRefused
from backend.net.client import SafeFetcher
from backend.traffic import store
from backend.traffic.cells import Cells, Level, count, count_viewers
from backend.traffic.exposure import Seen
from backend.traffic.lists import NO_LISTS, Crawlers, ListError, Lists, Networks, allowances, check_change
from backend.traffic.published import BYTES_MAX, CRAWLERS, SOURCES, Source
from backend.traffic.verdict import judge_cells

log = logging.getLogger("sightline.traffic")

EVENTS_PER_STEP = 5_000
MARKS_KEPT_MS = 2 * 86_400_000
REFRESH_SECONDS = 60.0
LIST_SECONDS = 86_400
RETRY_SECONDS = 3_600
FETCH_SECONDS = 60.0


class TrafficService:
    """The worker's side. One process at a time (a lock in PostgreSQL); a step is one transaction, whatever is killed.

    What it flags, the ledger gives back: ledger/reversal.
    """

    def __init__(
        self, engine: Engine, ruleset: Ruleset, *, clock: Callable[[], float] = time.time,
        events_per_step: int = EVENTS_PER_STEP,
    ) -> None:
        self._engine = engine
        self._ruleset = ruleset
        self._clock = clock
        self._events_per_step = events_per_step

    def step(self) -> bool:
        """Count the next events and judge the cells that they changed; True when there were any."""
        with self._engine.begin() as connection:
            if not store.lock_traffic(connection):
                return False
            after = store.read_progress(connection) or 0
            events, reached = store.read_events(connection, after, self._events_per_step, self._ruleset)
            if reached == after:
                return False
            store.write_progress(connection, reached)
            self._judge(connection, events, after, reached)
            store.flag_followers(connection, after + 1, reached)
        return True

    def forget(self) -> bool:
        """Blank marks that are two days old; True when more may be left."""
        with self._engine.begin() as connection:
            if not store.lock_forgetting(connection):
                return False
            before_ms = int(self._clock() * 1_000) - MARKS_KEPT_MS
            return store.forget_marks(connection, before_ms, self._events_per_step) == self._events_per_step

    def _judge(self, connection: Connection, events: Sequence[Seen], after: int, reached: int) -> None:
        deltas, totals = _add(connection, events)
        known = store.flagged_cells(connection, deltas)
        found = judge_cells(deltas, totals, {one.key for one in known}, self._ruleset)
        if known:
            store.flag_events(connection, known, after + 1, reached, self._ruleset)
        if not found:
            return
        publishers = {one.placement: one.publisher for one in events}
        store.write_flags(
            connection, found, publishers, "0x" + self._ruleset.digest().hex(), store.versions(connection)
        )
        first = min(totals[key].first_seq for key in found)
        store.flag_events(connection, store.flagged_cells(connection, found), first, reached, self._ruleset)
        for placement, flag, wallet in store.untold(connection):
            notify(connection, Address(wallet), "traffic.flagged", flag=flag, placement=placement)


def _add(connection: Connection, events: Sequence[Seen]) -> tuple[Cells, Cells]:
    """Add a batch to the sums; what it added, and the sums after it."""
    deltas = count(events)
    viewers = {key: cell for key, cell in deltas.items() if key.level is Level.VIEWER}
    totals, fresh = store.add_cells(connection, viewers)
    count_viewers(deltas, events, fresh)
    others, _ = store.add_cells(connection, {key: cell for key, cell in deltas.items() if key not in viewers})
    return deltas, totals | others


# ---- lists ----------------------------------------------------------------------------------------------------------


def lists_of(entries: Mapping[str, Sequence[str]], granted: Sequence[tuple[str, int | None]] = (),
             versions: Mapping[str, str] | None = None) -> Lists:
    """Lists by name, put together."""
    networks = (network for name, found in entries.items() if name != CRAWLERS for network in found)
    return Lists(Networks(networks), Crawlers(entries.get(CRAWLERS, ())), allowances(granted), versions or {})


class ListFeed:
    """The lists for the door of one process: those in SQL, else those that came with the package."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lists = NO_LISTS
        self._state: tuple[object, ...] | None = None
        self._task: asyncio.Task[None] | None = None

    def data_centre(self, ip: str, publisher: int | None = None) -> bool:
        return self._lists.data_centre(ip, publisher)

    def crawler(self, user_agent: str) -> bool:
        return self._lists.crawler(user_agent)

    def refresh(self) -> None:
        """Read what changed. Without PostgreSQL the last lists stay, at first the shipped ones."""
        if self._state is None:
            self._lists, self._state = lists_of(store.shipped()), ()
        with self._engine.connect() as connection:
            state = store.list_state(connection)
            if state == self._state:
                return
            fetched = store.read_lists(connection)
            granted = store.read_allowances(connection)
        entries = {**store.shipped(), **{name: found for name, (_, found) in fetched.items()}}
        self._lists = lists_of(entries, granted, {name: digest for name, (digest, _) in fetched.items()})
        self._state = state

    async def start(self) -> None:
        with contextlib.suppress(Exception):
            await asyncio.to_thread(self.refresh)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await asyncio.to_thread(self.refresh)
            except Exception as error:
                log.warning("lists of data centres stay as they are: %s", type(error).__name__)


class ListKeeper:
    """Fetches each list once a day. What cannot be fetched or read, or shrank absurdly, leaves the last in force."""

    def __init__(
        self, engine: Engine, fetcher: SafeFetcher, *, sources: Sequence[Source] = SOURCES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._fetcher = fetcher
        self._sources = sources
        self._clock = clock
        self._not_before: dict[str, float] = {}

    def step(self) -> bool:
        """One list that is due; True when there was one."""
        now = self._clock()
        for source in self._sources:
            if now < self._not_before.get(source.name, 0.0):
                continue
            with self._engine.connect() as connection:
                due = store.is_due(connection, source.name, LIST_SECONDS)
            self._not_before[source.name] = now + RETRY_SECONDS
            if due:
                self._take(source)
                return True
        return False

    def _take(self, source: Source) -> None:
        try:
            entries = source.read(self._fetch(source))
            with self._engine.begin() as connection:
                store.lock_lists(connection)
                before = store.read_lists(connection).get(source.name)
                known = len(before[1]) if before else len(store.shipped().get(source.name, ()))
                check_change(source.name, known, len(entries))
                digest = sha256("\n".join(entries).encode()).hexdigest()
                store.write_list(connection, source.name, digest, entries)
        except ListError as error:
            log.warning("list %s stays as it is: %s", source.name, error)

    def _fetch(self, source: Source) -> bytes:
        """What the first address that has it answers. Raises ListError."""
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        refusals = []
        for url in source.urls(today):
            try:
                answer = self._fetcher.fetch("GET", url, bytes_max=BYTES_MAX, seconds_max=FETCH_SECONDS)
            except FetchRefused as error:
                refusals.append(f"{url}: {error}")
                continue
            if answer.status == 200:
                return answer.body
            refusals.append(f"{url}: answered {answer.status}")
        raise ListError("; ".join(refusals))
