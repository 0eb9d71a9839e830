"""The example of docs/settlement-spec.md is what our code computes, and our verifier accepts it (L36)."""

import re
from pathlib import Path

import pytest

from backend.settlement.attestation import digest, settlement_of, signer_of
from backend.settlement.bundle import compress
from backend.settlement.statement import data_hash, decode, publishers_tree
from backend.settlement.tree import encode_debits
from backend.settlement.verify import Bundle, verify

SPEC = (Path(__file__).parents[2] / "docs" / "settlement-spec.md").read_text()


@pytest.fixture
def bundle() -> Bundle:
    """The bundle printed on the page."""
    events = re.search(r"```csv\n(.*?)```", SPEC, re.DOTALL)
    statement = re.search(r"```json\n(.*?)\n```", SPEC, re.DOTALL)
    assert events is not None
    assert statement is not None
    return Bundle(statement[1].encode(), compress(events[1].encode()))


def shown(what: str) -> list[str]:
    """The hex numbers in a row of the table."""
    (row,) = [line for line in SPEC.splitlines() if line.startswith(f"| {what} |")]
    return re.findall(r"`(0x[0-9a-f]+)`", row)


def test_example__is_verified(bundle: Bundle) -> None:
    assert verify(bundle, []).differences == []


def test_example__hashes_and_words__as_printed(bundle: Bundle) -> None:
    statement = decode(bundle.statement)
    debits = {debit.campaign: int(debit.amount_micro_usdc) for debit in statement.debits}
    assert [hex(word) for word in publishers_tree(statement.entries).entries] == shown("entry words")
    assert [hex(word) for word in encode_debits(debits)] == shown("debit words")
    assert ["0x" + data_hash(bundle.statement).hex()] == shown("data hash")


def test_example__digest_and_signature__as_printed(bundle: Bundle) -> None:
    statement = decode(bundle.statement)
    signed = digest(settlement_of(statement, bundle.statement), statement.chain_id, statement.contracts.escrow)
    (signature,) = shown("its signature")
    attestor = re.search(r"^\| attestor with .*\| `(0x[0-9a-f]{40})` \|$", SPEC, re.MULTILINE)
    assert attestor is not None
    assert ["0x" + signed.hex()] == shown("digest to sign")
    assert signer_of(signed, bytes.fromhex(signature[2:])) == attestor[1]
