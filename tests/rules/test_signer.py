"""Signatures as the chain takes them, from what devices give; the same transactions as eth-account makes."""

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys.constants import SECPK1_N
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.chain.signer import (
    LocalSigner,
    Signature,
    SignatureUnusable,
    address_of_point,
    ethereum_signature,
    from_der,
    sign_transaction,
)
from backend.core.keccak import keccak256

KEY = keccak256(b"a key of this test")
SIGNER = LocalSigner(KEY)
TYPE_2 = {
    "to": "0x" + "11" * 20, "value": 1, "nonce": 7, "gas": 21_000, "chainId": 31_337, "data": "0xabcd",
    "maxFeePerGas": 10**9, "maxPriorityFeePerGas": 1,
}
LEGACY = {"to": "0x" + "11" * 20, "value": 1, "nonce": 7, "gas": 21_000, "chainId": 137, "gasPrice": 10**9}


def der(r: int, s: int) -> bytes:
    def integer(number: int) -> bytes:
        raw = number.to_bytes(number.bit_length() // 8 + 1, "big")
        return bytes([2, len(raw)]) + raw

    body = integer(r) + integer(s)
    return bytes([0x30, len(body)]) + body


@given(st.integers(1, SECPK1_N - 1), st.integers(1, SECPK1_N - 1))
def test_der__any_signature__is_read_back(r: int, s: int) -> None:
    assert from_der(der(r, s)) == (r, s)


@given(st.binary(max_size=80))
def test_der__anything_else__is_refused_or_read(data: bytes) -> None:
    try:
        from_der(data)
    except SignatureUnusable:
        return
    assert data[0] == 0x30


@pytest.mark.parametrize("broken", [b"", der(1, 2)[:-1], der(1, 2) + b"\x00", b"\x31" + der(1, 2)[1:]])
def test_der__cut_or_longer__is_refused(broken: bytes) -> None:
    with pytest.raises(SignatureUnusable):
        from_der(broken)


@settings(max_examples=20)
@given(st.binary(min_size=32, max_size=32))
def test_signature__with_either_s__becomes_the_same_low_one(digest: bytes) -> None:
    made = SIGNER.sign_digest(digest)
    assert made.s <= SECPK1_N // 2
    for s in (made.s, SECPK1_N - made.s):
        assert ethereum_signature(digest, made.r, s, SIGNER.address) == made


def test_signature__by_another_key__is_refused() -> None:
    digest = keccak256(b"x")
    other = LocalSigner(keccak256(b"another key")).sign_digest(digest)
    for r, s in ((other.r, other.s), (0, 1), (1, 0), (SECPK1_N, 1)):
        with pytest.raises(SignatureUnusable):
            ethereum_signature(digest, r, s, SIGNER.address)


@pytest.mark.parametrize("transaction", [TYPE_2, TYPE_2 | {"type": 2, "from": "0x" + "22" * 20}, LEGACY])
def test_transaction__signed_by_digest__is_what_eth_account_makes(transaction: dict[str, object]) -> None:
    made = sign_transaction(SIGNER, transaction)
    expected = Account.sign_transaction({k: v for k, v in transaction.items() if k != "from"}, KEY)
    assert made.raw == bytes(expected.raw_transaction)
    assert made.hash == bytes(expected.hash)
    assert Account.recover_transaction(made.raw).lower() == SIGNER.address


def test_transaction__without_a_chain__is_refused() -> None:
    with pytest.raises(ValueError, match="EIP-155"):
        sign_transaction(SIGNER, {name: value for name, value in LEGACY.items() if name != "chainId"})


def test_digest__of_typed_data__is_what_eth_account_signs() -> None:
    message = encode_typed_data(
        {"name": "Sightline"}, {"Epoch": [{"name": "epoch", "type": "uint64"}]}, {"epoch": 7}
    )
    made = Account.sign_message(message, KEY)
    digest = keccak256(b"\x19\x01" + message.header + message.body)
    assert SIGNER.sign_digest(digest) == Signature(made.r, made.s, made.v - 27)


def test_address__of_a_point__is_the_accounts() -> None:
    point = Account.from_key(KEY)._key_obj.public_key.to_bytes()
    assert address_of_point(point) == SIGNER.address
    with pytest.raises(SignatureUnusable):
        address_of_point(b"\x04" + point)
