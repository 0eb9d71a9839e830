"""How decisions a second fall as line items grow from 10^2 to 10^5: ours beside the naive baseline.

    python -m bench.growth [--quick]        writes docs/decisions-growth.svg and prints its figures as JSON
    python -m bench.growth --from FILE      only draws
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import median

from bench.plots import Line, log_log
from bench.processes import LOAD_CORE, pinned
from bench.serving import NAIVE_APP, OUR_APP, decide, hello, market, server

SIZES = (100, 1_000, 10_000, 100_000)
PLOT = Path(__file__).resolve().parents[1] / "docs" / "decisions-growth.svg"

Points = list[tuple[int, float]]


def measure(runs: int, seconds: float) -> dict[str, Points]:
    """(line items, requests a second) by server; medians."""
    points: dict[str, Points] = {"hello": [], "ours": [], "naive": []}
    with pinned(LOAD_CORE):
        for size in SIZES:
            with market(size) as found:
                with server(found, OUR_APP) as running:
                    pairs = [(hello(running, seconds), decide(running, seconds)) for _ in range(runs)]
                with server(found, NAIVE_APP) as running:
                    naive = [decide(running, seconds) for _ in range(runs)]
            points["hello"].append((size, round(median(one.per_second for one, _ in pairs))))
            points["ours"].append((size, round(median(one.per_second for _, one in pairs))))
            points["naive"].append((size, round(median(one.per_second for one in naive), 1)))
            print(f"bench: {size} line items", file=sys.stderr)
    return points


def draw(points: dict[str, Points]) -> str:
    """The plot as SVG."""
    names = {"hello": ("a route that does nothing", "#888888"), "ours": ("POST /v1/decisions", "#0b6e4f"),
             "naive": ("naive: the same work", "#b3432b")}
    lines = [Line(*names[name], [(float(x), y) for x, y in found]) for name, found in points.items()]
    return log_log(lines, title="Decisions a second, one core", x_axis="line items", y_axis="requests a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short run of each: noisy")
    parser.add_argument("--from", dest="file", type=Path, help="figures that were printed before")
    options = parser.parse_args()
    if options.file:
        points = json.loads(options.file.read_text())
    else:
        points = measure(*((1, 2.0) if options.quick else (3, 4.0)))
    PLOT.write_text(draw(points))
    print(json.dumps(points))


if __name__ == "__main__":
    main()
