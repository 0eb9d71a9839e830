"""Consumers are killed with SIGKILL while they work; the tables end as if nothing had happened (L24, L25)."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
import pytest
import redis
from sqlalchemy import Connection, Engine, text

from backend.core.decision_token import DecisionToken, decision_id, sign
from backend.core.events import BidKind
from backend.db.failures import DATABASE_UNAVAILABLE
from backend.ingest.service import IngestConsumer
from backend.ingest.stream import BYTES, STREAM
from bench.app import CHAIN_ID, TOKEN_KEY, Wiring, unwire, wire

NOW_MS = 1_800_000_000_000
SEEN = [[t_ms, 10_000, 400, 1_000 + t_ms % 7, True, True] for t_ms in range(0, 1_200, 100)]
ROUNDS, BATCHES_PER_ROUND, EVENTS_PER_BATCH, DECISIONS = 8, 60, 4, 600
ENTRIES_PER_STEP = 2
WORKERS = 2
DRAIN_SECONDS_MAX = 120.0

WORKER = """
import sys, time, redis
from backend.db.engine import make_engine
from backend.ingest.service import IngestConsumer
from backend.jobs.ingest import IngestJob
engine = make_engine(sys.argv[1], pool_size=1)
job = IngestJob(IngestConsumer(engine, redis.Redis.from_url(sys.argv[2]), entries_per_step=int(sys.argv[3])))
with engine.connect():
    print("ready", flush=True)
while True:
    if not job.step():
        time.sleep(0.001)
"""


def facts(number: int) -> DecisionToken:
    return DecisionToken(
        decision_id=decision_id(NOW_MS - 10_000, number.to_bytes(10, "big")), chain_id=CHAIN_ID,
        campaign=1 + number % 3, line_item=1 + number % 5, creative=3, placement=4, publisher=5,
        price_micro_usdc=1_000 + number, bid_kind=BidKind.CPC if number % 4 == 0 else BidKind.VCPM,
        expires_ms=NOW_MS + 60_000,
        viewer=number.to_bytes(8, "big"),
    )


def event(dice: Random) -> dict[str, Any]:
    """Views and clicks of few enough decisions that many are replays, and clicks come early; some are malformed."""
    token = facts(dice.randrange(DECISIONS))
    if dice.random() < 0.05:
        token = replace(token, chain_id=1)
    match dice.choices(["view", "click", "short", "malformed"], [6, 3, 1, 0.5])[0]:
        case "view":
            return {"kind": "viewable", "token": sign(token, TOKEN_KEY), "samples": SEEN}
        case "click":
            return {"kind": "click", "token": sign(token, TOKEN_KEY)}
        case "short":
            return {"kind": "viewable", "token": sign(token, TOKEN_KEY), "samples": SEEN[:4]}
        case _:
            return {"kind": "viewable"}


def rounds(seed: int) -> list[list[bytes]]:
    """The bodies of each round's requests."""
    dice = Random(seed)

    def body() -> bytes:
        return msgspec.json.encode({"events": [event(dice) for _ in range(EVENTS_PER_BATCH)]})

    return [[body() for _ in range(BATCHES_PER_ROUND)] for _ in range(ROUNDS)]


async def send(wiring: Wiring, bodies: list[bytes]) -> None:
    for body in bodies:
        await wiring.ingest.accept(body, NOW_MS, "Mozilla/5.0")


def tables(engine: Engine) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Both tables without what differs between runs: the stream's clock, and gaps in `seq`."""
    with engine.connect() as connection:
        events = connection.execute(text("select * from event order by seq")).mappings().all()
        dropped = connection.execute(text("select * from dropped_event")).mappings().all()
    order = {
        stream_id: place
        for place, stream_id in enumerate(sorted({row["stream_id"] for row in [*events, *dropped]}, key=position))
    }

    def facts_of(row: Any) -> tuple[Any, ...]:
        own = {name: value for name, value in row.items() if name not in ("seq", "stream_id")}
        return (order[row["stream_id"]], str(sorted(own.items(), key=lambda item: item[0])))

    return [facts_of(row) for row in events], sorted(facts_of(row) for row in dropped)


def position(stream_id: str) -> tuple[int, int]:
    milliseconds, number = stream_id.split("-")
    return int(milliseconds), int(number)


class Workers:
    """Consumers in processes of their own, started again when they are killed."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self._command = [sys.executable, "-c", WORKER, database_url, redis_url, str(ENTRIES_PER_STEP)]
        self._running = [self._start() for _ in range(WORKERS)]

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self, places: list[int]) -> None:
        for place in places:
            self._running[place].kill()
        for place in places:
            self._bury(self._running[place])

    def restart(self, places: list[int]) -> None:
        for place in places:
            self._running[place] = self._start()

    def close(self) -> None:
        self.kill(list(range(WORKERS)))

    def _signal(self, number: signal.Signals) -> None:
        for worker in self._running:
            worker.send_signal(number)

    def _start(self) -> subprocess.Popen[str]:
        worker = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        return worker

    def _bury(self, worker: subprocess.Popen[str]) -> None:
        worker.wait()
        assert worker.stdout is not None
        worker.stdout.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DRAIN_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def drained(client: redis.Redis) -> None:
    deadline = time.monotonic() + DRAIN_SECONDS_MAX
    while client.xlen(STREAM):
        assert time.monotonic() < deadline, "the consumers do not drain the stream"
        await asyncio.sleep(0.02)


@pytest.fixture
async def wiring(fresh_database_url: str, redis_url: str) -> AsyncIterator[Wiring]:
    wired = wire(fresh_database_url, redis_url)
    yield wired
    await unwire(wired)


@pytest.fixture
def workers(fresh_database_url: str, redis_url: str) -> Iterator[Workers]:
    running = Workers(fresh_database_url, redis_url)
    yield running
    running.close()


@pytest.mark.parametrize("seed", [1])
async def test_ingest__killed_at_random__tables_as_undisturbed(
    fresh_engine: Engine, wiring: Wiring, redis_client: redis.Redis, workers: Workers, seed: int
) -> None:
    """L24, L25."""
    dice, interrupted = Random(seed), 0
    for bodies in rounds(seed):
        workers.freeze()                                    # so that a whole round waits when they go on
        await send(wiring, bodies)
        workers.thaw()
        await asyncio.sleep(dice.uniform(0.0, 0.1))        # the moment of the crash is the experiment
        victims = dice.choice([[0], [1], [0, 1]])
        workers.kill(victims)
        interrupted += bool(redis_client.xlen(STREAM))
        workers.restart(victims)
    await drained(redis_client)
    disturbed = tables(fresh_engine)
    assert len(disturbed[0]) + len(disturbed[1]) == ROUNDS * BATCHES_PER_ROUND * EVENTS_PER_BATCH
    workers.close()

    with fresh_engine.begin() as connection:
        connection.execute(text("truncate event, dropped_event, early_click restart identity"))
    redis_client.flushdb()
    for bodies in rounds(seed):
        await send(wiring, bodies)
    calm = IngestConsumer(fresh_engine, redis_client)
    while calm.consume():
        pass
    assert tables(fresh_engine) == disturbed
    assert interrupted >= 2, "no kill came while there was work"


WAITING = text(
    "select pid from pg_stat_activity where query ilike '%copy event%' and wait_event_type = 'Lock'"
    " and datname = current_database()"
)


async def send_views(wiring: Wiring) -> range:
    """Views of decisions with these numbers, 20 in an entry."""
    numbers = range(1, 201)
    for first in numbers[::20]:
        events = [{"kind": "viewable", "token": sign(facts(number), TOKEN_KEY), "samples": SEEN}
                  for number in range(first, first + 20)]
        await send(wiring, [msgspec.json.encode({"events": events})])
    return numbers


@contextmanager
def stuck_copy(engine: Engine) -> Iterator[Connection]:
    """A row of ours stands where a copy must wait for it; gone at the end. Gives a connection to look with."""
    with engine.connect() as blocker, engine.connect() as looking:
        blocker.execute(text(
            "insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id,"
            " placement_id, publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id, stream_index,"
            " status) values (:id, 'd', 'viewable', 'vcpm', 1, 1, 1, 1, 1, 0, 0, 0, 'blocker', 0, 'accepted')"
        ), {"id": facts(100).decision_id.hex() + "01"})
        yield looking.execution_options(isolation_level="AUTOCOMMIT")
        blocker.rollback()


async def test_ingest__killed_in_the_middle_of_a_copy__everything_once(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str, wiring: Wiring, redis_client: redis.Redis
) -> None:
    """L24, L25: a row of ours in the middle of the pass makes PostgreSQL wait there until the consumer is dead."""
    numbers = await send_views(wiring)
    command = [sys.executable, "-c", WORKER, fresh_database_url, redis_url, "1000"]
    with stuck_copy(fresh_engine) as looking, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        try:
            until(lambda: looking.execute(WAITING).scalar_one_or_none())
        finally:
            worker.kill()
    assert redis_client.xlen(STREAM) == 10
    consumer = IngestConsumer(fresh_engine, redis_client)
    until(lambda: not consumer.consume() and redis_client.xlen(STREAM) == 0)
    with fresh_engine.connect() as connection:
        names = connection.execute(text("select decision_id from event order by seq")).scalars().all()
        dropped = connection.execute(text("select count(*) from dropped_event")).scalar_one()
    assert (names, dropped) == ([facts(number).decision_id.hex() for number in numbers], 0)
    assert redis_client.get(BYTES) is None


async def test_ingest__postgresql_ends_the_connection_in_the_middle_of_a_copy__goes_on_afterwards(
    fresh_engine: Engine, wiring: Wiring, redis_client: redis.Redis
) -> None:
    """L24, L25: the same process, with the connection that it has then."""
    numbers = await send_views(wiring)
    consumer = IngestConsumer(fresh_engine, redis_client)
    with stuck_copy(fresh_engine) as looking, ThreadPoolExecutor(1) as thread:
        consuming = thread.submit(consumer.consume)
        until(lambda: looking.execute(WAITING).scalar_one_or_none())
        looking.execute(text("select pg_terminate_backend(:pid)"), {"pid": looking.execute(WAITING).scalar_one()})
        error = consuming.exception(DRAIN_SECONDS_MAX)
    assert isinstance(error, DATABASE_UNAVAILABLE), error
    until(lambda: not consumer.consume() and redis_client.xlen(STREAM) == 0)
    with fresh_engine.connect() as connection:
        names = connection.execute(text("select decision_id from event order by seq")).scalars().all()
    assert names == [facts(number).decision_id.hex() for number in numbers]
