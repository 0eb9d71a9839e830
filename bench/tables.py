"""The rows of `bench.serving` for readers: lines for a terminal, a table for docs/performance.md."""

import json
from collections.abc import Mapping
from typing import Any

Rows = Mapping[str, Mapping[str, Any]]

GOALS = {
    "decide_10k": "≥ 0.50, ≥ 25 × naive", "decide_100k": "≥ 0.30", "decide_10k_numpy": "≥ 0.35",
    "decide_p99_ms_5k": "≤ 5 ms", "decide_p99_ms_10k": "≤ 10 ms", "events_accepted": "≥ 150,000",
    "events_consumed": "≥ 50,000", "connections_10k_errors": "0", "connections_10k_p99_ms": "≤ 10 ms",
    "rss_mb_worker": "≤ 300 MB",
}
WHAT = {
    "hello": "a route that does nothing, below all layers, on the same server",
    "decide_1k": "`POST /v1/decisions`, 1,000 line items", "decide_10k": "10,000 line items",
    "decide_10k_fsync": "10,000 line items, every hold on disk before the answer",
    "decide_100k": "100,000 line items", "decide_10k_numpy": "10,000 line items with SIGHTLINE_KERNEL=python",
    "naive_10k": "FastAPI + pydantic + redis-py, the same work (`bench/naive.py`)",
    "decide_p99_ms_5k": "p99 at 5,000 decisions a second", "decide_p99_ms_10k": "p99 at 10,000 a second",
    "cpu_us_decide": "CPU of the server for one decision; the baseline is hello",
    "events_accepted": "events accepted, 20 in a request, without waiting for the disk",
    "events_accepted_durable": "the same, on disk before the answer", "events_consumed": "from the stream into SQL",
    "connections_10k_errors": "errors of 10,000 keep-alive connections", "connections_10k_p99_ms": "their p99",
    "rss_mb_worker": "resident memory of a worker after the load",
}
BEGIN, END = "<!-- bench.serving: begin -->", "<!-- bench.serving: end -->"
NOT_TOLD = {"value", "unit", "baseline", "ratio", "runs"}


def text_lines(rows: Rows) -> str:
    """A line for each row."""
    return "\n".join(
        f"{name:24} {_number(row.get('value')):>10} {row.get('unit', ''):11} {_ratio(row):>6}  {_more(row)}"
        for name, row in rows.items()
    )


def tell(rows: Rows, *, as_json: bool) -> None:
    """Print them, for programs or for people."""
    print(json.dumps(rows) if as_json else text_lines(rows))


def markdown(rows: Rows) -> str:
    """The table of the documentation."""
    lines = ["| Row | Value | Baseline | Ratio | Goal | More |", "|---|---:|---:|---:|---|---|"]
    for name, row in rows.items():
        cells = (
            f"`{name}`: {WHAT.get(name, '')}", f"{_number(row.get('value'))} {row.get('unit', '')}",
            _number(row.get("baseline")), _ratio(row), GOALS.get(name, ""), _more(row),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def between_marks(page: str, table: str) -> str:
    """The page with this table in its place."""
    before, found, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not found or not end:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _more(row: Mapping[str, Any]) -> str:
    told = (f"{name.replace('_', ' ')} {_number(value)}" for name, value in row.items() if name not in NOT_TOLD)
    return ", ".join(told)


def _ratio(row: Mapping[str, Any]) -> str:
    return _number(row.get("ratio")) if row.get("ratio") is not None else ""


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
