"""Decisions a second against a hello-world route of the same server: `decide_100`, `decide_1000` line items."""

import argparse
import itertools
import json
from statistics import median

from bench import load
from bench.server import Running, running

CONNECTIONS = 32
RUNS, SECONDS = 3, 3.0
PLACEMENTS = 20
MARKETS = (100, 1_000)


def measure() -> dict[str, dict[str, object]]:
    """Medians of interleaved runs; `ratio` is against hello."""
    rows: dict[str, dict[str, object]] = {}
    for line_items in MARKETS:
        with running(line_items=line_items, placements=PLACEMENTS) as server:
            _decide(server, 1.0)                                 # the first requests fill caches
            pairs = [(_hello(server, SECONDS), _decide(server, SECONDS)) for _ in range(RUNS)]
        hello, decide = (sorted(one, key=lambda run: run.per_second) for one in zip(*pairs, strict=True))
        rows.setdefault("hello", _row(hello, median(run.per_second for run in hello)))
        rows[f"decide_{line_items}"] = _row(decide, median(run.per_second for run in hello))
    return rows


def _row(runs: list[load.Load], baseline: float) -> dict[str, object]:
    middle = runs[len(runs) // 2]
    return {
        "value": round(middle.per_second), "unit": "requests/s", "baseline": round(baseline),
        "ratio": round(middle.per_second / baseline, 3), "p50_ms": round(middle.p50_ms, 2),
        "p99_ms": round(middle.p99_ms, 2),
    }


def _hello(server: Running, seconds: float) -> load.Load:
    content = load.request(server.url, "GET", "/hello")
    return load.run(
        server.url, lambda: content, lambda status, _: status.endswith(b"200"), connections=CONNECTIONS, seconds=seconds
    )


def _decide(server: Running, seconds: float) -> load.Load:
    """Every answer must be an ad: a no-bid would be cheaper, and is an error here."""
    bodies = [
        json.dumps({"placement_id": placement, "viewer_key": f"viewer-{placement:08}"}).encode()
        for placement in server.placements
    ]
    contents = itertools.cycle([load.request(server.url, "POST", "/v1/decisions", body) for body in bodies])
    return load.run(
        server.url, lambda: next(contents), lambda status, body: status.endswith(b"200") and b'"token"' in body,
        connections=CONNECTIONS, seconds=seconds,
    )


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
        waits = f"p50 {row['p50_ms']} ms, p99 {row['p99_ms']} ms"
        print(f"{name:16} {row['value']:>8} {row['unit']}  {row['ratio']} of hello, {waits}")


if __name__ == "__main__":
    main()
