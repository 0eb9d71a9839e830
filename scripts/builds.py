"""Runs the contract tests once on every build that the compiler can make, and compares their outcomes.

    python -m scripts.builds [-k EXPRESSION] [-n PROCESSES] [BUILD ...]

Builds are none, gas (the shipped one), codesize and venom; all by default. A single one:
SIGHTLINE_VYPER_BUILD=venom python -m pytest tests/contracts. Ends with 1 when a test fails or the outcomes differ.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests" / "contracts"
SHIPPED = "gas"
BUILDS = ("none", SHIPPED, "codesize", "venom")
COLUMNS = ("passed", "skipped", "escrow_creation", "escrow_runtime", "payout_creation", "payout_runtime")
GAS_COLUMNS = ("roll", "claim", "pay_range")
# EIP-170: an asterisk marks code that no public chain takes.
RUNTIME_BYTES_MAX = 24_576
SECONDS_MAX = 3_600
PROCESSES = 2


@dataclass(frozen=True)
class Run:
    """Outcomes of the suite on one build: "passed", "failed" or "skipped" by test."""

    build: str
    outcomes: Mapping[str, str]
    seconds: float

    def named(self, outcome: str) -> list[str]:
        return sorted(test for test, found in self.outcomes.items() if found == outcome)


def environment(build: str) -> dict[str, str]:
    """The same examples for every build, and the kit where pytest finds its plugin."""
    path = os.pathsep.join((str(TESTS), str(ROOT)))
    return os.environ | {"SIGHTLINE_VYPER_BUILD": build, "HYPOTHESIS_PROFILE": "ci", "PYTHONPATH": path}


def run(build: str, expression: str = "", processes: int = PROCESSES) -> Run:
    """The suite on one build; its progress goes to the terminal. Raises SystemExit when it cannot begin or end."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="builds-") as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "--tb=short", "--durations=10", "-n", str(processes), "--dist", "loadscope"]
        options += ["-p", "no:cacheprovider", "-p", "escrow_kit.builds", f"--junitxml={report}", "-k", expression]
        command = [sys.executable, "-m", "pytest", *options, str(TESTS)]
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment(build), timeout=SECONDS_MAX, check=False)
        except subprocess.TimeoutExpired as error:
            raise SystemExit(f"builds: {build} did not end within {SECONDS_MAX} s") from error
        if done.returncode not in (0, 1) or not report.exists():
            raise SystemExit(f"builds: pytest could not run on {build}, see above")
        return Run(build, read_report(report), time.monotonic() - started)


def read_report(report: Path) -> dict[str, str]:
    """Outcome by test, of pytest's JUnit file."""
    outcomes = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - our own pytest wrote it
        failed = case.find("failure") is not None or case.find("error") is not None
        outcome = "failed" if failed else "skipped" if case.find("skipped") is not None else "passed"
        outcomes[f"{case.get('classname')}::{case.get('name')}"] = outcome
    return outcomes


def differences(runs: Sequence[Run]) -> list[str]:
    """Tests that do not pass wherever they are run, and tests that are not run on every unusual build."""
    failed = [f"{each.build}: {test} failed" for each in runs for test in each.named("failed")]
    skipped = {each.build: set(each.named("skipped")) for each in runs if each.build != SHIPPED}
    everywhere = set.union(*skipped.values()) if skipped else set()
    left_out = [f"{build}: {test} ran only here" for build, tests in skipped.items() for test in everywhere - tests]
    unknown = {test for each in runs for test in each.outcomes}
    missing = [f"{each.build}: {test} is missing" for each in runs for test in unknown - each.outcomes.keys()]
    return sorted(failed + left_out + missing)


def measure() -> dict[str, dict[str, int]]:
    """Sizes in bytes and gas, by build."""
    command = [sys.executable, "-m", "escrow_kit.build_figures"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(SHIPPED), capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    if done.returncode:
        raise SystemExit(f"builds: the contracts could not be measured: {done.stderr.strip()[-500:]}")
    found: dict[str, dict[str, int]] = json.loads(done.stdout)
    return found


def table(runs: Sequence[Run], figures: Mapping[str, Mapping[str, int]]) -> Table:
    shown = Table(title="The contract tests on every build; sizes in bytes, gas of the call alone")
    for column in ("build", *COLUMNS, *GAS_COLUMNS, "seconds"):
        shown.add_column(column.replace("_", " "), justify="left" if column == "build" else "right")
    for each in runs:
        numbers = dict(figures[each.build])
        numbers |= {outcome: len(each.named(outcome)) for outcome in ("passed", "skipped")}
        cells = [_cell(column, numbers[column]) for column in (*COLUMNS, *GAS_COLUMNS)]
        shown.add_row(each.build, *cells, f"{each.seconds:.0f}")
    return shown


def _cell(column: str, number: int) -> str:
    too_large = column.endswith("runtime") and number > RUNTIME_BYTES_MAX
    return f"{number:,}{' *' if too_large else ''}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the chosen builds; 0 when every test passes on each."""
    parser = argparse.ArgumentParser(prog="python -m scripts.builds", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("builds", nargs="*", metavar="BUILD", help=f"of {', '.join(BUILDS)}; all by default")
    parser.add_argument("-k", dest="expression", default="", help="only the tests that match, as pytest has it")
    parser.add_argument(
        "-n", dest="processes", type=int, default=PROCESSES, help=f"at once, {PROCESSES} by default; 0: in pytest's own"
    )
    options = parser.parse_args(arguments)
    chosen = options.builds or BUILDS
    unknown = sorted(set(chosen) - set(BUILDS))
    if unknown:
        parser.error(f"there is no build {', '.join(unknown)}: use {', '.join(BUILDS)}")
    runs = []
    for number, build in enumerate(chosen, 1):
        print(f"{number}/{len(chosen)} {build} …", flush=True)
        runs.append(run(build, options.expression, options.processes))
    Console(width=160).print(table(runs, measure()))
    found = differences(runs)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
