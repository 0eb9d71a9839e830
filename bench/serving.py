"""Ad decisions, events and connections at speed, each against a hello-world of the same server in the same run.

    python -m bench.serving [--json] [--quick] [--only ROW …]
    python -m bench.serving --from FILE [--into docs/performance.md]

The server has core 0; load, Redis and PostgreSQL share core 1. Every decision is a whole one (targeting in all
dimensions, click rate, second price, hold, caps, signed token) over the market of `bench.big_market`; every answer is
looked at, and the holds in Redis are counted: as many as decisions. `--json` prints the rows for machines; `--from`
makes the table of a page from a file of such rows, and `--into` puts it there.
"""

import argparse
import contextlib
import http.client
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import redis

from bench import big_market, connections, events, load, rate, wrk_load
from bench.app import CHAIN_ID
from bench.holds import count_holds, forget_holds
from bench.naive import create_app as naive_app
from bench.processes import LOAD_CORE, SERVER_CORE, cpu_seconds, pinned
from bench.server import Running, serving, stores
from bench.tables import between_marks, markdown, tell, text_lines

Row = dict[str, Any]
Rows = dict[str, Row]

BODIES = 4_000
CONNECTIONS, NAIVE_CONNECTIONS, RATE_CONNECTIONS = 64, 16, 64
OUR_APP, NAIVE_APP = "bench.app:create_app", f"{naive_app.__module__}:{naive_app.__name__}"
NUMPY_ONLY = {"SIGHTLINE_KERNEL": "python"}
WARM_SECONDS_MAX = 90.0
PEER_DECISIONS_PER_SECOND = 9.27        # ethical-ad-server, 1,000 flights, one core of such a machine, measured before
ROWS = (
    "hello", "decide_1k", "decide_10k", "decide_10k_fsync", "decide_100k", "decide_10k_numpy", "naive_10k",
    "decide_p99_ms_5k", "decide_p99_ms_10k", "cpu_us_decide", "events_accepted", "events_accepted_durable",
    "events_consumed", "connections_10k_errors", "connections_10k_p99_ms", "rss_mb_worker",
)


class Bench:
    """How long and how often; which rows are wanted."""

    def __init__(self, *, quick: bool = False, only: Sequence[str] = ()) -> None:
        self.runs, self.seconds, self.rate_seconds = (1, 2.0, 3.0) if quick else (3, 5.0, 10.0)
        self.quick = quick
        self._only = set(only) or set(ROWS)

    def wants(self, *rows: str) -> bool:
        return bool(self._only & set(rows))

    def chosen(self, rows: Rows) -> Rows:
        """What was asked for, in the order of ROWS."""
        return {name: rows[name] for name in ROWS if name in rows and name in self._only}


def measure(bench: Bench | None = None) -> Rows:
    """Rows `{value, unit, baseline, ratio, …}`; medians of interleaved runs."""
    bench = bench or Bench()
    rows: Rows = {}
    with pinned(LOAD_CORE):
        for line_items, name in ((1_000, "1k"), (100_000, "100k")):
            if bench.wants(f"decide_{name}"):
                with market(line_items) as found, server(found) as running:
                    rows |= _decide(bench, running, f"decide_{name}")
        if bench.wants("hello", "cpu_us_decide", "naive_10k", *_of_10k()):
            with market(10_000) as found:
                rows |= _ten_thousand(bench, found)
        rows |= _events(bench)
        rows |= _connections(bench)
    if "decide_1k" in rows:
        rows["decide_1k"]["times_ethical_ad_server"] = round(rows["decide_1k"]["value"] / PEER_DECISIONS_PER_SECOND)
    return bench.chosen(rows)


def _of_10k() -> list[str]:
    return [name for name in ROWS if name.startswith("decide_") and name not in ("decide_1k", "decide_100k")]


@contextlib.contextmanager
def market(line_items: int) -> Iterator[Running]:
    """Stores with so many line items."""
    with stores(fill=lambda engine, url: big_market.fill(engine, url, line_items, CHAIN_ID).placements) as found:
        _sync(found, "everysec")
        yield found


def _sync(found: Running, when: str) -> None:
    """When Redis waits for the disk. Holds need not: they are made again from PostgreSQL. Events do, so a Redis that
    has both waits for every turn of its loop; `decide_10k_fsync` tells what that takes.
    """
    with redis.Redis.from_url(found.redis_url) as client:
        client.config_set("appendfsync", when)


@contextlib.contextmanager
def server(found: Running, app: str = OUR_APP, env: dict[str, str] | None = None) -> Iterator[Running]:
    """A server with one worker on a core of its own, which has answered for every placement once."""
    with contextlib.ExitStack() as stack:
        with pinned(SERVER_CORE):
            running = stack.enter_context(serving(found, app, env))
        _warm(running, 8 if app == NAIVE_APP else len(running.placements))
        yield running


def _warm(running: Running, placements: int) -> None:
    """Placements are asked for until each has answered once: what a server makes at first is not measured."""
    parts = urlsplit(running.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    deadline = time.monotonic() + WARM_SECONDS_MAX
    for body in big_market.bodies(big_market.Sold(running.placements), placements):
        status = 0
        while status != 200:
            connection.request("POST", "/v1/decisions", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            status, content = answer.status, answer.read()
            if time.monotonic() > deadline:
                raise RuntimeError(f"the server does not get warm: {status} {content[:300]!r}")
    connection.close()


def _ten_thousand(bench: Bench, found: Running) -> Rows:
    """All that is measured at 10,000 line items; hello is measured beside it."""
    rows: Rows = {}
    with server(found) as running:
        if bench.wants("hello", "decide_10k", "naive_10k", "cpu_us_decide"):
            rows |= _decide(bench, running, "decide_10k", hello_row=True)
        for per_second, name in ((5_000, "decide_p99_ms_5k"), (10_000, "decide_p99_ms_10k")):
            if bench.wants(name):
                rows[name] = _waits(bench, running, per_second)
        if bench.wants("decide_10k_fsync"):
            _sync(found, "always")
            rows |= _decide(bench, running, "decide_10k_fsync")
            _sync(found, "everysec")
    if bench.wants("decide_10k_numpy"):
        with server(found, env=NUMPY_ONLY) as running:
            rows |= _decide(bench, running, "decide_10k_numpy")
    if bench.wants("naive_10k"):
        with server(found, NAIVE_APP) as running:
            rows |= _decide(bench, running, "naive_10k", connections=NAIVE_CONNECTIONS)
        ours, naive = rows["decide_10k"], rows["naive_10k"]
        ours["times_naive"] = round(ours["value"] / naive["value"], 1)
    return rows


def _decide(
    bench: Bench, running: Running, name: str, *, hello_row: bool = False, connections: int = CONNECTIONS
) -> Rows:
    """Decisions and hellos in turns, as fast as the server can."""
    decide(running, 1.0, connections)
    greet, ask = partial(hello, running, bench.seconds), partial(decide, running, bench.seconds, connections)
    runs = [(_with_cpu(running, greet), _with_cpu(running, ask)) for _ in range(bench.runs)]
    hellos, decisions = [one[0] for one, _ in runs], [other[0] for _, other in runs]
    hello_us, cpu_us = median(one[1] for one, _ in runs), median(other[1] for _, other in runs)
    baseline = median(run.per_second for run in hellos)
    row = _throughput(decisions, baseline) | {
        "cpu_us": round(cpu_us, 1), "cpu_ratio": round(hello_us / cpu_us, 3), "load": wrk_load.tool(),
    }
    rows = {name: row}
    print(f"bench: {text_lines(rows)}", file=sys.stderr)
    if hello_row:
        rows["hello"] = _throughput(hellos, baseline)
        rows["cpu_us_decide"] = _figure(cpu_us, "µs", baseline=round(hello_us, 1), ratio=round(hello_us / cpu_us, 3))
    return rows


def _with_cpu(running: Running, load_it: Callable[[], load.Load]) -> tuple[load.Load, float]:
    """The load, and the CPU microseconds of the server for each of its requests: a figure that other programs on the

    machine hardly change.
    """
    before = cpu_seconds(running.pids["server"])
    run = load_it()
    return run, (cpu_seconds(running.pids["server"]) - before) * 1e6 / max(1, run.requests)


def hello(running: Running, seconds: float) -> load.Load:
    """The server's limit: a route that does nothing, below all layers."""
    return wrk_load.run(running.url, "GET", "/hello", [], "", connections=CONNECTIONS, seconds=seconds)


def decide(running: Running, seconds: float, connections: int = CONNECTIONS) -> load.Load:
    """Every answer is a success, and has a price held in Redis: so it was an ad. To look at bodies, wrk would call Lua
    for each of them, on the core that Redis needs."""
    forget_holds(running.redis_url)
    bodies = big_market.bodies(big_market.Sold(running.placements), BODIES)
    run = wrk_load.run(
        running.url, "POST", "/v1/decisions", bodies, "", connections=connections, seconds=seconds
    )
    held = count_holds(running.redis_url)
    # those under way at the end, of this run and of one before it, are not counted
    if not run.requests <= held <= run.requests + 2 * connections:
        raise RuntimeError(f"{run.requests} decisions, but {held} holds")
    return run


def _waits(bench: Bench, running: Running, per_second: int) -> Row:
    """p99 at a fixed rate, from when each request was due."""
    forget_holds(running.redis_url)
    bodies = big_market.bodies(big_market.Sold(running.placements), BODIES)
    contents = [load.request(running.url, "POST", "/v1/decisions", body) for body in bodies]
    greeting = [load.request(running.url, "GET", "/hello")]
    hellos, runs = [], []
    for _ in range(bench.runs):
        ask = partial(rate.run, running.url, rate=per_second, connections=RATE_CONNECTIONS)
        hellos.append(ask(greeting, "", seconds=min(3.0, bench.rate_seconds)))
        before = cpu_seconds(running.pids["server"])
        runs.append(ask(contents, connections.AD, seconds=bench.rate_seconds))
        busy = (cpu_seconds(running.pids["server"]) - before) / bench.rate_seconds
    errors = sum(run.errors for run in runs)
    row = _figure(
        median(run.p99_ms for run in runs), "ms", baseline=round(median(run.p99_ms for run in hellos), 2),
        p50_ms=round(median(run.p50_ms for run in runs), 2), p999_ms=round(median(run.p999_ms for run in runs), 2),
        per_second=per_second, errors=errors, core_busy=round(busy, 2), load=runs[-1].tool, runs=len(runs),
        load_late_p99_ms=round(median(run.late_p99_ms for run in runs), 2),
    )
    row["ratio"] = round(row["value"] / row["baseline"], 2)
    print(f"bench: {text_lines({f'{per_second}/s': row})}", file=sys.stderr)
    return row


def _throughput(runs: Sequence[load.Load], baseline: float) -> Row:
    middle = sorted(runs, key=lambda run: run.per_second)[len(runs) // 2]
    return {
        "value": round(middle.per_second), "unit": "requests/s", "baseline": round(baseline),
        "ratio": round(middle.per_second / baseline, 3), "p50_ms": round(middle.p50_ms, 2),
        "p99_ms": round(middle.p99_ms, 2), "runs": len(runs),
    }


def _figure(value: float, unit: str, **more: Any) -> Row:
    return {"value": round(value, 2), "unit": unit, "baseline": None, "ratio": None, **more}


def _events(bench: Bench) -> Rows:
    """Three rows; what else `bench.events` measures is told in them."""
    if not bench.wants("events_accepted", "events_accepted_durable", "events_consumed"):
        return {}
    rows: Rows = events.measure(runs=1, seconds=1.0, backlog=0) if bench.quick else events.measure()
    told = {
        "events_accepted": {"of_12_samples": "events_accepted_12", "clicks": "events_accepted_clicks"},
        "events_accepted_durable": {"synced_every_second": "events_accepted_everysec"},
        "events_consumed": {"of_12_samples": "events_consumed_12", "mb_of_a_million_waiting": "backlog_rss_mb"},
    }
    for name, others in told.items():
        rows[name] |= {label: rows[other]["value"] for label, other in others.items() if other in rows}
    return rows


def _connections(bench: Bench) -> Rows:
    """With them is the memory of a worker, which 10,000 connections fill most."""
    if not bench.wants("connections_10k_errors", "connections_10k_p99_ms", "rss_mb_worker"):
        return {}
    return connections.measure(5.0 if bench.quick else connections.SECONDS)


def main() -> None:
    """Print the rows, as text, as one JSON object, or as the table of the documentation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="one short run of each: noisy")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=(), metavar="ROW", help="some of: " + " ".join(ROWS))
    parser.add_argument("--from", dest="file", type=Path, help="print the markdown table of rows that --json printed")
    parser.add_argument("--into", type=Path, help="put the table of --from between the marks of this page")
    options = parser.parse_args()
    if options.file:
        table = markdown(json.loads(options.file.read_text()))
        if options.into:
            options.into.write_text(between_marks(options.into.read_text(), table))
        else:
            print(table)
        return
    rows = measure(Bench(quick=options.quick, only=options.only))
    tell(rows, as_json=options.json)
    missing = [name for name in options.only or ROWS if name not in rows]
    if missing:
        sys.exit(f"bench: no figure for {', '.join(missing)}")


if __name__ == "__main__":
    main()
