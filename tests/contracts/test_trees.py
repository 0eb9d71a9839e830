"""Every function of the contracts has a branch tree in trees/, and every leaf of a tree has a test.

A tree is `trees/<source>/<function>.tree`: the function's name, then nested lines `when …` that end in leaves. A leaf
is `it … [file::test]`, short for test_file.py::test_test, or `as <source>/<function>`: what that tree says holds too.
"""

import ast
import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import vyper.ast as vy_ast
from vyper.ast.parse import parse_to_ast

from scripts.testing.branches import sources

HERE = Path(__file__).resolve().parent
TREES = HERE / "trees"
REASON = re.compile(r'it reverts "([^"]+)"')
PROOF = re.compile(r" \[([^\]]+)\]$")
LINE = re.compile(r"^((?:│   |    )*)(?:├── |└── )(.+)$")


@dataclass(frozen=True)
class Line:
    """A line of a tree: how deep it is, and what it says."""

    depth: int
    text: str

    @property
    def proofs(self) -> tuple[str, ...]:
        found = PROOF.search(self.text)
        return tuple(found[1].split(", ")) if found else ()


# --- sources --------------------------------------------------------------------------------------------------------


def folder_of(name: str) -> str:
    return name.removesuffix(".vy")


@cache
def functions() -> dict[str, Any]:
    """Node by "<source>/<function>", of all functions and of the getters of public variables."""
    found: dict[str, Any] = {}
    for name, path in sources().items():
        tree = parse_to_ast(path.read_text())
        found |= {f"{folder_of(name)}/{node.name}": node for node in tree.get_children(vy_ast.FunctionDef)}
        public = [node for node in tree.get_children(vy_ast.VariableDecl) if node.is_public]
        found |= {f"{folder_of(name)}/{node.target.id}": node for node in public}
    return found


def is_external(node: Any) -> bool:
    if not isinstance(node, vy_ast.FunctionDef):
        return True
    return bool({"external", "deploy"} & {decorator.id for decorator in node.decorator_list})


def decides(node: Any) -> bool:
    """Whether there is a branch that is no mere assert."""
    return any(
        not isinstance(found, vy_ast.BoolOp) or found.get_ancestor(vy_ast.Assert) is None
        for found in node.get_descendants((vy_ast.If, vy_ast.IfExp, vy_ast.BoolOp))
    )


def calls(name: str) -> set[str]:
    """The functions of the contracts that a function calls."""
    folder = name.rsplit("/", 1)[0]
    called = set()
    for call in functions()[name].get_descendants(vy_ast.Call):
        if isinstance(call.func, vy_ast.Attribute) and isinstance(call.func.value, vy_ast.Name):
            owner, function = call.func.value.id, call.func.attr
            called.add(f"{folder if owner == 'self' else f'modules/{owner}'}/{function}")
    return called & functions().keys() - {name}


@cache
def reasons(name: str) -> frozenset[str]:
    """The reasons with which a function or one that it calls may revert."""
    asserts = functions()[name].get_descendants(vy_ast.Assert)
    own = {node.msg.value for node in asserts if node.msg is not None}
    return frozenset(own.union(*(reasons(called) for called in calls(name))))


# --- trees ----------------------------------------------------------------------------------------------------------


def tree_names() -> list[str]:
    return sorted(str(path.relative_to(TREES).with_suffix("")) for path in TREES.rglob("*.tree"))


@cache
def lines(name: str) -> tuple[Line, ...]:
    """The lines of a tree below its root. Raises AssertionError when one is malformed."""
    root, *rest = (TREES / f"{name}.tree").read_text().splitlines()
    assert root == name.rsplit("/", 1)[1], f"{name}: the first line is the function's name"
    found = []
    for text in rest:
        match = LINE.match(text)
        assert match, f"{name}: {text!r} is no line of a tree"
        found.append(Line(len(match[1]) // 4, match[2]))
    return tuple(found)


def leaves(name: str) -> list[Line]:
    found = lines(name)
    after = (*found[1:], Line(0, ""))
    return [line for line, following in zip(found, after, strict=True) if following.depth <= line.depth]


@cache
def tree_reasons(name: str) -> frozenset[str]:
    """The reasons of a tree and of those that it refers to."""
    texts = [line.text for line in leaves(name)]
    own = {reason for text in texts for reason in REASON.findall(text)}
    referred = [text.removeprefix("as ") for text in texts if text.startswith("as ")]
    return frozenset(own.union(*(tree_reasons(other) for other in referred)))


@cache
def known_tests() -> dict[str, str]:
    """Text by "file::test" of every test of the contracts, without the prefixes that all have."""
    found = {}
    for path in HERE.glob("test_*.py"):
        text = path.read_text()
        rows = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                name = f"{path.stem.removeprefix('test_')}::{node.name.removeprefix('test_')}"
                found[name] = "\n".join(rows[first - 1 : node.end_lineno])
    return found


# --- what must hold -------------------------------------------------------------------------------------------------


def test_trees__every_function_that_needs_one__has_one() -> None:
    needed = {name for name, node in functions().items() if is_external(node) or decides(node)}
    # Constructors of modules that check nothing and getters without a branch are still part of the picture.
    assert sorted(needed - set(tree_names())) == []
    assert len(needed) > 80


def test_trees__every_tree__belongs_to_a_function() -> None:
    assert sorted(set(tree_names()) - functions().keys()) == []


@pytest.mark.parametrize("name", tree_names())
def test_tree__every_leaf__names_tests_that_exist(name: str) -> None:
    found = leaves(name)
    assert found
    for leaf in found:
        if leaf.text.startswith("as "):
            assert leaf.text.removeprefix("as ") in tree_names(), leaf.text
        else:
            assert leaf.text.startswith("it "), leaf.text
            assert leaf.proofs, f"no test: {leaf.text}"
            assert known_tests().keys() >= set(leaf.proofs), (
                f"{name}: {sorted(set(leaf.proofs) - known_tests().keys())}"
            )


@pytest.mark.parametrize("name", tree_names())
def test_tree__lines_above_leaves__are_conditions(name: str) -> None:
    conditions = [line for line in lines(name) if line not in leaves(name)]
    assert all(line.text.startswith("when ") for line in conditions), name
    depths = [-1, *(line.depth for line in lines(name))]
    assert all(here <= before + 1 for before, here in pairwise(depths))


@pytest.mark.parametrize("name", tree_names())
def test_tree__reasons__are_those_of_the_source(name: str) -> None:
    assert tree_reasons(name) == reasons(name)


@pytest.mark.parametrize("name", tree_names())
def test_tree__leaf_that_reverts__names_tests_that_expect_the_reason(name: str) -> None:
    silent = [
        (leaf.text, proof)
        for leaf in leaves(name)
        for reason in REASON.findall(leaf.text)
        for proof in leaf.proofs
        if f'"{reason}"' not in known_tests()[proof]
    ]
    assert silent == []


def test_trees__read_by_hand__hold_what_the_sources_say() -> None:
    """So that a reader that finds nothing does not pass for trees without faults."""
    assert {"auth", "to", "zero", "notice", "epoch", "transfer"} == reasons("CampaignEscrow/withdraw")
    assert {"auth", "window", "signer", "s"} < reasons("CampaignEscrow/roll")
    assert reasons("modules/auto_pause/paused") == frozenset()
    assert "withdrawals::withdraw__twice__reverts" in known_tests()
    assert any(line.proofs for line in leaves("CampaignEscrow/withdraw"))
