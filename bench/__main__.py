"""`make bench`: runs every benchmark and prints one table of values and ratios to the baseline of the same run."""

import argparse
import json
import subprocess
import sys

from rich.console import Console
from rich.table import Table

# serving measures events and connections too
BENCHMARKS = ("bench.serving", "bench.fresh", "bench.pacing", "bench.frequency", "bench.indexing", "bench.gas")


def measure(module: str) -> dict[str, dict[str, object]]:
    """Rows `{row: {value, unit, baseline, ratio}}` of one benchmark, run as a process of its own."""
    run = subprocess.run([sys.executable, "-m", module, "--json"], stdout=subprocess.PIPE, check=True, text=True)
    rows: dict[str, dict[str, object]] = json.loads(run.stdout)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    as_json = parser.parse_args().json
    rows: dict[str, dict[str, object]] = {}
    for module in BENCHMARKS:
        print(f"bench: {module} …", file=sys.stderr)
        rows |= measure(module)
    if as_json:
        print(json.dumps(rows))
        return
    table = Table(title="Medians; the ratio is against the baseline of the same run")
    for heading in ("row", "value", "unit", "baseline", "ratio"):
        table.add_column(heading, justify="left" if heading in {"row", "unit"} else "right")
    for name, row in rows.items():
        table.add_row(name, *(_text(row.get(column)) for column in ("value", "unit", "baseline", "ratio")))
    Console().print(table)


def _text(cell: object) -> str:
    if not isinstance(cell, int | float):
        return "-" if cell is None else str(cell)
    return f"{cell:,.3g}" if cell < 100 else f"{cell:,.0f}"


if __name__ == "__main__":
    main()
