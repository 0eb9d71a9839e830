"""The figures of `python -m scripts.coverage` rise with what ran and fall with what did not."""

from collections.abc import Iterator
from pathlib import Path

import boa
import pytest
from boa.environment import Env

from scripts.coverage import Exempt, load_exceptions, missing_outcomes, problems_with
from scripts.testing.branches import Branch, Seen, branches, watch

SOURCE = """# pragma version 0.4.3

@external
@pure
def judge(a: uint256, b: uint256) -> uint256:
    assert a != 9 and b != 9, "nine"
    for i: uint256 in range(5):
        if i >= a:
            break
    if a > 5:
        return 3 if b > 5 else 2
    elif b > 5 or a == 5:
        return 1
    return 0
"""


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    """What runs in the test, of sources in its own folder."""
    monkeypatch.setattr(Env, "_trace_computation", Env._trace_computation)
    monkeypatch.setattr(Env, "_coverage_enabled", True)
    found = Seen(folder=tmp_path)
    watch(found)
    return found


def missing(path: Path, seen: Seen) -> set[tuple[str, str, bool]]:
    return {(branch.kind, branch.text, outcome) for branch, outcome in missing_outcomes(path.name, path, seen)}


def test_coverage__some_calls__leave_exactly_what_they_did_not_reach(tmp_path: Path, seen: Seen) -> None:
    path = tmp_path / "judge.vy"
    path.write_text(SOURCE)
    contract = boa.load(str(path))
    assert len(missing(path, seen)) == 2 * len(branches(path.name, SOURCE)) == 14
    assert contract.judge(1, 1) == 0
    assert missing(path, seen) == {
        ("and", "a != 9", False),
        ("assert", "a != 9 and b != 9", False),
        ("if", "a > 5", True),
        ("choice", "b > 5", True),
        ("choice", "b > 5", False),
        ("if", "b > 5 or a == 5", True),
        ("or", "b > 5", True),
    }
    with boa.reverts("nine"):
        contract.judge(0, 9)
    assert (contract.judge(6, 6), contract.judge(6, 0), contract.judge(5, 6)) == (3, 2, 1)
    assert missing(path, seen) == {("and", "a != 9", False)}
    with boa.reverts("nine"):
        contract.judge(9, 0)
    assert missing(path, seen) == set()
    before_last = len(SOURCE.splitlines())
    assert (path.name, before_last) in seen.lines


def test_coverage__written_and_read_again__is_the_same() -> None:
    branch = Branch("a.vy", 1, 2, "f", "if", "x")
    seen = Seen(lines={("a.vy", 1)}, outcomes={(branch, True)})
    again = Seen.load(seen.dump())
    assert (again.lines, again.outcomes) == (seen.lines, seen.outcomes)


def test_exceptions__missing_or_needless__are_problems() -> None:
    branch = Branch("a.vy", 1, 2, "f", "if", "x")
    listed = Exempt("a.vy", "f", "x", True, "nothing can make it true")
    assert problems_with([(branch, True)], [listed], [branch]) == []
    (unlisted,) = problems_with([(branch, True), (branch, False)], [listed], [branch])
    assert "a.vy:1 f: `x` was never false" in unlisted
    (covered,) = problems_with([], [listed], [branch])
    assert "is covered" in covered
    (unknown,) = problems_with([], [listed], [])
    assert "does not exist" in unknown


def test_exceptions__listed_now__none() -> None:
    """Whoever lists one explains it in tests/contracts/coverage/exceptions.toml and here."""
    assert load_exceptions() == []


@pytest.mark.parametrize(
    "text", ["", "[[exception]]\nfile = 'a.vy'\n", "[[exception]\n"], ids=["none", "short", "broken"]
)
def test_exceptions__malformed__say_what_an_entry_has(tmp_path: Path, text: str) -> None:
    path = tmp_path / "exceptions.toml"
    path.write_text(text)
    with pytest.raises(SystemExit, match="file, function, condition, outcome, reason"):
        load_exceptions(path)
