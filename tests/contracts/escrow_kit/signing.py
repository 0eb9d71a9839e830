"""Signatures as the people of the tests make them: settlements, permits, authorisations and claims."""

from collections.abc import Sequence

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

SETTLEMENT_FIELDS = (
    ("epoch", "uint64"),
    ("attempt", "uint32"),
    ("prevRoot", "bytes32"),
    ("publishersRoot", "bytes32"),
    ("debitsHash", "bytes32"),
    ("totalDebit", "uint256"),
    ("publishers", "uint32"),
    ("rulesetHash", "bytes32"),
    ("dataHash", "bytes32"),
)
PERMIT_FIELDS = (
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)
AUTHORIZATION_FIELDS = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
)
CANCEL_FIELDS = (("authorizer", "address"), ("nonce", "bytes32"))
CLAIM_FIELDS = (("index", "uint256"), ("to", "address"), ("nonce", "uint256"), ("deadline", "uint256"))


def account(number: int) -> LocalAccount:
    """A key that is the same in every run; 0 is not one."""
    signer: LocalAccount = Account.from_key(number.to_bytes(32, "big"))
    return signer


def domain(name: str, version: str, chain_id: int, contract: str) -> dict[str, object]:
    return {"name": name, "version": version, "chainId": chain_id, "verifyingContract": contract}


def sign(
    signer: LocalAccount,
    where: dict[str, object],
    kind: str,
    fields: Sequence[tuple[str, str]],
    message: dict[str, object],
) -> tuple[int, bytes, bytes]:
    """(v, r, s) over EIP-712 typed data."""
    types = {kind: [{"name": name, "type": type_} for name, type_ in fields]}
    signed = signer.sign_message(encode_typed_data(where, types, message))
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def compact(v: int, r: bytes, s: bytes) -> tuple[bytes, bytes]:
    """EIP-2098: (r, vs)."""
    return r, (int.from_bytes(s, "big") | (v - 27) << 255).to_bytes(32, "big")


def quorum(signers: Sequence[LocalAccount], where: dict[str, object], message: dict[str, object]) -> list[bytes]:
    """The `sigs` of a settlement: compact pairs by ascending signer."""
    pairs: list[bytes] = []
    for signer in sorted(signers, key=lambda signer: int(signer.address, 16)):
        pairs += compact(*sign(signer, where, "Settlement", SETTLEMENT_FIELDS, message))
    return pairs
