"""Proves that the contract tests bite: every deliberate one-line fault must make one of them fail.

    python -m scripts.mutants [--list | --table] [--only NAME ...] [--workers N] [--json]

The faults are data in tests/contracts/mutants/mutants.toml. Each is applied to a copy of contracts/ and the tests run
against that copy. Ends with 1 when a fault survives or does not fit the sources.
"""

import argparse
import json
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue

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
    "reverts",
    "branches_leaves",
    "threat_model",
    "real_usdc",
    "tree_differential",
    "calldata_fuzz",
    "stateful",
)
# Compares the sources with a list of their asserts: it would notice a fault that changes nothing.
NO_JUDGE = "tests/contracts/test_reverts.py::test_asserts__every_one__has_a_call_that_reaches_it"
OPTIONS = (
    *("-x", "-q", "--tb=line", "-rfE", "--deselect", NO_JUDGE),
    *("-p", "no:ape_test", "-p", "no:cacheprovider", "-p", "no:unraisableexception"),
    # What is in memory already (see FRESH) is not imported again.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
SECONDS_MAX = 1800
WORKERS = 2
# Every fault is judged in a fresh process, which starts with what the tests import already in memory.
FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload(["boa", "eth_account", "hypothesis", "pytest"])
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


def run(mutant: Mutant, folder: Path) -> Outcome:
    """Applies the mutant to a copy of the contracts and runs the tests, those that should catch it first."""
    started = time.monotonic()
    copy = _copy_contracts(folder)
    target = copy / mutant.file
    target.write_text(mutate(target.read_text(), mutant))
    verdict, failure = _judge(mutant.tests, folder)
    return Outcome(mutant.name, mutant.law, mutant.breaks, verdict, failure, round(time.monotonic() - started, 1))


def _copy_contracts(folder: Path) -> Path:
    copy = folder / "contracts"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(CONTRACTS, copy)
    return copy


def _judge(first: Sequence[str], folder: Path) -> tuple[str, str]:
    names = [*first, *(name for name in SUITE if name not in first)]
    with tempfile.NamedTemporaryFile("r", dir=folder, suffix=".txt") as report:
        process = FRESH.Process(target=_run_tests, args=(names, str(folder), report.name))
        process.start()
        process.join(SECONDS_MAX)
        if process.is_alive():
            process.kill()
            return "invalid", f"no verdict in {SECONDS_MAX} s"
        output = report.read()
    if process.exitcode == 0:
        return "survived", ""
    failure = FIRST_FAILURE.search(output)
    if failure:
        return "caught", failure[1]
    # A fault that keeps the contracts from compiling or deploying proves nothing about the tests.
    error = re.search(r"^ERROR .*", output, re.MULTILINE)
    return "invalid", error[0] if error else output.strip()[-300:]


def _run_tests(names: Sequence[str], folder: str, report: str) -> None:
    """In a process of its own: runs test files against the contracts in `folder` and ends with pytest's exit code."""
    import pytest
    from boa.interpret import set_cache_dir

    with Path(report).open("w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.chdir(ROOT)
    # Faulty contracts leave nothing behind. What titanoboa keeps of one fault goes by the sources' digests: the next
    # fault finds only the contracts that it does not change.
    set_cache_dir(f"{folder}/cache")
    os.environ |= {
        "SIGHTLINE_CONTRACTS": f"{folder}/contracts",
        "HYPOTHESIS_STORAGE_DIRECTORY": f"{folder}/examples",
        "COLUMNS": "300",
    }
    code = pytest.main([*OPTIONS, *(str(TESTS / f"test_{name}.py") for name in names)])
    sys.stdout.flush()
    os._exit(code)


def check_unchanged() -> None:
    """The suite must pass on an unchanged copy, or every fault would look caught. Raises SystemExit otherwise."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        _copy_contracts(Path(folder))
        verdict, failure = _judge((), Path(folder))
    if verdict != "survived":
        raise SystemExit(f"mutants: the tests fail without any fault: {failure}")


def run_all(mutants: Sequence[Mutant], workers: int = WORKERS) -> Iterator[Outcome]:
    """Outcomes as they come, `workers` faults at a time, each worker in a folder of its own."""
    free: SimpleQueue[Path] = SimpleQueue()

    def run_in_a_folder(mutant: Mutant) -> Outcome:
        folder = free.get()
        try:
            return run(mutant, folder)
        finally:
            free.put(folder)

    with tempfile.TemporaryDirectory(prefix="mutants-") as place, ThreadPoolExecutor(workers) as pool:
        for number in range(workers):
            folder = Path(place) / str(number)
            folder.mkdir()
            free.put(folder)
        for finished in as_completed([pool.submit(run_in_a_folder, mutant) for mutant in mutants]):
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


def table(mutants: Sequence[Mutant]) -> str:
    """Faults by law as a Markdown table: how many, in which sources, and what the first of them breaks."""
    by_law: dict[int, list[Mutant]] = {}
    for mutant in mutants:
        by_law.setdefault(int(mutant.law[1:]), []).append(mutant)
    rows = ["| Law | Faults | In | For example |", "|---|--:|---|---|"]
    for law, group in sorted(by_law.items()):
        sources = ", ".join(sorted({f"`{Path(mutant.file).stem}`" for mutant in group}))
        rows.append(f"| L{law} | {len(group)} | {sources} | `{group[0].name}`: {group[0].breaks} |")
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the chosen mutants; 0 when the tests catch them all."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mutants", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run these mutants")
    parser.add_argument("--list", action="store_true", help="show the mutants and run nothing")
    parser.add_argument("--table", action="store_true", help="show the faults by law as docs/mutants.md does")
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
    if options.table:
        print(table(mutants))
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
