"""The stores and the server that the HTTP benchmarks load: uvicorn as in production, one worker, a real market."""

import os
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import redis

from backend.db.engine import Engine, make_engine
from backend.db.migrate import upgrade
from backend.local import spawn_child, start_stack
from backend.local.child import wait_until
from backend.local.ports import LOOPBACK, free_port
from backend.local.programs import PROJECT_ROOT
from backend.serving.sync.service import BudgetSync
from bench.app import CHAIN_ID
from bench.market import Market
from bench.processes import family

START_SECONDS_MAX, STOP_SECONDS_MAX = 60.0, 40.0


@dataclass(frozen=True)
class Running:
    """Where the server and its stores are, and what is for sale. `pids`: processes by name; `server` has children."""

    url: str
    database_url: str
    redis_url: str
    engine: Engine
    placements: list[int]
    pids: Mapping[str, int]


Fill = Callable[[Engine, str], list[int]]


@contextmanager
def running(
    *, line_items: int = 0, placements: int = 0, fill: Fill | None = None, app: str = "bench.app:create_app",
    env: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """A server on fresh stores with that many line items competing for that many placements.

    `fill` makes another market and names its placements; `env` is added to the server's environment.
    """
    with stores(line_items=line_items, placements=placements, fill=fill) as found, serving(found, app, env) as server:
        yield server


@contextmanager
def stores(*, line_items: int = 0, placements: int = 0, fill: Fill | None = None) -> Iterator[Running]:
    """Only the stores and the market; `url` is empty until `serving`."""
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as folder:
        Path(folder).chmod(0o755)
        env = {"PATH": os.environ.get("PATH", "")}
        with start_stack(Path(folder), need=frozenset({"postgres", "redis"}), env=env) as stack:
            upgrade(stack.database_url)
            engine = make_engine(stack.database_url, pool_size=2)
            if fill is None:
                market = _market(engine, stack.database_url, line_items, placements)
            else:
                market = fill(engine, stack.database_url)
            with redis.Redis.from_url(stack.redis_url) as client:
                client.config_set("appendfsync", "no")      # thousands of purses are written, one by one
                BudgetSync(engine, client, CHAIN_ID).sync(time.time_ns() // 1_000_000)
                client.config_set("appendfsync", "always")
            pids = {name: child.pid for name, child in stack.children.items()}
            yield Running("", stack.database_url, stack.redis_url, engine, market, pids)
            engine.dispose()


@contextmanager
def serving(
    stores: Running, app: str = "bench.app:create_app", env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """One more server on these stores."""
    with _uvicorn(stores.database_url, stores.redis_url, app, env or {}) as (url, pid):
        yield replace(stores, url=url, pids={**stores.pids, "server": pid})


def _market(engine: Engine, database_url: str, line_items: int, placements: int) -> list[int]:
    """Budgets that no benchmark can spend; bids and targeting at random."""
    market, dice = Market(engine, database_url, CHAIN_ID), Random(1)
    campaigns = [market.campaign(number, 10**12) for number in range(1, max(2, line_items // 10))]
    worlds = [market.world(publisher) for publisher in range(1, 6)]
    for number in range(line_items):
        targeting = "{}" if number % 3 else f'{{"worlds": [{dice.choice(worlds)}]}}'
        market.line_item(campaigns[number % len(campaigns)], dice.randint(1_000, 9_000), targeting=targeting)
    return [market.placement(worlds[number % len(worlds)], floor_micro_usdc=500) for number in range(placements)]


@contextmanager
def _uvicorn(database_url: str, redis_url: str, app: str, more: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """One worker, started as `sightline serve` starts it; nothing of it outlives us."""
    port = free_port()
    # children are started by a guard, which has the cores of whoever asked it first: the server takes ours itself
    code = (
        f"import os; os.sched_setaffinity(0, {os.sched_getaffinity(0)}); "
        f"from backend.main import server; server.run({app!r}, '{LOOPBACK}', {port}, 1)"
    )
    command = [sys.executable, "-c", code]
    env = os.environ | {"DATABASE_URL": database_url, "REDIS_URL": redis_url} | dict(more)
    with tempfile.TemporaryDirectory(prefix="sightline-bench-server-") as folder:
        log_path = Path(folder) / "server.log"
        server = spawn_child(command, env=env, log_path=log_path, cwd=PROJECT_ROOT, name="server")
        try:
            wait_until(server, lambda: _answers(f"http://{LOOPBACK}:{port}"), seconds_max=START_SECONDS_MAX)
            yield f"http://{LOOPBACK}:{port}", server.pid
        finally:
            everybody = family(server.pid)
            server.stop(seconds_max=STOP_SECONDS_MAX)       # it hands over what it has counted
            for pid in everybody:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/hello", timeout=1):
            return True
    except urllib.error.HTTPError:
        return True             # the whole application has no such route
    except (urllib.error.URLError, OSError):
        return False
