"""The sources of the contracts explain themselves: NatSpec, the way to stop them, and the order of what they do."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import vyper.ast as vy_ast
from vyper.ast.parse import parse_to_ast

from scripts.testing.branches import CONTRACTS, sources

LABEL = re.compile(r"^\s*# (Check|Effect|Interaction)\b(?: and (Effect|Interaction)\b)?")
ORDER = ("Check", "Effect", "Interaction")
# Calls that leave the contract and may change something elsewhere. `staticcall` cannot.
CALLS_OUT = {"raw_call", "raw_create", "send"}


# --- reading --------------------------------------------------------------------------------------------------------


@cache
def texts() -> dict[str, str]:
    """Text by name: contracts and modules, and the tokens and wallets of the tests."""
    found = {**sources(), **{f"testing/{path.name}": path for path in sorted(CONTRACTS.glob("testing/*.vy"))}}
    return {name: path.read_text() for name, path in found.items()}


@cache
def functions() -> dict[str, Any]:
    """Node by "<source>:<function>"."""
    return {
        f"{name}:{node.name}": node
        for name, text in texts().items()
        for node in parse_to_ast(text).get_children(vy_ast.FunctionDef)
    }


def decorators(node: Any) -> set[str]:
    return {decorator.id for decorator in node.decorator_list}


def external() -> list[str]:
    return [name for name, node in functions().items() if {"external", "deploy"} & decorators(node)]


def with_money(names: list[str]) -> list[str]:
    return [name for name in names if not name.startswith("testing/")]


def doc(node: Any) -> dict[str, list[str]]:
    """NatSpec of a function: text by tag."""
    found: dict[str, list[str]] = {}
    text = node.doc_string.value if node.doc_string is not None else ""
    for tag, body in re.findall(r"@([\w:]+)\s+(.*?)(?=\n\s*@[\w:]+\s|\Z)", text, re.DOTALL):
        found.setdefault(tag, []).append(" ".join(body.split()))
    return found


def called(name: str) -> Iterator[str]:
    """The functions of the contracts that a function calls."""
    source = name.split(":")[0]
    for call in functions()[name].get_descendants(vy_ast.Call):
        if isinstance(call.func, vy_ast.Attribute) and isinstance(call.func.value, vy_ast.Name):
            owner = call.func.value.id
            other = f"{source if owner == 'self' else f'modules/{owner}.vy'}:{call.func.attr}"
            if other in functions() and other != name:
                yield other


@cache
def reach(name: str) -> frozenset[str]:
    """A function and all that it may come to."""
    return frozenset({name}.union(*(reach(other) for other in called(name))))


def reasons(name: str) -> set[str]:
    """The reasons with which a call of a function may revert."""
    asserts = (node for each in reach(name) for node in functions()[each].get_descendants(vy_ast.Assert))
    return {node.msg.value for node in asserts if node.msg is not None}


def calls_out(node: Any) -> bool:
    """Whether a function itself calls another contract in a way that may change something."""
    names = {
        call.func.id
        for call in node.get_descendants(vy_ast.Call)
        if isinstance(call.func, vy_ast.Name) and not any(word.arg == "is_static_call" for word in call.keywords)
    }
    return bool(names & CALLS_OUT or node.get_descendants(vy_ast.ExtCall))


def labels(name: str) -> list[str]:
    """The labels in a function's body, in their order."""
    node = functions()[name]
    rows = texts()[name.split(":")[0]].splitlines()[node.lineno - 1 : node.end_lineno]
    return [label for row in rows if (match := LABEL.match(row)) for label in match.groups() if label]


# --- NatSpec --------------------------------------------------------------------------------------------------------


def lacks(name: str) -> Iterator[str]:
    """What the NatSpec of a function leaves out."""
    node, said = functions()[name], doc(functions()[name])
    described = [text.split()[0] for text in said.get("param", []) if len(text.split()) > 1]
    if not said.get("notice"):
        yield f"{name}: @notice"
    if described != (parameters := [argument.arg for argument in node.args.args]):
        yield f"{name}: @param of {parameters}, not of {described}"
    if bool(said.get("return")) != (node.returns is not None):
        yield f"{name}: @return"


def test_natspec__external_functions__have_notice_parameters_and_result() -> None:
    assert [problem for name in with_money(external()) for problem in lacks(name)] == []
    assert len(external()) > 80


def named_reasons(name: str, seen: frozenset[str] = frozenset()) -> set[str]:
    """The reasons that the NatSpec of a function gives, also where it says "as `another`" instead of its own."""
    said = doc(functions()[name])
    details = " ".join(said.get("dev", []))
    found = set(re.findall(r'"([^"]+)"', details))
    # "Reverts as `propose` and `finalize`", or just "As `deposit`, with …"
    text = details if "Reverts" in details else " ".join(said.get("notice", []))
    for group in re.findall(r"\b[Aa]s (`\w+`(?:(?:, | and )`\w+`)*)", text):
        for other in re.findall(r"`(\w+)`", group):
            full = next((each for each in same_name(name, other) if each in functions()), None)
            if full is not None and full not in seen:
                found |= named_reasons(full, seen | {name})
    return found


def same_name(name: str, other: str) -> tuple[str, ...]:
    return (f"{name.split(':')[0]}:{other}", f"modules/{other}.vy:__init__")


def test_natspec__external_functions__name_exactly_the_reasons_that_they_revert_with() -> None:
    named = {name: (named_reasons(name), reasons(name)) for name in with_money(external())}
    assert {name: sorted(given - said) for name, (said, given) in named.items() if given - said} == {}
    assert {name: sorted(said - given) for name, (said, given) in named.items() if said - given} == {}


@pytest.mark.parametrize("name", sorted(texts()))
def test_natspec__source__has_title_licence_and_notice(name: str) -> None:
    module = parse_to_ast(texts()[name])
    text = module.doc_string.value if module.doc_string is not None else ""
    assert all(f"@{tag} " in text for tag in ("title", "license", "notice"))


@pytest.mark.parametrize("name", [name for name in sorted(texts()) if "/" not in name])
def test_kill__deployable_with_money__says_how_to_stop_it(name: str) -> None:
    text = parse_to_ast(texts()[name]).doc_string.value
    killed = re.search(r"@custom:kill (.+)", text, re.DOTALL)
    assert killed is not None
    assert len(killed[1].split()) > 10


# --- the order of what a function does ------------------------------------------------------------------------------


def test_labels__functions_that_call_out__mark_the_interaction() -> None:
    # The constructor creates its payout contract before anybody can call either of them.
    calling = with_money(
        [name for name, node in functions().items() if calls_out(node) and "deploy" not in decorators(node)]
    )
    assert len(calling) > 5
    assert [name for name in calling if "Interaction" not in labels(name)] == []


def test_labels__in_a_function__come_as_check_effect_interaction() -> None:
    labelled = with_money([name for name in functions() if labels(name)])
    assert len(labelled) > 15
    turned = [name for name in labelled if (found := [ORDER.index(label) for label in labels(name)]) != sorted(found)]
    assert turned == []


def test_labels__function_that_calls_out_and_changes_state__marks_what_comes_before() -> None:
    """Where a body is split, the labels stand in the functions that it is split into, in the order of the calls."""
    missing = [
        name
        for name in with_money(external())
        if "deploy" not in decorators(functions()[name])
        and any(calls_out(functions()[each]) for each in reach(name))
        and not {"Check", "Effect", "Interaction"} <= {label for each in reach(name) for label in labels(each)}
    ]
    assert missing == []
