"""Events accepted a second (20 viewable impressions of 12 samples in a request), against hello requests a second."""

import argparse
import json
import time
from itertools import count
from statistics import median

import msgspec
import redis
from sqlalchemy import text

from backend.core.decision_token import DecisionToken, decision_id, sign
from backend.core.events import BidKind
from backend.ingest.service import IngestConsumer
from bench import load
from bench.app import CHAIN_ID, TOKEN_KEY
from bench.server import Running, running

CONNECTIONS = 16
RUNS, SECONDS = 3, 3.0
BATCH = 20
SAMPLES = [[t_ms, 9_800, 420, 1_200 + t_ms % 9, True, True] for t_ms in range(0, 1_200, 100)]
_numbers = count(1)


def measure() -> dict[str, dict[str, object]]:
    """Medians of interleaved runs; what was accepted is counted in SQL afterwards, each event once."""
    with running() as server:
        with redis.Redis.from_url(server.redis_url) as client:
            consumer = IngestConsumer(server.engine, client)
            hello, accepted, stored = [], [], []
            for _ in range(RUNS):
                hello.append(_hello(server))
                run = _send(server)
                accepted.append(run.requests * BATCH / run.seconds)
                stored.append(_drain(server, consumer, run.requests * BATCH))
    baseline = median(hello)
    return {
        "events_accepted": _row(median(accepted), baseline, "events/s"),
        "events_stored": _row(median(stored), baseline, "events/s"),
    }


def _row(value: float, baseline: float, unit: str) -> dict[str, object]:
    return {"value": round(value), "unit": unit, "baseline": round(baseline), "ratio": round(value / baseline, 3)}


def _hello(server: Running) -> float:
    content = load.request(server.url, "GET", "/hello")
    return load.run(
        server.url, lambda: content, lambda status, _: status.endswith(b"200"), connections=CONNECTIONS, seconds=SECONDS
    ).per_second


def _send(server: Running) -> load.Load:
    """New decisions in every request, made beforehand: one dropped event is an error."""
    contents = iter([load.request(server.url, "POST", "/v1/events", _body()) for _ in range(6_000)])
    return load.run(
        server.url, lambda: next(contents, None),
        lambda status, body: status.endswith(b"202") and b"dropped" not in body,
        connections=CONNECTIONS, seconds=SECONDS,
    )


def _body() -> bytes:
    """What one viewer's SDK sends."""
    viewer = next(_numbers).to_bytes(8, "big")
    return msgspec.json.encode({"events": [_event(next(_numbers), viewer) for _ in range(BATCH)]})


def _event(number: int, viewer: bytes) -> dict[str, object]:
    now_ms = time.time_ns() // 1_000_000
    token = DecisionToken(
        decision_id=decision_id(now_ms - 2_000, number.to_bytes(10, "big")), chain_id=CHAIN_ID, campaign=1, line_item=1,
        creative=1, placement=1, publisher=1, price_micro_usdc=1_000, bid_kind=BidKind.VCPM,
        expires_ms=now_ms + 600_000, viewer=viewer,
    )
    return {"kind": "viewable", "token": sign(token, TOKEN_KEY), "samples": SAMPLES}


def _drain(server: Running, consumer: IngestConsumer, expected: int) -> float:
    """Events a second from the stream into SQL."""
    before, started = _stored(server), time.perf_counter()
    while consumer.consume():
        pass
    seconds = time.perf_counter() - started
    assert _stored(server) - before == expected, "an acknowledged event is missing, or is there twice"
    return expected / seconds


def _stored(server: Running) -> int:
    with server.engine.connect() as connection:
        return int(connection.execute(text("select count(*) from event")).scalar_one())


def main() -> None:
    """Print the rows, as text or as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    rows = measure()
    if as_json:
        print(json.dumps(rows))
        return
    for name, row in rows.items():
        print(f"{name:16} {row['value']:>8} {row['unit']}  {row['ratio']} per hello request")


if __name__ == "__main__":
    main()
