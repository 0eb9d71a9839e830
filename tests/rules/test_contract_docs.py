"""docs/contracts.md says what the contracts are: every name, argument, event and revert reason on it exists."""

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "contracts.md").read_text()
SOURCES = [*ROOT.glob("contracts/*.vy"), *ROOT.glob("contracts/modules/*.vy")]
NAMED = re.compile(r"`(\w+)\(([^`)]*)\)`")
VIEM = re.compile(r'abi: (escrow|payout)Abi, functionName: "(\w+)",\s+args: \[(.*?)\],\n', re.DOTALL)
ASSERTION = re.compile(r"^\s*(?:assert|raise)\b.*$", re.MULTILINE)
REASON = re.compile(r'"([a-z]+)"$')


@cache
def abi(contract: str, kind: str) -> dict[str, list[dict[str, str]]]:
    """Inputs by the name of a function or an event."""
    entries = json.loads((ROOT / "contracts" / "abi" / f"{contract}.json").read_text())
    return {entry["name"]: entry["inputs"] for entry in entries if entry["type"] == kind}


def ours(kind: str) -> dict[str, list[str]]:
    """Parameter names by name, of both contracts; where both have one it is the same. Maps are indexed by index."""
    both = abi("CampaignEscrow", kind) | abi("PublisherPayout", kind)
    return {name: [field["name"].replace("arg0", "index") for field in inputs] for name, inputs in both.items()}


def python_calls() -> list[tuple[str, str, int | None]]:
    """Contract, function and number of arguments (None behind a star) of the calls in the Python examples."""
    calls: list[tuple[str, str, int | None]] = []
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        for called in ast.walk(ast.parse(example)):
            match called:
                case ast.Call(
                    func=ast.Attribute(
                        attr=name, value=ast.Attribute(attr="functions", value=ast.Name(id=contract))
                    ),
                    args=arguments,
                ):
                    starred = any(isinstance(argument, ast.Starred) for argument in arguments)
                    calls.append((contract, name, None if starred else len(arguments)))
    return calls


def reasons() -> set[str]:
    """Every assertion of the contracts has a reason; this is the set of them."""
    asserted = [line for path in SOURCES for line in ASSERTION.findall(path.read_text())]
    found = [REASON.search(line) for line in asserted]
    assert None not in found, [line for line, reason in zip(asserted, found, strict=True) if reason is None]
    return {reason[1] for reason in found if reason is not None}


def table(heading: str) -> list[str]:
    """The first column of the table under a heading."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def test_page__named_functions_and_events__exist_with_these_parameters() -> None:
    known = ours("function") | ours("event")
    others = {"name", "version", "keccak256"}  # of the token, of everybody
    named = [(name, re.findall(r"\w+", arguments)) for name, arguments in NAMED.findall(PAGE) if name not in others]
    assert len(named) > 60
    assert [(name, arguments) for name, arguments in named if arguments != known.get(name)] == []


def test_page__every_call_that_changes_something__is_named() -> None:
    entries = [
        entry
        for contract in ("CampaignEscrow", "PublisherPayout")
        for entry in json.loads((ROOT / "contracts" / "abi" / f"{contract}.json").read_text())
    ]
    changing = {entry["name"] for entry in entries if entry.get("stateMutability") == "nonpayable" and "name" in entry}
    assert changing - {name for name, _ in NAMED.findall(PAGE)} == set()


def test_page__every_function__is_named() -> None:
    named = set(re.findall(r"`(\w+)[`(]", PAGE))
    assert set(ours("function")) - named == set()
    assert len(ours("function")) > 60


def test_page__every_event__is_named() -> None:
    assert set(ours("event")) - {name for name, _ in NAMED.findall(PAGE)} == set()


def test_python_examples__calls__fit_the_abi() -> None:
    names = {"escrow": "CampaignEscrow", "payout": "PublisherPayout", "usdc": "MockUSDC"}
    calls = python_calls()
    assert len(calls) >= 12
    for contract, name, arguments in calls:
        inputs = abi(names[contract], "function")[name]
        assert arguments in (None, len(inputs)), (contract, name)


def test_viem_examples__calls__fit_the_abi() -> None:
    calls = VIEM.findall(PAGE)
    assert len(calls) == PAGE.count("functionName:") - PAGE.count("erc20Abi, functionName:") > 3
    for contract, name, arguments in calls:
        inputs = abi({"escrow": "CampaignEscrow", "payout": "PublisherPayout"}[contract], "function")[name]
        assert len(re.split(r",\s*", re.sub(r"\(.*?\)", "", arguments))) == len(inputs), name


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("Permit", "testing/MockUSDC.vy"),
        ("ReceiveWithAuthorization", "testing/MockUSDC.vy"),
        ("ClaimTo", "PublisherPayout.vy"),
    ],
)
def test_python_examples__typed_data__is_what_the_contract_hashes(kind: str, source: str) -> None:
    shown = re.search(rf'"{kind}": \[(.*?)\]\}}', PAGE, re.DOTALL)
    assert shown is not None
    fields = re.findall(r'"name": "(\w+)", "type": "(\w+)"', shown[1])
    hashed = f"{kind}({','.join(f'{type_} {name}' for name, type_ in fields)})"
    assert f'"{hashed}"' in (ROOT / "contracts" / source).read_text()


def test_reasons__the_table__has_each_of_the_contracts_and_no_other() -> None:
    listed = table("Revert reasons")
    assert listed == sorted(set(listed))
    assert set(listed) == reasons()
