"""How much of the contracts their tests reach: statements, arcs of `if` and all outcomes of all conditions.

    python -m scripts.coverage [-k EXPRESSION] [--json]

Statements and arcs are those that titanoboa's plugin for coverage.py defines; what ran is read from the jumps of the
bytecode (scripts/testing/branches.py says why). Outcomes that no test can reach are listed with their reason in
tests/contracts/coverage/exceptions.toml. Ends with 1 below 98 % of arcs or outcomes, and when that list is wrong.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import coverage
import vyper.ast as vy_ast  # type: ignore[import-untyped]
from boa.coverage import TitanoboaReporter
from vyper.ast.parse import parse_to_ast  # type: ignore[import-untyped]

from scripts.testing.branches import Branch, Seen, branches, sources

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests" / "contracts"
EXCEPTIONS = TESTS / "coverage" / "exceptions.toml"
# The tests that say what each function does. Machines and fuzzers are left out: what they reach, nobody has named.
SUITE = ("campaigns", "settlements", "withdrawals", "configuration", "payout", "hostile_tokens", "branches_*")
PLUGIN = "boa.coverage"
PERCENT_MIN = 98.0
SECONDS_MAX = 1_200


@dataclass(frozen=True)
class Exempt:
    """An outcome that no test reaches, and why."""

    file: str
    function: str
    condition: str
    outcome: bool
    reason: str

    def covers(self, branch: Branch, outcome: bool) -> bool:
        found = (branch.file, branch.function, branch.text, outcome)
        return found == (self.file, self.function, self.condition, self.outcome)


@dataclass(frozen=True)
class Row:
    """What was reached of a file, and of how much."""

    file: str
    statements: int
    statements_run: int
    arcs: int
    arcs_taken: int
    outcomes: int
    outcomes_seen: int


@dataclass(frozen=True)
class Report:
    """All rows, the outcomes that did not occur, and what is wrong."""

    rows: tuple[Row, ...]
    missing: tuple[tuple[Branch, bool], ...]
    problems: tuple[str, ...]

    @property
    def percent_arcs(self) -> float:
        return _percent(sum(row.arcs_taken for row in self.rows), sum(row.arcs for row in self.rows))

    @property
    def percent_outcomes(self) -> float:
        return _percent(sum(row.outcomes_seen for row in self.rows), sum(row.outcomes for row in self.rows))


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 100.0


# --- what ran -------------------------------------------------------------------------------------------------------


def run_tests(expression: str | None = None) -> Seen:
    """Runs the suite, or what the expression picks from it. Raises SystemExit when a test fails."""
    files = sorted(path for name in SUITE for path in TESTS.glob(f"test_{name}.py"))
    chosen = ["-k", expression] if expression else []
    options = ["-q", "-p", "no:cacheprovider", "-p", "scripts.testing.branches", *chosen]
    with tempfile.TemporaryDirectory(prefix="coverage-") as folder:
        out = Path(folder) / "seen.json"
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *options, *map(str, files)],
                cwd=ROOT,
                env=os.environ | {"BRANCHES_OUT": str(out)},
                capture_output=True,
                text=True,
                timeout=SECONDS_MAX,
            )
        except subprocess.TimeoutExpired as error:
            raise SystemExit(f"coverage: the tests did not end in {SECONDS_MAX} s") from error
        if done.returncode != 0:
            raise SystemExit(f"coverage: the tests fail\n{(done.stdout + done.stderr)[-2000:]}")
        return Seen.load(out.read_text())


def arcs_taken(path: Path, name: str, seen: Seen) -> set[tuple[int, int]]:
    """The arcs of the plugin that the outcomes of its conditions prove: from an `if` into its block, or past it."""
    possible = TitanoboaReporter(str(path)).arcs()
    taken = set()
    for node in parse_to_ast(path.read_text()).get_descendants(vy_ast.If):
        ends = {end for start, end in possible if start == node.lineno}
        into = {node.body[0].lineno} & ends or {node.get_ancestor(vy_ast.FunctionDef).lineno} & ends
        place = (name, node.test.lineno, node.test.col_offset, "if")
        for branch, outcome in seen.outcomes:
            if (branch.file, branch.line, branch.column, branch.kind) == place:
                taken |= {(node.lineno, end) for end in (into if outcome else ends - into)}
    return taken


def measure(seen: Seen) -> list[Row]:
    """Hands what ran to coverage.py and asks it for statements and arcs; counts outcomes beside it."""
    with tempfile.TemporaryDirectory(prefix="coverage-") as folder:
        measured = coverage.Coverage(data_file=str(Path(folder) / "data"), config_file=False, branch=True)
        measured.set_option("run:plugins", [PLUGIN])
        data = measured.get_data()
        for name, path in sources().items():
            entered = {(-1, line) for file, line in seen.lines if file == name}
            data.add_arcs({str(path): entered | arcs_taken(path, name, seen)})
            data.add_file_tracers({str(path): f"{PLUGIN}.TitanoboaPlugin"})
        out = Path(folder) / "report.json"
        measured.json_report(outfile=str(out), morfs=[str(path) for path in sources().values()])
        files = json.loads(out.read_text())["files"]
    found = {Path(path).resolve(): file for path, file in files.items()}
    return [_row(name, path, found[path.resolve()], seen) for name, path in sources().items()]


def _row(name: str, path: Path, file: dict[str, Any], seen: Seen) -> Row:
    # Python keeps one node for each operator, so the plugin also counts the line where an operator was met first.
    inside = {line for node in functions(path) for line in range(node.lineno, node.end_lineno + 1)}
    run, missed = inside & set(file["executed_lines"]), inside & set(file["missing_lines"])
    return Row(
        file=name,
        statements=len(run | missed),
        statements_run=len(run),
        arcs=file["summary"]["num_branches"],
        arcs_taken=file["summary"]["covered_branches"],
        outcomes=2 * len(branches(name, path.read_text())),
        outcomes_seen=2 * len(branches(name, path.read_text())) - len(missing_outcomes(name, path, seen)),
    )


def functions(path: Path) -> list[Any]:
    """The functions of a source file."""
    return list(parse_to_ast(path.read_text()).get_children(vy_ast.FunctionDef))


def missing_outcomes(name: str, path: Path, seen: Seen) -> list[tuple[Branch, bool]]:
    """The outcomes of a file's conditions that never occurred."""
    found = [(branch, outcome) for branch in branches(name, path.read_text()) for outcome in (True, False)]
    return [each for each in found if each not in seen.outcomes]


# --- the verdict ----------------------------------------------------------------------------------------------------


def load_exceptions(path: Path = EXCEPTIONS) -> list[Exempt]:
    """What need not be covered. Raises SystemExit when an entry lacks a field or has one too many."""
    try:
        return [Exempt(**entry) for entry in tomllib.loads(path.read_text())["exception"]]
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        fields = ", ".join(Exempt.__dataclass_fields__)
        raise SystemExit(f"coverage: {path.name}: each [[exception]] has exactly {fields} ({error})") from error


def problems_with(
    missing: Sequence[tuple[Branch, bool]], exceptions: Sequence[Exempt], known: Sequence[Branch]
) -> list[str]:
    """What the list of exceptions leaves out, and what it holds without need."""
    unlisted = [
        f"{branch.file}:{branch.line} {branch.function}: `{branch.text}` was never {str(outcome).lower()}"
        for branch, outcome in missing
        if not any(exempt.covers(branch, outcome) for exempt in exceptions)
    ]
    needless = [
        f"exceptions.toml: {exempt.file} {exempt.function} `{exempt.condition}` "
        + ("is covered" if any(exempt.covers(branch, exempt.outcome) for branch in known) else "does not exist")
        for exempt in exceptions
        if not any(exempt.covers(branch, outcome) for branch, outcome in missing)
    ]
    return unlisted + needless


def judge(seen: Seen, exceptions: Sequence[Exempt]) -> Report:
    """The figures and everything that is wrong with them."""
    found = sources()
    known = [branch for name, path in found.items() for branch in branches(name, path.read_text())]
    missing = [each for name, path in found.items() for each in missing_outcomes(name, path, seen)]
    problems = problems_with(missing, exceptions, known)
    report = Report(tuple(measure(seen)), tuple(missing), tuple(problems))
    low = [
        f"{percent:.1f} % of the {what} are covered, fewer than {PERCENT_MIN} %"
        for what, percent in (("arcs", report.percent_arcs), ("outcomes", report.percent_outcomes))
        if percent < PERCENT_MIN
    ]
    return Report(report.rows, report.missing, (*low, *problems))


def show(report: Report) -> None:
    """The table, the outcomes that did not occur, and the problems."""
    print(f"{'file':28} {'statements':>12} {'arcs of if':>12} {'outcomes':>12} {'%':>7}")
    for row in report.rows:
        cells = f"{row.statements_run}/{row.statements}", f"{row.arcs_taken}/{row.arcs}"
        outcomes = f"{row.outcomes_seen}/{row.outcomes}"
        percent = _percent(row.outcomes_seen, row.outcomes)
        print(f"{row.file:28} {cells[0]:>12} {cells[1]:>12} {outcomes:>12} {percent:7.1f}")
    print(f"arcs {report.percent_arcs:.1f} %, outcomes {report.percent_outcomes:.1f} %; not covered:")
    for branch, outcome in report.missing:
        print(f"  {branch.file}:{branch.line} {branch.function}: `{branch.text}` never {str(outcome).lower()}")
    for problem in report.problems:
        print(f"coverage: {problem}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the tests and prints the figures; 0 when they suffice and the list of exceptions is right."""
    parser = argparse.ArgumentParser(prog="python -m scripts.coverage", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-k", dest="expression", metavar="EXPRESSION", help="run only these tests, as pytest's -k")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    report = judge(run_tests(options.expression), load_exceptions())
    if options.json:
        print(json.dumps(asdict(report), indent=2))
    else:
        show(report)
    return 1 if report.problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
