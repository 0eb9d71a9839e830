"""How long after a change of a budget, a status or a bid a decision follows it, among a hundred thousand line items.

The processes are those of production: one worker that decides, and one that copies budgets from SQL to
Redis; their pauses are in the figures. A line item that outbids everybody on one placement wins, or does not.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median

import redis
from sqlalchemy import text

from backend.db.engine import Engine, make_engine
from backend.jobs.budgets import BudgetsJob
from backend.jobs.loop import run_loop
from backend.local import spawn_child
from backend.local.programs import PROJECT_ROOT
from backend.main.worker import BUDGETS_SECONDS
from backend.serving.sync.service import BudgetSync
from bench import big_market
from bench.app import CHAIN_ID
from bench.server import Running, serving, stores
from bench.tables import tell

LINE_ITEMS, CHANGES = 100_000, 10
WARM_UP = 2                 # changes that are not counted: whoever copies reads everything first
WAIT_SECONDS_MAX = 30.0
# Of campaign 1, whose category nobody blocks; its bid is far above all others.
PROBE = """
with item as (
    insert into line_item (campaign_id, name, bid_kind, bid_micro_usdc, pacing, starts_at, ends_at, targeting, status)
    select 1, 'Probe', 'vcpm', 50000000, 'asap', starts_at, ends_at, cast(:targeting as jsonb), 'active'
      from line_item where id = 1 returning id
)
insert into creative (line_item_id, kind, width, height, asset_url, asset_sha256, click_url, status)
select id, 'image', 1024, 512, 'https://assets.example/', repeat('ab', 32), 'https://advertiser.example/', 'approved'
  from item returning id
"""
ITEM = "update line_item set {} where name = 'Probe'"
KINDS = {
    "fresh_budget": tuple(
        f"update chain_campaign set deposited = {deposited}, remaining = {deposited} where campaign = 1"
        for deposited in (0, big_market.DEPOSIT_MICRO_USDC)
    ),
    "fresh_status": (ITEM.format("status = 'paused'"), ITEM.format("status = 'active'")),
    "fresh_terms": (ITEM.format("bid_micro_usdc = 1"), ITEM.format("bid_micro_usdc = 50000000")),
}


def measure(line_items: int = LINE_ITEMS, changes: int = CHANGES) -> dict[str, dict[str, object]]:
    """Median milliseconds from the commit of a change to the first decision by it, and the longest of `changes`."""
    probe: list[int] = []

    def fill(engine: Engine, database_url: str) -> list[int]:
        placements = big_market.fill(engine, database_url, line_items, CHAIN_ID).placements
        with engine.begin() as connection:
            targeting = json.dumps({"placements": placements[:1]})
            probe.append(int(connection.execute(text(PROBE), {"targeting": targeting}).scalar_one()))
        return placements

    with stores(fill=fill) as found, tempfile.TemporaryDirectory(prefix="sightline-bench-") as folder:
        command = [sys.executable, "-c", "from bench.fresh import copy; copy()"]
        env = os.environ | {"DATABASE_URL": found.database_url, "REDIS_URL": found.redis_url}
        copier = spawn_child(command, env=env, log_path=Path(folder) / "copier.log", cwd=PROJECT_ROOT, name="copier")
        try:
            with serving(found) as server:
                wins = _asker(server, probe[0])
                return {name: _row(found.engine, pair, wins, changes) for name, pair in KINDS.items()}
        finally:
            copier.stop()


def copy() -> None:
    """The loop of `sightline worker` that copies budgets, until it is killed."""
    engine = make_engine(os.environ["DATABASE_URL"], pool_size=2)
    job = BudgetsJob(BudgetSync(engine, redis.Redis.from_url(os.environ["REDIS_URL"]), CHAIN_ID))
    run_loop("budgets", job.step, threading.Event(), idle_seconds=BUDGETS_SECONDS)


def _row(
    engine: Engine, pair: tuple[str, ...], wins: Callable[[], bool], changes: int, seed: int = 1
) -> dict[str, object]:
    dice, waits = Random(seed), []
    for number in range(WARM_UP + changes):
        time.sleep(1 + dice.random())           # at any moment of the pauses
        sells = bool(number % 2)
        with engine.begin() as connection:
            connection.execute(text(pair[sells]))
        began = time.perf_counter()
        while wins() is not sells:
            if time.perf_counter() - began > WAIT_SECONDS_MAX:
                raise TimeoutError(f"nobody decides by: {pair[sells]}")
            time.sleep(0.002)
        waits.append((time.perf_counter() - began) * 1000)
    counted = waits[WARM_UP:]
    value = round(median(counted), 1)
    return {
        "value": value, "unit": "ms", "baseline": 1000, "ratio": round(value / 1000, 2),
        "max_ms": round(max(counted), 1), "changes": changes,
    }


def _asker(server: Running, creative: int) -> Callable[[], bool]:
    """Whether the probe wins now."""
    shown = f'"creative":{{"id":{creative},'.encode()

    def wins() -> bool:
        body = json.dumps({"placement_id": server.placements[0], "viewer_key": f"viewer-{time.time_ns()}"}).encode()
        request = urllib.request.Request(
            f"{server.url}/v1/decisions", body, {"content-type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return shown in answer.read()

    return wins


def main() -> None:
    """Print the rows, as text or as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--line-items", type=int, default=LINE_ITEMS)
    parser.add_argument("--changes", type=int, default=CHANGES)
    given = parser.parse_args()
    tell(measure(given.line_items, given.changes), as_json=given.json)


if __name__ == "__main__":
    main()
