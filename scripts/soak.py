"""`make soak`: the crash tests and ten minutes of load at 70 % of what this machine can do, on the real processes.

    python -m scripts.soak [--seconds 600]

Prints what goes on, and at the end a table of what was tried and of what the soak measured. Ends with 1 when anything
failed: an error under load, a process that grows, books that are not equal.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 600
TESTS = ("test_rolling_restart.py", "test_hostile.py", "test_attacks.py", "test_crashes.py", "test_soak.py")
OUTCOMES = {"failure": "FAILED", "error": "FAILED", "skipped": "skipped"}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=int(os.environ.get("SOAK_SECONDS", SECONDS)))
    seconds = parser.parse_args(arguments).seconds
    if seconds < 1:
        parser.error("--seconds must be at least 1")
    with tempfile.TemporaryDirectory() as folder:
        outcomes, report = Path(folder) / "outcomes.xml", Path(folder) / "report.json"
        command = [sys.executable, "-m", "pytest", "-v", "-s", "-n0", f"--junitxml={outcomes}"]
        env = os.environ | {"SOAK_SECONDS": str(seconds), "SOAK_REPORT": str(report)}
        done = subprocess.run([*command, *(f"tests/load/{name}" for name in TESTS)], cwd=ROOT, env=env, check=False)
        lines = list(outcomes_table(outcomes.read_text())) if outcomes.exists() else ["nothing was tried"]
        if report.exists():
            lines += report_table(json.loads(report.read_text()))
    sys.stdout.write("\n".join(["", *lines, f"soak: {'ok' if done.returncode == 0 else 'FAILED'}", ""]))
    sys.exit(1 if done.returncode else 0)


def outcomes_table(junit: str) -> Iterator[str]:
    """A line for each test of pytest's XML: outcome, seconds, name."""
    for case in ElementTree.fromstring(junit).iter("testcase"):  # noqa: S314  pytest wrote it for us
        outcome = next((OUTCOMES[one.tag] for one in case if one.tag in OUTCOMES), "ok")
        yield f"{outcome:8}{float(case.get('time', 0)):8.1f} s  {case.get('name')}"


def report_table(report: dict[str, Any]) -> Iterator[str]:
    """What the soak measured, a line for each figure; memory as MB in the middle third and in the last."""
    for name, value in report.items():
        if name != "memory_mb":
            yield f"{name:24}{value if value != {} else 'none'}"
    for process, (before, after) in report.get("memory_mb", {}).items():
        yield f"memory of {process:14}{before} MB, then {after} MB"


if __name__ == "__main__":
    main()
