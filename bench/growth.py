"""How decisions a second fall as line items grow from 10^2 to 10^5: ours beside the naive baseline.

    python -m bench.growth [--quick]        writes docs/decisions-growth.svg and prints its figures as JSON
    python -m bench.growth --from FILE      only draws
"""

import argparse
import json
import math
import sys
from pathlib import Path
from statistics import median

from bench.processes import LOAD_CORE, pinned
from bench.serving import NAIVE_APP, NAIVE_CONNECTIONS, OUR_APP, decide, hello, market, server
from bench.svg import Line, Panel, chart

SIZES = (100, 1_000, 10_000, 100_000)
PLOT = Path(__file__).resolve().parents[1] / "docs" / "decisions-growth.svg"

NAMES = {"hello": ("does nothing", "black"), "ours": ("ours", "blue"), "naive": ("naive", "orange")}
DECADES = 5                 # of requests a second: 1 to 100,000

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
                    naive = [decide(running, 2 * seconds, NAIVE_CONNECTIONS) for _ in range(runs)]
            points["hello"].append((size, round(median(one.per_second for one, _ in pairs))))
            points["ours"].append((size, round(median(one.per_second for _, one in pairs))))
            points["naive"].append((size, round(median(one.per_second for one in naive), 1)))
            print(f"bench: {size} line items", file=sys.stderr)
    return points


def draw(points: dict[str, Points]) -> str:
    """The plot as SVG, both axes logarithmic."""
    lines = [Line(*NAMES[name], [_place(x, y) for x, y in found]) for name, found in points.items()]
    across, up = [f"{size:,}" for size in SIZES], [f"{10**power:,}" for power in range(DECADES + 1)]
    return chart([Panel("requests a second, by line items", lines)], 1, across, up, "Decisions a second on one core")


def _place(line_items: int, per_second: float) -> tuple[float, float]:
    """Shares of the axes: from the least size to the largest, from one to a hundred thousand a second."""
    least, most = math.log10(SIZES[0]), math.log10(SIZES[-1])
    return (math.log10(line_items) - least) / (most - least), math.log10(max(1.0, per_second)) / DECADES


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
