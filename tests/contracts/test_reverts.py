"""Every `assert` of the contracts is reached by a call that makes exactly that one fail: reason, function and line."""

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import boa
import pytest
import vyper.ast as vy_ast
from escrow_kit.pair import CONTRACTS, Pair
from escrow_kit.refusals import REFUSALS

# Sites that no call can reach, with the reason why they stay.
UNREACHABLE: dict[str, str] = {}


class Place(NamedTuple):
    """Where an `assert` or `raise` stands."""

    file: str
    line: int


def modules() -> list[Path]:
    return sorted([*CONTRACTS.glob("*.vy"), *(CONTRACTS / "modules").glob("*.vy")])


@cache
def sites() -> dict[str, Place]:
    """`module.function: reason` of every assert and raise in the sources, to where it is."""
    found: dict[str, Place] = {}
    for path in modules():
        tree = vy_ast.parse_to_ast(path.read_text(), resolved_path=str(path))
        for function in tree.get_children(vy_ast.FunctionDef):
            seen: Counter[str] = Counter()
            for node in sorted(function.get_descendants((vy_ast.Assert, vy_ast.Raise)), key=lambda node: node.lineno):
                key = f"{path.stem}.{function.name}: {reason_of(node)}"
                seen[key] += 1
                found[key if seen[key] == 1 else f"{key} #{seen[key]}"] = Place(path.name, node.lineno)
    return found


def reason_of(node: Any) -> str | None:
    """The string that the revert carries; None where there is none."""
    message = node.msg if isinstance(node, vy_ast.Assert) else node.exc
    return message.value if isinstance(message, vy_ast.Str) else None


def place_of(error: boa.BoaError) -> Place | None:
    """The assert that failed, from the source map of the innermost call."""
    frame = error.stack_trace[0]
    assert not isinstance(frame, str), f"a contract without a source reverted: {frame}"
    kinds = (vy_ast.Assert, vy_ast.Raise)
    node = frame.ast_source
    failed = node if isinstance(node, kinds) else node.get_ancestor(kinds)
    return failed and Place(Path(failed.module_node.resolved_path).name, failed.lineno)


def test_asserts__every_one__carries_a_reason() -> None:
    assert len(sites()) > 80
    assert not [key for key in sites() if key.endswith(": None")]


def test_asserts__every_one__has_a_call_that_reaches_it() -> None:
    assert sites().keys() - UNREACHABLE.keys() == REFUSALS.keys()
    assert sites().keys() >= UNREACHABLE.keys()


@pytest.mark.parametrize("site", REFUSALS)
def test_assert__call_that_breaks_it__reverts_there(pair: Pair, site: str) -> None:
    with pytest.raises(boa.BoaError) as caught:
        REFUSALS[site](pair)
    reason = site.partition(": ")[2].partition(" #")[0]
    assert caught.value.stack_trace[0].pretty_vm_reason == reason
    assert place_of(caught.value) == sites()[site]
