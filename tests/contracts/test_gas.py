"""What the main calls cost on a real EVM, in plain numbers: a row of snapshots/gas.json may fall, never grow.

The rows are those of `bench/gas.py`. `UPDATE_GAS=1` writes the file anew.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.gas import REFERENCES, local_chain, measure, sizes

SNAPSHOT = Path(__file__).parent / "snapshots" / "gas.json"
RUNTIME_BYTES_MAX = 24_576      # EIP-170
CREATION_BYTES_MAX = 49_152     # EIP-3860, constructor arguments included

# What a goal leaves out and the escrow does all the same: it reads the pause (2.1k, L13), compares its balance before
# and after (1.6k, L8) and holds a lock (0.3k, L23).
NOT_REACHED = {"deposit_topup": 53_100, "deposit_open": 79_300, "deposit_permit": 66_500}


@pytest.fixture(scope="module")
def measured() -> Iterator[dict[str, dict[str, int]]]:
    """{"gas": rows of the benchmark, "bytes": sizes of the code}."""
    with local_chain() as chain:
        yield {"gas": measure(chain), "bytes": sizes()}


def snapshot(measured: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    if os.environ.get("UPDATE_GAS") == "1":
        SNAPSHOT.write_text(json.dumps(measured, indent=2) + "\n")
    held: dict[str, dict[str, int]] = json.loads(SNAPSHOT.read_text())
    return held


@pytest.mark.parametrize("unit", ["gas", "bytes"])
def test_snapshot__rows__do_not_grow(measured: dict[str, dict[str, int]], unit: str) -> None:
    """L22"""
    allowed, rows = snapshot(measured)[unit], measured[unit]
    assert allowed.keys() == rows.keys()
    assert {name: (allowed[name], used) for name, used in rows.items() if used > allowed[name]} == {}


def test_goals__all_but_those_with_a_reason__are_met(measured: dict[str, dict[str, int]]) -> None:
    goals = {name: held.goal for name, held in REFERENCES.items() if held.goal is not None}
    missed = {name: measured["gas"][name] for name, goal in goals.items() if measured["gas"][name] > goal}
    assert missed.keys() == NOT_REACHED.keys()
    assert {name: used for name, used in missed.items() if used > NOT_REACHED[name]} == {}


def test_code__both_contracts__fit_the_chain(measured: dict[str, dict[str, int]]) -> None:
    """L22: the payout contract's code is an argument of the escrow's constructor, so both must fit one creation."""
    bytes_of = measured["bytes"]
    for name in ("CampaignEscrow", "PublisherPayout"):
        assert bytes_of[f"{name}, runtime"] <= RUNTIME_BYTES_MAX
    both = bytes_of["CampaignEscrow, creation"] + bytes_of["PublisherPayout, creation"]
    assert both + 64 * 32 <= CREATION_BYTES_MAX
