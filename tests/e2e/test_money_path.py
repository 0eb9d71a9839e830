"""The whole product as its users run it: `sightline demo --once --json`, judged by its report alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backend.core.reasons import DropReason
from backend.demo.visit import EXPECTED_REASON
from backend.local.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 600      # the demo's own goal is 120, on two cores that do nothing else
SEED = 20_26
HOME = ROOT / ".sightline" / "demo"


@pytest.fixture(scope="module")
def folders_before() -> set[Path]:
    """What other runs of the demo have left here, or use."""
    return set(HOME.glob("run-*"))


@pytest.fixture(scope="module")
def demo(folders_before: set[Path]) -> "subprocess.CompletedProcess[str]":
    """One run, with the developer's own servers in the environment to show that they are left alone."""
    env = dict(os.environ) | dict.fromkeys(("DATABASE_URL", "REDIS_URL", "RPC_URL"), "must-not-be-used")
    command = [sys.executable, "-m", "backend.cli", "demo", "--once", "--json", "--seed", str(SEED)]
    command += ["--port", str(free_port())]
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )


@pytest.fixture(scope="module")
def report(demo: "subprocess.CompletedProcess[str]") -> dict[str, object]:
    assert demo.returncode == 0, demo.stderr[-6000:]
    found: dict[str, object] = json.loads(demo.stdout)      # one object and nothing else
    return found


def test_demo__report__has_every_figure(report: dict[str, object]) -> None:
    assert report.keys() == {
        "chain_id", "epochs_finalised", "epochs_vetoed", "reorgs_survived", "decisions", "viewable_impressions",
        "clicks", "dropped", "deposited_micro_usdc", "withdrawn_micro_usdc", "remaining_micro_usdc",
        "charged_micro_usdc", "fee_micro_usdc", "paid_micro_usdc", "unclaimed_micro_usdc", "conserved",
        "rebuild_identical", "seconds",
    }
    assert report["chain_id"] == 31_337


def test_demo__money__each_micro_usdc_is_somewhere(report: dict[str, int]) -> None:
    """L38, L39"""
    parts = ("withdrawn", "remaining", "fee", "paid", "unclaimed")
    assert report["deposited_micro_usdc"] == sum(report[f"{part}_micro_usdc"] for part in parts)
    assert report["conserved"] is True
    assert report["rebuild_identical"] is True
    settled = report["fee_micro_usdc"] + report["paid_micro_usdc"] + report["unclaimed_micro_usdc"]
    assert report["charged_micro_usdc"] == settled, "all that was charged is final, since viewers left before the end"


def test_demo__story__everything_happened(report: dict[str, int]) -> None:
    """L10, L14, L41"""
    assert report["epochs_finalised"] >= 3
    assert report["epochs_vetoed"] >= 1
    assert report["reorgs_survived"] >= 1
    assert report["withdrawn_micro_usdc"] > 0
    assert 0 < report["clicks"] < report["viewable_impressions"] < report["decisions"]


def test_demo__misuse__every_reason_counted(report: dict[str, dict[str, int]]) -> None:
    """L26"""
    assert report["dropped"].keys() >= {reason.value for reason in EXPECTED_REASON.values()}
    assert report["dropped"].keys() <= {reason.value for reason in DropReason}
    assert all(number > 0 for number in report["dropped"].values())


def test_demo__end__no_data_left(
    folders_before: set[Path], demo: "subprocess.CompletedProcess[str]", report: dict[str, object]
) -> None:
    assert report
    new = set(HOME.glob("run-*")) - folders_before
    assert not any((folder / "postgres").exists() and not (folder / "lock").exists() for folder in new)
    assert demo.stdout.count("\n") == 1
