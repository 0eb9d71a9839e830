"""No table is forgotten: each says whose data it holds, what becomes of it, or why it holds none (L65)."""

import ast
import sys
from pathlib import Path

import pytest
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import SQLModel

from backend.db import tables  # noqa: F401 -- declares the metadata
from backend.privacy.holdings import BY_TABLE, HOLDINGS, ROW_ID, Erase, Holding, belongs, exported

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from privacy_kit import HARMLESS, WALLETS

ROOT = Path(__file__).resolve().parents[2]
TABLES = SQLModel.metadata.tables
SECRETS = ("digest", "secret", "nonce", "wrapped", "raw")
NO_SECRETS = {"secret_version", "old_secret_until"}
NO_WALLETS = {"subject_key", "audit_link", "ledger_account"}    # keys, places in a chain, `campaign:7`


def table(holding: Holding) -> Table:
    return TABLES[holding.table]


def test_holdings__every_table__is_there_once() -> None:
    """L65: a new table fails here until somebody has decided."""
    names = [holding.table for holding in HOLDINGS]
    assert sorted(names) == sorted(TABLES)


@pytest.mark.parametrize("holding", HOLDINGS, ids=lambda holding: holding.table)
def test_holdings__each__says_whose_and_why(holding: Holding) -> None:
    assert holding.what
    if holding.of is None:
        assert holding.why
        assert (holding.erase, holding.blank, holding.hidden, holding.sealed) == (Erase.KEEP, {}, (), ())
    else:
        assert holding.why or holding.erase is Erase.DELETE
        assert bool(holding.blank) == (holding.erase is Erase.BLANK)


@pytest.mark.parametrize("holding", HOLDINGS, ids=lambda holding: holding.table)
def test_holdings__columns_that_are_named__exist(holding: Holding) -> None:
    named = {*holding.blank, *holding.hidden, *holding.sealed, *(holding.of.columns if holding.of else ())}
    assert named <= set(table(holding).columns.keys())
    if holding.of and holding.of.through:
        assert holding.of.key in TABLES[holding.of.through].columns
        assert len(holding.of.columns) == 1


@pytest.mark.parametrize("holding", HOLDINGS, ids=lambda holding: holding.table)
def test_holdings__blanked_columns__take_what_is_written(holding: Holding) -> None:
    for name, value in holding.blank.items():
        column = table(holding).columns[name]
        assert value is not None or column.nullable
        unique = column.unique or any(
            name in constraint.columns and len(constraint.columns) > 0
            for constraint in table(holding).constraints if type(constraint).__name__ == "UniqueConstraint"
        )
        assert not unique or value in (ROW_ID, None)


@pytest.mark.parametrize("holding", HOLDINGS, ids=lambda holding: holding.table)
def test_holdings__tables_with_a_wallet__are_somebodys(holding: Holding) -> None:
    """L65: whoever names a wallet in a table must say what becomes of the row."""
    if holding.of is None and holding.table not in NO_WALLETS:
        assert not set(WALLETS) & set(table(holding).columns.keys())


@pytest.mark.parametrize("holding", list(exported()), ids=lambda holding: holding.table)
def test_holdings__secrets__are_never_exported(holding: Holding) -> None:
    shown = set(table(holding).columns.keys()) - set(holding.hidden)
    assert not {name for name in shown if any(part in name.split("_") for part in SECRETS)} - NO_SECRETS


def test_holdings__order__is_children_first() -> None:
    """An erasure deletes in this order, and finds a child's rows through its parent."""
    place = {holding.table: number for number, holding in enumerate(HOLDINGS)}
    for holding in HOLDINGS:
        if holding.of and holding.of.through:
            assert place[holding.table] < place[holding.of.through]
        for key in table(holding).foreign_keys:
            parent = key.column.table.name
            if parent != holding.table and BY_TABLE[parent].erase is Erase.DELETE:
                assert place[holding.table] < place[parent]
                assert BY_TABLE[holding.table].erase is Erase.DELETE


def test_belongs__through_parents__is_one_condition() -> None:
    assert belongs(BY_TABLE["member"]) == '("account" = :account or "wallet" = :account)'
    assert belongs(BY_TABLE["line_item"]) == '"campaign_id" in (select "id" from "campaign" where ("owner" = :account))'


def test_holdings__personal_text__is_blanked_or_deleted() -> None:
    """L65: free text that people write does not stay in rows that stay; what does is a number, a word of ours, a hash.

    A column that is added to a kept row fails here until it is blanked, or is on the list of privacy_kit.
    """
    left: set[str] = set()
    for holding in exported():
        if holding.erase is Erase.DELETE:
            continue
        for column in table(holding).columns:
            texts = column.type.__class__.__name__ in ("Text", "AutoString") or isinstance(column.type, ARRAY | JSONB)
            if texts and column.name not in {*holding.blank, *holding.hidden, *holding.sealed}:
                left.add(column.name)
    assert left - HARMLESS == set()


FREE_TEXT = {"name", "url", "note", "text", "label", "email", "place", "document", "title", "description", "agent"}


def recorded_words() -> list[tuple[str, str]]:
    """(file, name of a detail) of every call that writes into the audit trail."""
    found = []
    for path in sorted((ROOT / "backend").rglob("*.py")):
        source = path.read_text()
        if "audit" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("audit.record", "record"):
                found += [(str(path.relative_to(ROOT)), str(word.arg)) for word in node.keywords]
    return found


def test_audit_trail__details__hold_nothing_that_somebody_wrote() -> None:
    """L65: entries are never erased, so they name ids, states and amounts only."""
    assert len(recorded_words()) > 20
    assert not [(file, word) for file, word in recorded_words() if word in FREE_TEXT]
