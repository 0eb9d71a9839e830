"""Proves that the contract tests bite: every deliberate one-line fault must make one of them fail.

    python -m scripts.mutants [--list] [--only NAME ...] [--workers N] [--json]

The faults are data in tests/contracts/mutants/mutants.toml. Each is applied to a copy of contracts/ and the tests run
against that copy. Ends with 1 when a fault survives or does not fit the sources.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONTRACTS = ROOT / "contracts"
TESTS = ROOT / "tests" / "contracts"
MUTANTS = TESTS / "mutants" / "mutants.toml"
# Every file that judges behaviour, quick ones first. Gas and ABI files are left out: they notice any change at all.
SUITE = (
    "campaigns",
    "settlements",
    "withdrawals",
    "configuration",
    "payout",
    "hostile_tokens",
    "tree_differential",
    "branches_leaves",
    "real_usdc",
    "threat_model",
    "reverts",
    "calldata_fuzz",
    "stateful",
)
SECONDS_MAX = 900
WORKERS = 2
FIRST_FAILURE = re.compile(r"^FAILED \S*?([^/\s]+::.+?)(?: - .*)?$", re.MULTILINE)


class DoesNotFit(Exception):
    """The line of a mutant is not in the sources exactly once."""


@dataclass(frozen=True)
class Mutant:
    """One fault: a line of a contract and what takes its place, without indentation."""

    name: str
    file: str
    before: str
    after: str
    breaks: str
    law: str
    tests: tuple[str, ...]
    function: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: "caught", "survived", or "invalid" when no test could judge it."""

    name: str
    law: str
    breaks: str
    verdict: str
    first_failure: str
    seconds: float


def load_mutants() -> list[Mutant]:
    """All mutants in the order of the data file."""
    rows = tomllib.loads(MUTANTS.read_text())["mutant"]
    return [Mutant(**(row | {"tests": tuple(row["tests"])})) for row in rows]


def mutate(source: str, mutant: Mutant) -> str:
    """The source with the fault in it.

    Raises DoesNotFit unless the line is there exactly once.
    """
    lines = source.splitlines()
    places = range(len(lines)) if mutant.function is None else _function(lines, mutant.function)
    found = [place for place in places if lines[place].strip() == mutant.before]
    if len(found) != 1:
        raise DoesNotFit(f"{mutant.name}: {mutant.file} has {len(found)} lines {mutant.before!r}, not one")
    old = lines[found[0]]
    lines[found[0]] = old[: len(old) - len(old.lstrip())] + mutant.after
    return "\n".join(lines) + "\n"


def _function(lines: Sequence[str], name: str) -> range:
    """Where a function is, decorators included."""
    start = next((at for at, line in enumerate(lines) if line.startswith(f"def {name}(")), None)
    if start is None:
        raise DoesNotFit(f"there is no function {name}")
    end = next((at for at in range(start, len(lines)) if lines[at].startswith("@")), len(lines))
    while lines[start - 1].startswith("@"):
        start -= 1
    return range(start, end)


def run(mutant: Mutant) -> Outcome:
    """Applies the mutant to a copy of the contracts and runs the tests, those that should catch it first."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder) / "contracts"
        shutil.copytree(CONTRACTS, copy)
        target = copy / mutant.file
        target.write_text(mutate(target.read_text(), mutant))
        verdict, failure = _judge(mutant.tests, copy, Path(folder))
    return Outcome(mutant.name, mutant.law, mutant.breaks, verdict, failure, round(time.monotonic() - started, 1))


def _judge(first: Sequence[str], contracts: Path, folder: Path) -> tuple[str, str]:
    names = [*first, *(name for name in SUITE if name not in first)]
    files = [str(TESTS / f"test_{name}.py") for name in names]
    options = ["-x", "-q", "--tb=line", "-rfE", "-p", "no:ape_test", "-p", "no:cacheprovider"]
    # titanoboa caches under HOME, hypothesis where it is told: faulty contracts leave nothing behind.
    places = {
        "SIGHTLINE_CONTRACTS": str(contracts),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "examples"),
        "HOME": str(folder),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *files],
            cwd=ROOT,
            env=os.environ | places | {"COLUMNS": "300"},
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        return "invalid", f"no verdict in {SECONDS_MAX} s"
    if done.returncode == 0:
        return "survived", ""
    failure = FIRST_FAILURE.search(done.stdout)
    if failure:
        return "caught", failure[1]
    # A fault that keeps the contracts from compiling or deploying proves nothing about the tests.
    error = re.search(r"^ERROR .*", done.stdout, re.MULTILINE)
    return "invalid", error[0] if error else (done.stdout + done.stderr).strip()[-300:]


def check_unchanged() -> None:
    """The suite must pass on an unchanged copy, or every fault would look caught. Raises SystemExit otherwise."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder) / "contracts"
        shutil.copytree(CONTRACTS, copy)
        verdict, failure = _judge((), copy, Path(folder))
    if verdict != "survived":
        raise SystemExit(f"mutants: the tests fail without any fault: {failure}")


def run_all(mutants: Sequence[Mutant], workers: int = WORKERS) -> Iterator[Outcome]:
    """Outcomes as they come, `workers` faults at a time."""
    with ThreadPoolExecutor(workers) as pool:
        for finished in as_completed([pool.submit(run, mutant) for mutant in mutants]):
            yield finished.result()


def _chosen(names: Sequence[str] | None) -> list[Mutant]:
    mutants = load_mutants()
    unknown = set(names or ()) - {mutant.name for mutant in mutants}
    if unknown:
        raise SystemExit(f"mutants: there is no {', '.join(sorted(unknown))}; --list shows the names")
    return [mutant for mutant in mutants if not names or mutant.name in names]


def _check_all_fit(mutants: Sequence[Mutant]) -> None:
    for mutant in mutants:
        try:
            mutate((CONTRACTS / mutant.file).read_text(), mutant)
        except (DoesNotFit, OSError) as error:
            raise SystemExit(f"mutants: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the chosen mutants; 0 when the tests catch them all."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mutants", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run these mutants")
    parser.add_argument("--list", action="store_true", help="show the mutants and run nothing")
    parser.add_argument("--json", action="store_true", help="print the outcomes as JSON at the end")
    parser.add_argument("--workers", type=int, default=WORKERS, metavar="N", help=f"faults at a time ({WORKERS})")
    options = parser.parse_args(arguments)
    if options.workers < 1:
        parser.error("--workers must be 1 or more")
    mutants = _chosen(options.only)
    _check_all_fit(mutants)
    if options.list:
        for mutant in mutants:
            print(f"{mutant.name:34} {mutant.law:4} {mutant.breaks}")
        return 0
    progress = sys.stderr if options.json else sys.stdout
    if not options.only:
        print("the suite on unchanged contracts …", file=progress, flush=True)
        check_unchanged()
    outcomes = []
    for number, outcome in enumerate(run_all(mutants, options.workers), 1):
        outcomes.append(outcome)
        line = f"{number:3}/{len(mutants)} {outcome.verdict:8} {outcome.name:34} {outcome.law:4}"
        print(f"{line} {outcome.seconds:6.1f} s  {outcome.first_failure}", file=progress, flush=True)
    if options.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
    missed = sorted(outcome.name for outcome in outcomes if outcome.verdict != "caught")
    print(f"{len(outcomes) - len(missed)} of {len(outcomes)} caught", *missed, sep="\n  not caught: ", file=progress)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
