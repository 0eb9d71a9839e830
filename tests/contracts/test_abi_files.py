"""The ABI files that everybody else reads are those of the sources, and every revert has a test."""

import json
import re
from pathlib import Path

import pytest

from scripts.export_abi import ABI_FOLDER, ROOT, SOURCES, compile_contract, stale

HERE = Path(__file__).resolve().parent
REASON = re.compile(r'assert [^"]*?, "([^"]+)"', re.DOTALL)
SIZE_MAX = 24_576  # EIP-170
INITCODE_MAX = 49_152  # EIP-3860


def test_abi_files__after_a_change__are_exported_again() -> None:
    assert stale() == []


@pytest.mark.parametrize("name", SOURCES)
def test_abi_files__each__is_a_plain_list_without_doubles(name: str) -> None:
    entries = json.loads((ABI_FOLDER / f"{name}.json").read_text())
    named = [(entry["type"], entry["name"]) for entry in entries if "name" in entry]
    assert len(named) == len(set(named))


def test_reverts__every_reason__is_expected_by_a_test() -> None:
    sources = [ROOT / path for path in SOURCES.values()]
    sources += (ROOT / "contracts" / "modules").glob("*.vy")
    reasons = {reason for path in sources for reason in REASON.findall(path.read_text())}
    tests = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    assert {reason for reason in reasons if f'"{reason}"' not in tests} == set()
    assert len(reasons) > 30


def test_sizes__both_contracts__fit_a_block_and_a_transaction() -> None:
    """L22"""
    sizes = {name: len(str(compile_contract(name)["bytecode"])) // 2 for name in SOURCES}
    assert sizes["CampaignEscrow"] < SIZE_MAX
    assert sizes["CampaignEscrow"] + sizes["PublisherPayout"] < INITCODE_MAX - 2_000  # constructor arguments
