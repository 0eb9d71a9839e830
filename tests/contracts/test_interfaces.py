"""The interfaces that other contracts import say exactly what the contracts answer to."""

import json
from pathlib import Path

import pytest
from eth_utils import keccak
from eth_utils.abi import collapse_if_tuple
from vyper.ast import FunctionDef
from vyper.ast.parse import parse_to_ast
from vyper.cli.vyper_compile import compile_files

from scripts.export_abi import ABI_FOLDER, ROOT, SOURCES

CONTRACTS = ("CampaignEscrow", "PublisherPayout")
Entry = dict[str, object]


def compiled(path: str, *formats: str) -> dict[str, object]:
    (artifact,) = compile_files([str(ROOT / path)], list(formats), paths=[str(ROOT)]).values()
    return dict(artifact)


def abi_of_interface(name: str) -> list[Entry]:
    entries = compiled(f"contracts/interfaces/I{name}.vyi", "abi")["abi"]
    assert isinstance(entries, list)
    return entries


def abi_of_contract(name: str) -> list[Entry]:
    entries: list[Entry] = json.loads((ABI_FOLDER / f"{name}.json").read_text())
    return entries


def signature(entry: Entry) -> str:
    return f"{entry['name']}({','.join(collapse_if_tuple(field) for field in entry['inputs'])})"


def functions(entries: list[Entry]) -> dict[str, tuple[str, object, list[str]]]:
    """Selector to signature, mutability and types of the result."""
    return {
        keccak(text=signature(entry))[:4].hex(): (
            signature(entry),
            entry["stateMutability"],
            [collapse_if_tuple(field) for field in entry["outputs"]],
        )
        for entry in entries
        if entry["type"] == "function"
    }


def events(entries: list[Entry]) -> dict[str, list[tuple[str, str, bool]]]:
    """Signature to name, type and place of every field."""
    return {
        signature(entry): [(field["name"], field["type"], field["indexed"]) for field in entry["inputs"]]
        for entry in entries
        if entry["type"] == "event"
    }


@pytest.mark.parametrize("name", CONTRACTS)
def test_interface__functions__are_those_of_the_abi(name: str) -> None:
    assert functions(abi_of_interface(name)) == functions(abi_of_contract(name))


@pytest.mark.parametrize("name", CONTRACTS)
def test_interface__events__are_those_of_the_abi(name: str) -> None:
    assert events(abi_of_interface(name)) == events(abi_of_contract(name))


@pytest.mark.parametrize("name", CONTRACTS)
def test_interface__every_function__says_what_it_is_for(name: str) -> None:
    source = (ROOT / "contracts" / "interfaces" / f"I{name}.vyi").read_text()
    said = {
        node.name: node.doc_string.value
        for node in parse_to_ast(source, is_interface=True).get_children(FunctionDef)
        if node.doc_string is not None
    }
    assert set(said) == {entry["name"] for entry in abi_of_contract(name) if entry["type"] == "function"}
    assert all(text.startswith("@notice ") and len(text.split()) > 2 for text in said.values())


@pytest.mark.parametrize("name", CONTRACTS)
def test_interface__used_by_another_contract__compiles(name: str, tmp_path: Path) -> None:
    """As an integrator would: a call of every function that reads nothing but the chain."""
    reads = [
        entry["name"]
        for entry in abi_of_contract(name)
        if entry.get("stateMutability") == "view"
        and not entry["inputs"]
        and [field["type"] for field in entry["outputs"]] == ["uint256"]
    ]
    lines = ["# pragma version 0.4.3", f"from contracts.interfaces import I{name}", f"TARGET: immutable(I{name})", ""]
    lines += ["@deploy", "def __init__(target: address):", f"    TARGET = I{name}(target)", "", "@external", "@view"]
    lines += ["def total() -> uint256:", f"    return {' + '.join(f'staticcall TARGET.{read}()' for read in reads)}"]
    user = tmp_path / "user.vy"
    user.write_text("\n".join(lines) + "\n")
    (artifact,) = compile_files([str(user)], ["bytecode"], paths=[str(ROOT), str(tmp_path)]).values()
    assert len(reads) >= 1
    assert str(artifact["bytecode"]).startswith("0x")


def test_interfaces__every_contract_with_money__has_one() -> None:
    folder = ROOT / "contracts" / "interfaces"
    deployables = {path.stem for path in (ROOT / "contracts").glob("*.vy")}
    assert deployables == set(CONTRACTS) <= set(SOURCES)
    assert {path.stem for path in folder.glob("*.vyi")} == {f"I{name}" for name in deployables} | {"IUsdc"}
