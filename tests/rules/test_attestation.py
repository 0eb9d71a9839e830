"""What attestors sign: the digest of EIP-712, compact signatures, and the quorum (L11, L12)."""

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from backend.settlement.attestation import (
    Settlement,
    SignatureError,
    compact,
    digest,
    quorum,
    signer_of,
)

ESCROW = "0x" + "e5" * 20
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
TYPES = [
    ("uint64", "epoch"), ("uint32", "attempt"), ("bytes32", "prevRoot"), ("bytes32", "publishersRoot"),
    ("bytes32", "debitsHash"), ("uint256", "totalDebit"), ("uint32", "publishers"), ("bytes32", "rulesetHash"),
    ("bytes32", "dataHash"),
]
SETTLEMENT = Settlement(7, 2, b"\1" * 32, b"\2" * 32, b"\3" * 32, 10**12, 31, b"\4" * 32, b"\5" * 32)


def typed_data(settlement: Settlement, chain_id: int) -> dict[str, object]:
    s = settlement
    values = (s.epoch, s.attempt, s.previous_root, s.publishers_root, s.debits_hash, s.total_debit, s.publishers,
              s.ruleset_hash, s.data_hash)
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"}, {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"},
            ],
            "Settlement": [{"name": name, "type": kind} for kind, name in TYPES],
        },
        "primaryType": "Settlement",
        "domain": {"name": "CampaignEscrow", "version": "1", "chainId": chain_id, "verifyingContract": ESCROW},
        "message": dict(zip([name for _, name in TYPES], values, strict=True)),
    }


def attest(key: bytes, signed: bytes) -> bytes:
    made = Account.unsafe_sign_hash(signed, key)
    return compact(made.r, made.s, made.v - 27)


@given(st.integers(1, 2**63), st.integers(0, 2**32 - 1), st.integers(1, 2**40), st.binary(min_size=32, max_size=32))
def test_digest__any_settlement__as_a_wallet_computes_it(epoch: int, attempt: int, chain_id: int, root: bytes) -> None:
    """L12: chain id, contract, epoch, attempt and previous root are bound, as EIP-712 says."""
    settlement = Settlement(epoch, attempt, root, b"\2" * 32, b"\3" * 32, 10**12, 31, b"\4" * 32, b"\5" * 32)
    signable = encode_typed_data(full_message=typed_data(settlement, chain_id))
    expected = Account.sign_message(signable, b"\7" * 32).message_hash
    assert digest(settlement, chain_id, ESCROW) == bytes(expected)


@given(st.integers(1, ORDER - 1), st.binary(min_size=32, max_size=32))
def test_signer_of__compact_signature__is_the_key(secret: int, signed: bytes) -> None:
    key = secret.to_bytes(32, "big")
    assert signer_of(signed, attest(key, signed)) == Account.from_key(key).address.lower()


def test_compact__high_s__becomes_its_low_twin() -> None:
    """L12: low s only."""
    signed = b"\x09" * 32
    made = Account.unsafe_sign_hash(signed, b"\7" * 32)
    assert compact(made.r, ORDER - made.s, 1 - (made.v - 27)) == compact(made.r, made.s, made.v - 27)


@pytest.mark.parametrize(
    "signature",
    [
        b"", bytes(64), bytes(65), b"\1" * 63,
        (5).to_bytes(32, "big") + (ORDER // 2 + 1).to_bytes(32, "big"),
        ORDER.to_bytes(32, "big") + (1).to_bytes(32, "big"),
    ],
)
def test_signer_of__malformed__refused(signature: bytes) -> None:
    with pytest.raises(SignatureError):
        signer_of(b"\1" * 32, signature)


def test_signer_of__another_digest__another_signer() -> None:
    attestor = Account.from_key(b"\7" * 32).address.lower()
    assert signer_of(digest(SETTLEMENT, 1, ESCROW), attest(b"\7" * 32, digest(SETTLEMENT, 2, ESCROW))) != attestor


def test_quorum__strangers_and_too_few__none() -> None:
    """L11: only registered attestors count, each once, ascending by address."""
    signatures = {f"0x{n:040x}": bytes([n]) * 64 for n in (3, 1, 2)}
    registered = {f"0x{n:040x}" for n in (2, 3, 4)}
    assert quorum(signatures, registered, 3) is None
    assert quorum(signatures, registered, 2) == [b"\2" * 32] * 2 + [b"\3" * 32] * 2
    assert quorum(signatures, registered, 1) == [b"\2" * 32] * 2
    assert quorum(signatures, registered, 0) is None


def test_quorum__addresses_in_any_case__ascend_as_numbers() -> None:
    """L11: "0xB…" sorts before "0xa…" as text, and the escrow would refuse that order."""
    low, high = "0x" + "a" * 40, "0x" + "B" * 40
    signatures = {high: b"\2" * 64, low: b"\1" * 64}
    assert quorum(signatures, [high.lower(), low.upper().replace("X", "x")], 2) == [b"\1" * 32] * 2 + [b"\2" * 32] * 2
