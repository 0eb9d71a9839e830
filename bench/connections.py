"""10,000 keep-alive connections with 4,000 decisions a second spread over them, each connection in its turn.

    python -m bench.connections [--json] [--seconds S]

That is a viewer of each connection who asks every two and a half seconds. The client is the open loop of `bench.rate`:
what is late is measured from when it was due. A connection that the server closes, or an answer that does not come, is
an error.

The server is `sightline serve` with all its routes, not only the hot ones: its memory is what an operator gets.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Engine

from bench import big_market, load, rate
from bench.app import CHAIN_ID, TOKEN_KEY
from bench.big_market import Sold
from bench.processes import LOAD_CORE, SERVER_CORE, cpu_seconds, largest_resident_mb, pinned
from bench.server import Running, serving, stores
from bench.tables import tell

CONNECTIONS, PER_SECOND, SECONDS = 10_000, 4_000, 60.0
LINE_ITEMS = 10_000
BODIES = 4_000
AD = '"token"'
Row = dict[str, object]


def measure(seconds: float = SECONDS) -> dict[str, Row]:
    """The rows, on stores of its own."""
    with pinned(LOAD_CORE), stores(fill=_fill) as found, ExitStack() as stack:
        env = stack.enter_context(_whole())
        with pinned(SERVER_CORE):
            running = stack.enter_context(serving(found, "backend.main.server:serve_app", env))
        return measure_on(running, seconds)


@contextmanager
def _whole() -> Iterator[dict[str, str]]:
    """What the whole application needs in its environment beside its stores; the chain is never asked."""
    addresses = {"CampaignEscrow": "aa", "PublisherPayout": "bb", "MockUSDC": "cc"}
    contracts = {name: {"address": "0x" + digits * 20, "block": 1} for name, digits in addresses.items()}
    with tempfile.TemporaryDirectory(prefix="sightline-bench-whole-") as folder:
        deployment = Path(folder) / "deployment.json"
        deployment.write_text(json.dumps({"chain_id": CHAIN_ID, "contracts": contracts}))
        yield {
            "SIGHTLINE_DEPLOYMENT": str(deployment), "SIGHTLINE_DATA_DIR": folder,
            "SIGHTLINE_TOKEN_KEY": TOKEN_KEY.hex(), "RPC_URL": "http://127.0.0.1:9",
        }


def _fill(engine: Engine, database_url: str) -> list[int]:
    return big_market.fill(engine, database_url, LINE_ITEMS, CHAIN_ID).placements


def measure_on(running: Running, seconds: float = SECONDS) -> dict[str, Row]:
    """The rows, on a server that runs."""
    contents = [
        load.request(running.url, "POST", "/v1/decisions", body)
        for body in big_market.bodies(Sold(running.placements), BODIES)
    ]
    rate.run(running.url, contents, AD, rate=500, seconds=1.0, connections=16)         # fills caches
    before = cpu_seconds(running.pids["server"])
    waits = rate.run(running.url, contents, AD, rate=PER_SECOND, seconds=seconds, connections=CONNECTIONS)
    busy = (cpu_seconds(running.pids["server"]) - before) / seconds
    about = {"per_second": PER_SECOND, "seconds": seconds, "connections": CONNECTIONS, "load": waits.tool}
    resident_mb = largest_resident_mb(running.pids["server"])
    return {
        "connections_10k_errors": _row(waits.errors, "errors", **about, **_words(waits.about_errors)),
        "connections_10k_p99_ms": _row(
            round(waits.p99_ms, 2), "ms", p50_ms=round(waits.p50_ms, 2), p999_ms=round(waits.p999_ms, 2),
            max_ms=round(waits.max_ms, 2), load_late_p99_ms=round(waits.late_p99_ms, 2),
            load_cpu=round(waits.cpu_seconds / seconds, 2), core_busy=round(busy, 2), **about,
        ),
        "rss_mb_worker": _row(
            round(resident_mb), "MB", after="10,000 connections, 10k items, all routes", connections=CONNECTIONS
        ),
    }


def _words(errors: str) -> dict[str, str]:
    return {"about_errors": errors} if errors else {}


def _row(value: float, unit: str, **more: object) -> Row:
    return {"value": value, "unit": unit, "baseline": None, "ratio": None, **more}


def main() -> None:
    """Print the rows, as text or as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    tell(measure(options.seconds), as_json=options.json)


if __name__ == "__main__":
    main()
