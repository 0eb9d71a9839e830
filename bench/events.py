"""Events taken in and stored, 20 in a request, each new; against a hello-world of the same server in the same run.

`events_accepted` are the shortest views that count (five samples), verified, found to be new, and in Redis without
its log; `_everysec` and `_durable` are the same with Redis's log synced every second, and before each answer.
`_12` are views of twelve samples, as our SDK sends them, and `_clicks` clicks, the shortest events there are.
The server has a core of its own; Redis shares the other with the load. `cpu_us` is the server's CPU for an event, and
`core_per_second` what a core would do at that price; `server_busy`, `redis_busy` and `load_busy` are the shares of a
core that they were at work: where the server is not busy, somebody else was the limit.
`events_consumed` goes from the stream into SQL by a consumer of its own process, whose CPU `cpu_us` is;
`postgres_cpu_us` is that of the PostgreSQL process it speaks to. Its baseline is a COPY of the same rows into a
temporary table, without indexes, rules or log. `backlog_rss_mb` is the most memory that process ever had while it
drained a million views of twelve samples.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from statistics import median
from typing import NamedTuple

import msgspec
import psycopg
import redis
from sqlalchemy import text

from backend.core.decision_token import DecisionToken, decision_id, sign
from backend.core.events import BidKind
from backend.core.ruleset import Ruleset
from backend.ingest import quick, reports
from backend.ingest.pipeline import Circumstances
from backend.ingest.stream import FIELD, STREAM
from bench import load
from bench.app import CHAIN_ID, TOKEN_KEY
from bench.processes import LOAD_CORE, SERVER_CORE, cpu_seconds, pinned
from bench.server import Running, serving, stores

CONNECTIONS = 16
RUNS, SECONDS = 3, 2.0
BATCH = 20
REQUESTS_MAX = 20_000                   # more than any server answers in that time
CONSUMED, BACKLOG = 100_000, 1_000_000
PRICE = 1_000
LOGS = {"no log": ("no", "no"), "everysec": ("yes", "everysec"), "always": ("yes", "always")}
_numbers = count(1)

CONSUMER = """
import json, sys, time, redis
from backend.db.engine import make_engine
from sqlalchemy import text
from backend.ingest.service import IngestConsumer
from bench.processes import cpu_seconds, peak_mb
engine = make_engine(sys.argv[1], pool_size=1)
with engine.connect() as connection:
    postgres = connection.execute(text("select pg_backend_pid()")).scalar_one()
consumer = IngestConsumer(engine, redis.Redis.from_url(sys.argv[2]))
started, before, other = time.perf_counter(), time.process_time(), cpu_seconds(postgres)
while consumer.consume():
    pass
seconds, cpu, other = time.perf_counter() - started, time.process_time() - before, cpu_seconds(postgres) - other
print(json.dumps([seconds, cpu, other, peak_mb()]))
"""
BARE = ("create temp table bare (like event)", "copy (select * from event order by seq desc limit %s) to stdout",
        "copy bare from stdin")


class Costs(NamedTuple):
    """CPU seconds of everybody who takes part, in so many seconds."""

    seconds: float
    server: float
    redis: float
    load: float

    @classmethod
    def now(cls, server: int, redis_pid: int) -> "Costs":
        """So far."""
        return cls(time.perf_counter(), cpu_seconds(server), cpu_seconds(redis_pid), time.process_time())

    def since(self, before: "Costs") -> "Costs":
        return Costs(*(now - then for now, then in zip(self, before, strict=True)))

    def busy(self) -> dict[str, float]:
        """Shares of a core."""
        return {f"{name}_busy": round(getattr(self, name) / self.seconds, 2) for name in ("server", "redis", "load")}


class Drained(NamedTuple):
    """Seconds, CPU seconds of the consumer and of PostgreSQL, and the most memory (MB) of the consumer."""

    seconds: float
    cpu: float
    postgres: float
    resident_mb: float


@dataclass
class Kind:
    """Events of one kind, and how fast they were taken in."""

    samples: list[list[object]] | None
    accepted: list[float] = field(default_factory=list)
    costs: list["Costs"] = field(default_factory=list)

    def event(self, number: int, viewer: bytes) -> dict[str, object]:
        now_ms = time.time_ns() // 1_000_000
        token = DecisionToken(
            decision_id=decision_id(now_ms - 2_000, number.to_bytes(10, "big")), chain_id=CHAIN_ID, campaign=1,
            line_item=1, creative=1, placement=1, publisher=1, price_micro_usdc=PRICE, bid_kind=BidKind.VCPM,
            expires_ms=now_ms + 600_000, viewer=viewer,
        )
        if self.samples is None:
            return {"kind": "click", "token": sign(token, TOKEN_KEY)}
        return {"kind": "viewable", "token": sign(token, TOKEN_KEY), "samples": self.samples}

    def body(self) -> bytes:
        """What one viewer's SDK sends."""
        viewer = next(_numbers).to_bytes(8, "big")
        return msgspec.json.encode({"events": [self.event(next(_numbers), viewer) for _ in range(BATCH)]})


def _samples(step_ms: int, until_ms: int) -> list[list[object]]:
    return [[t_ms, 9_800, 420, 1_200 + t_ms % 9, True, True] for t_ms in range(0, until_ms + 1, step_ms)]


SHORT, TWELVE = _samples(250, 1_000), _samples(100, 1_100)


def measure(*, runs: int = RUNS, seconds: float = SECONDS, backlog: int = BACKLOG) -> dict[str, dict[str, object]]:
    """Medians of interleaved runs; what was accepted is counted in SQL afterwards, each event once."""
    rows: dict[str, dict[str, object]] = {}
    with stores() as found, redis.Redis.from_url(found.redis_url) as client:
        with ExitStack() as stack:
            with pinned(SERVER_CORE):
                server = stack.enter_context(serving(found))
            rows |= _accepted(server, client, runs, seconds)
        rows |= _consumed(found, client, runs, backlog)
    return rows


def _accepted(server: Running, client: redis.Redis, runs: int, seconds: float) -> dict[str, dict[str, object]]:
    plans = {
        "events_accepted": ("no log", SHORT), "events_accepted_12": ("no log", TWELVE),
        "events_accepted_clicks": ("no log", None), "events_accepted_everysec": ("everysec", SHORT),
        "events_accepted_durable": ("always", SHORT),
    }
    kinds = {name: Kind(samples) for name, (_, samples) in plans.items()}
    hello: list[float] = []
    for _ in range(runs):
        hello.append(_hello(server, seconds))
        for name, (log, _) in plans.items():
            _log(client, log)
            client.flushdb()                    # what the last run left would only be more to copy
            _send(server, client, kinds[name], seconds)
    baseline = median(hello)
    return {name: _accepted_row(kind, baseline) for name, kind in kinds.items()}


def _accepted_row(kind: Kind, baseline: float) -> dict[str, object]:
    """With what was measured in the median run."""
    middle = sorted(range(len(kind.accepted)), key=kind.accepted.__getitem__)[len(kind.accepted) // 2]
    costs, events = kind.costs[middle], kind.accepted[middle] * kind.costs[middle].seconds
    cpu_us, redis_us = costs.server / events * 1e6, costs.redis / events * 1e6
    return _row(
        kind.accepted, "events/s", baseline, cpu_us=round(cpu_us, 2), redis_cpu_us=round(redis_us, 2),
        core_per_second=round(1e6 / cpu_us), **costs.busy(),
    )


def _consumed(found: Running, client: redis.Redis, runs: int, backlog: int) -> dict[str, dict[str, object]]:
    _log(client, "everysec")
    client.flushdb()
    rows: dict[str, dict[str, object]] = {}
    for name, samples in (("events_consumed", SHORT), ("events_consumed_12", TWELVE)):
        drained = [_drain(found, client, samples, CONSUMED) for _ in range(runs)]
        speeds = [CONSUMED / one.seconds for one in drained]
        rows[name] = _row(
            speeds, "events/s", _copied(found, CONSUMED),
            cpu_us=round(median(one.cpu for one in drained) / CONSUMED * 1e6, 2),
            postgres_cpu_us=round(median(one.postgres for one in drained) / CONSUMED * 1e6, 2),
        )
    if backlog:
        one = _drain(found, client, TWELVE, backlog)
        speed = round(backlog / one.seconds)
        rows["backlog_rss_mb"] = _row([one.resident_mb], "MB", events=backlog, events_per_second=speed)
    return rows


def _copied(found: Running, rows: int) -> float:
    """How many of the newest rows a second a bare COPY writes."""
    create, out, into = BARE
    url = found.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(create)
        with cursor.copy(out, [rows]) as copy:
            lines = b"".join(copy)
        started = time.perf_counter()
        with cursor.copy(into) as copy:
            copy.write(lines)
        return rows / (time.perf_counter() - started)


def _row(values: Sequence[float], unit: str, baseline: float | None = None, **more: object) -> dict[str, object]:
    value = median(values)
    ratio = None if baseline is None else round(value / baseline, 3)
    return {
        "value": round(value), "unit": unit, "baseline": baseline and round(baseline), "ratio": ratio, **more,
        "runs": [round(one) for one in values],
    }


def _log(client: redis.Redis, name: str) -> None:
    """Redis writes its log so; it is rewritten before anything is measured."""
    appendonly, sync = LOGS[name]
    client.config_set("appendfsync", sync)
    client.config_set("appendonly", appendonly)
    while client.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.05)


def _hello(server: Running, seconds: float) -> float:
    content = load.request(server.url, "GET", "/hello")
    with pinned(LOAD_CORE):
        return load.run(
            server.url, lambda: content, lambda status, _: status.endswith(b"200"), connections=CONNECTIONS,
            seconds=seconds,
        ).per_second


def _send(server: Running, client: redis.Redis, kind: Kind, seconds: float) -> None:
    """New decisions in every request, made beforehand: one dropped event is an error."""
    requests = int(REQUESTS_MAX * min(seconds, SECONDS) / SECONDS)
    contents = iter([load.request(server.url, "POST", "/v1/events", kind.body()) for _ in range(requests)])
    pids = server.pids["server"], int(client.info("server")["process_id"])
    before = Costs.now(*pids)
    with pinned(LOAD_CORE):
        run = load.run(
            server.url, lambda: next(contents, None),
            lambda status, body: status.endswith(b"202") and b"dropped" not in body,
            connections=CONNECTIONS, seconds=seconds,
        )
    kind.costs.append(Costs.now(*pids).since(before))
    kind.accepted.append(run.requests * BATCH / run.seconds)
    assert client.xlen(STREAM) == run.requests, "an acknowledged request is not in the stream"


def _entries(samples: list[list[object]], events: int) -> Iterator[bytes]:
    """What the door would have written."""
    kind = Kind(samples)
    for _ in range(0, events, BATCH):
        now_ms = time.time_ns() // 1_000_000
        request = quick.asked(Circumstances(now_ms, "Mozilla/5.0", CHAIN_ID, TOKEN_KEY, Ruleset()))
        judged = [quick.judge(report, request) for report in reports.decode_batch(kind.body()).events]
        yield reports.encode_entry(reports.Written(now_ms, [one.record for one in judged]))


def _drain(found: Running, client: redis.Redis, samples: list[list[object]], events: int) -> Drained:
    """What a consumer needs for so many events that wait."""
    before = _stored(found)
    pipeline = client.pipeline(transaction=False)
    for number, entry in enumerate(_entries(samples, events)):
        pipeline.xadd(STREAM, {FIELD: entry})
        if number % 200 == 0:
            pipeline.execute()
    pipeline.execute()
    command = [sys.executable, "-c", CONSUMER, found.database_url, found.redis_url]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    stored = _stored(found) - before
    assert stored == events, f"{events} events were sent and {stored} are stored"
    return Drained(*json.loads(answer))


def _stored(found: Running) -> int:
    with found.engine.connect() as connection:
        return int(connection.execute(text("select count(*) from event")).scalar_one())


def main() -> None:
    """Print the rows, as text or as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="one short run of each, and no backlog: noisy")
    options = parser.parse_args()
    rows = measure(runs=1, seconds=1.0, backlog=0) if options.quick else measure()
    if options.json:
        print(json.dumps(rows))
        return
    for name, row in rows.items():
        of = "bare COPY" if name.startswith("events_consumed") else "hello's requests"
        more = "" if row["ratio"] is None else f"  {row['ratio']} of {of}  {row['cpu_us']} us of CPU"
        print(f"{name:26} {row['value']:>9} {row['unit']}{more}")


if __name__ == "__main__":
    main()
