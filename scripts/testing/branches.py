"""Which ways the conditions of the contracts went while the tests ran, and which lines were reached.

`python -m pytest -p scripts.testing.branches` writes what it saw to the file that BRANCHES_OUT names. It takes
titanoboa's hook for coverage, but reads jumps of the bytecode: titanoboa 0.2.8 hands its plugin one node at a time,
so that a node which spans a block marks the whole block as run, and no step from a condition past its block is ever
seen.
"""

import bisect
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import vyper.ast as vy_ast  # type: ignore[import-untyped]
from boa.environment import Env
from vyper.ast.parse import parse_to_ast  # type: ignore[import-untyped]
from vyper.compiler.settings import anchor_settings  # type: ignore[import-untyped]
from vyper.ir.compile_ir import assembly_to_evm  # type: ignore[import-untyped]

CONTRACTS = Path(os.environ.get("SIGHTLINE_CONTRACTS", Path(__file__).resolve().parents[2] / "contracts"))
DECIDING = (vy_ast.If, vy_ast.Assert, vy_ast.IfExp, vy_ast.BoolOp)
PUSH1, PUSH2, PUSH32, JUMPI = 0x60, 0x61, 0x7F, 0x57


@dataclass(frozen=True, order=True)
class Branch:
    """A condition: of an `if`, an `assert`, a choice (`x if … else y`), or an operand before the last of `and`, `or`.

    It is covered when it came out both true and false. `text` is the first line of the condition.
    """

    file: str
    line: int
    column: int
    function: str
    kind: str
    text: str


@dataclass(frozen=True)
class Jump:
    """A conditional jump of the bytecode: the condition that it tests, and how that came out when the jump is taken."""

    branch: Branch
    taken_is: bool


# --- sources --------------------------------------------------------------------------------------------------------


def sources(folder: Path = CONTRACTS) -> dict[str, Path]:
    """Path by name of every source that holds money: all but those of the tests' tokens and wallets."""
    found = [*folder.glob("*.vy"), *folder.glob("modules/*.vy")]
    return {str(path.relative_to(folder)): path for path in sorted(found)}


def branches(name: str, source: str) -> list[Branch]:
    """All branches of a source, by place."""
    nodes = parse_to_ast(source).get_descendants(DECIDING)
    return sorted(branch for node in nodes for branch in decided_by(name, node))


def conditions(node: Any) -> tuple[str, list[Any]]:
    """What a node decides on, in the order of evaluation, and the kind of branches that these are."""
    match node:
        case vy_ast.If(test=test):
            return "if", [test]
        case vy_ast.Assert(test=test):
            return "assert", [test]
        case vy_ast.IfExp(test=test):
            return "choice", [test]
        case vy_ast.BoolOp(op=operator, values=values):
            return "and" if isinstance(operator, vy_ast.And) else "or", values[:-1]
    return "", []


def sides(node: Any, number: int) -> tuple[list[Any], list[Any]]:
    """What is evaluated next when condition `number` of a node is true, and when it is false."""
    match node:
        case vy_ast.If(body=body, orelse=orelse):
            return body, orelse
        case vy_ast.IfExp(body=body, orelse=orelse):
            return [body], [orelse]
        case vy_ast.BoolOp(op=vy_ast.And(), values=values):
            return [values[number + 1]], []
        case vy_ast.BoolOp(values=values):
            return [], [values[number + 1]]
    return [], []


def is_within(node: Any, roots: Sequence[Any]) -> bool:
    """Whether a node is one of `roots` or below one."""
    while node is not None and node not in roots:
        node = node._parent
    return node is not None


def decided_by(name: str, node: Any) -> list[Branch]:
    """The branches of a node, in the order of evaluation."""
    kind, tests = conditions(node)
    function = node.get_ancestor(vy_ast.FunctionDef).name
    return [Branch(name, test.lineno, test.col_offset, function, kind, first_line(test)) for test in tests]


def first_line(node: Any) -> str:
    text, *more = str(node.node_source_code).split("\n", 1)
    return f"{text.strip()} …" if more else text


def lines_of(node: Any) -> Sequence[int]:
    """The lines that have run when a part of them has: those of the statement, without the block that it may head."""
    while node is not None and not isinstance(node, vy_ast.FunctionDef | vy_ast.Module):
        if isinstance(node, vy_ast.If):
            return range(node.lineno, node.test.end_lineno + 1)
        if isinstance(node, vy_ast.For):
            return [node.lineno]
        if isinstance(node._parent, vy_ast.FunctionDef | vy_ast.If | vy_ast.For):
            # The compiler writes the getters of public variables itself, in no line.
            return [] if node.lineno is None else range(node.lineno, node.end_lineno + 1)
        node = node._parent
    return []


# --- bytecode -------------------------------------------------------------------------------------------------------


def jumps_in(code: bytes) -> Iterator[int]:
    """Where the conditional jumps are."""
    at = 0
    while at < len(code):
        operation = code[at]
        if operation == JUMPI:
            yield at
        at += 1 + (operation - PUSH1 + 1 if PUSH1 <= operation <= PUSH32 else 0)


@dataclass
class Code:
    """Creation or runtime code of a contract, with the node of the sources that each place came from."""

    code: bytes
    nodes: Mapping[int, Any]
    folder: Path = CONTRACTS

    def name_of(self, node: Any) -> str | None:
        path = Path(str(node.module_node.resolved_path))
        return str(path.relative_to(self.folder)) if path.is_relative_to(self.folder) else None

    @cached_property
    def lines(self) -> dict[int, tuple[str, Sequence[int]]]:
        """File and lines that running a place proves to have run."""
        return {pc: (name, lines_of(node)) for pc, node in self.nodes.items() if (name := self.name_of(node))}

    @cached_property
    def jumps(self) -> dict[int, Jump]:
        """The conditional jumps that decide a branch; those of the compiler's own checks are left out.

        Raises AssertionError when the jumps of a node are not as many as its conditions.
        """
        places: dict[Any, list[int]] = {}
        for pc in jumps_in(self.code):
            if (node := self._decider(pc)) is not None and self.name_of(node):
                places.setdefault(node, []).append(pc)
        found: dict[int, Jump] = {}
        for node, pcs in places.items():
            decided = decided_by(self.name_of(node) or "", node)
            assert len(decided) == len(pcs), f"{decided[0]} has {len(pcs)} jumps"
            for number, (pc, branch) in enumerate(zip(pcs, decided, strict=True)):
                found[pc] = Jump(branch, taken_is=not self._falls_through_when(pc, node, number))
        return found

    def _decider(self, pc: int) -> Any | None:
        """The node that a jump decides."""
        node = self.nodes.get(pc)
        if node is not None:
            return node if isinstance(node, DECIDING) else None
        # Where the optimiser joined two jumps or dropped a double negation, it forgot what the jump was for: the step
        # before it is the condition, or the `break` that the jump now is.
        before = self._before(pc)
        node = before._parent if before is not None else None
        tests = conditions(node)[1]
        is_forgotten = self._jumps_known[node] < len(tests) and (isinstance(before, vy_ast.Break) or before in tests)
        return node if is_forgotten else None

    def _falls_through_when(self, pc: int, node: Any, number: int) -> bool:
        """How condition `number` of a node came out when the jump at `pc` is not taken."""
        if isinstance(node, vy_ast.Assert):
            return False  # into the revert
        assert self.code[pc - 3] == PUSH2, f"{first_line(node)}: the jump's aim is not beside it"
        aim = int.from_bytes(self.code[pc - 2 : pc], "big")
        yes, no = sides(node, number)
        if (side := self._first_side(yes, no, pc + 1, aim)) is not None:
            return side
        if not (yes and no):  # the other side has nothing to see
            return not yes
        side = self._first_side(yes, no, aim, len(self.code))
        assert side is not None, f"{first_line(node)}: neither side is seen"
        return not side

    def _first_side(self, yes: Sequence[Any], no: Sequence[Any], start: int, end: int) -> bool | None:
        """Which side the code from `start` to `end` comes to first."""
        for at in self._places[bisect.bisect_left(self._places, start) : bisect.bisect_left(self._places, end)]:
            if is_within(self.nodes[at], [*yes, *no]):
                return is_within(self.nodes[at], yes)
        return None

    def _before(self, pc: int) -> Any | None:
        """The node of a jump, or of the last step before it that has one."""
        at = bisect.bisect_right(self._places, pc) - 1
        return self.nodes[self._places[at]] if at >= 0 else None

    @cached_property
    def _places(self) -> list[int]:
        return sorted(self.nodes)

    @cached_property
    def _jumps_known(self) -> Counter[Any]:
        return Counter(self.nodes[pc] for pc in jumps_in(self.code) if pc in self.nodes)


# --- what ran -------------------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """Lines that ran and outcomes of branches that occurred."""

    folder: Path = CONTRACTS
    lines: set[tuple[str, int]] = field(default_factory=set)
    outcomes: set[tuple[Branch, bool]] = field(default_factory=set)
    _codes: dict[tuple[int, bool], tuple[Any, Code]] = field(default_factory=dict)

    def note(self, computation: Any, contract: Any) -> None:
        """Takes in a computation and those that it started."""
        if hasattr(contract, "compiler_data"):
            self._note_steps(computation.code._trace, self._code_of(contract.compiler_data, computation.msg.is_create))
        for child in computation.children:
            # Code that a contract creates has no address yet, so what it was compiled from is not known.
            if child.msg.code_address:
                self.note(child, child.env._lookup_contract_fast(child.msg.code_address))

    def _note_steps(self, steps: Sequence[int], code: Code) -> None:
        for pc in set(steps):
            if pc in code.lines:
                name, lines = code.lines[pc]
                self.lines.update((name, line) for line in lines)
        for pc, following in pairwise(steps):
            if pc in code.jumps:
                jump = code.jumps[pc]
                self.outcomes.add((jump.branch, jump.taken_is if following != pc + 1 else not jump.taken_is))

    def _code_of(self, compiled: Any, creates: bool) -> Code:
        key = (id(compiled), creates)
        if key not in self._codes:
            with anchor_settings(compiled.settings):
                code, places = assembly_to_evm(compiled.assembly if creates else compiled.assembly_runtime)
            # The runtime code that follows the creation code does not run there.
            own = code[: code.index(compiled.bytecode_runtime)] if creates else code
            nodes = {pc: node for pc, node in places["pc_raw_ast_map"].items() if pc < len(own)}
            self._codes[key] = (compiled, Code(own, nodes, self.folder))
        return self._codes[key][1]

    def dump(self) -> str:
        outcomes = [[asdict(branch), outcome] for branch, outcome in sorted(self.outcomes)]
        return json.dumps({"lines": sorted(self.lines), "outcomes": outcomes})

    @classmethod
    def load(cls, text: str) -> "Seen":
        data = json.loads(text)
        lines = {(name, line) for name, line in data["lines"]}
        return cls(lines=lines, outcomes={(Branch(**branch), outcome) for branch, outcome in data["outcomes"]})


def watch(seen: Seen) -> None:
    """Makes titanoboa hand over every computation from now on."""

    def note(_: Env, computation: Any, contract: Any = None) -> None:
        seen.note(computation, contract)

    Env._trace_computation = note
    Env._coverage_enabled = True


# --- pytest ---------------------------------------------------------------------------------------------------------


WHAT_RAN = pytest.StashKey[Seen]()


def pytest_configure(config: Any) -> None:
    """Starts watching before any test does."""
    config.stash[WHAT_RAN] = Seen()
    watch(config.stash[WHAT_RAN])


def pytest_unconfigure(config: Any) -> None:
    """Writes what was seen."""
    Path(os.environ["BRANCHES_OUT"]).write_text(config.stash[WHAT_RAN].dump())
