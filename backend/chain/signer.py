"""Who signs: a key in memory, or one that never leaves its device. Everything that signs takes a `Signer`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from eth_account import Account
from eth_account._utils.legacy_transactions import encode_transaction, serializable_unsigned_transaction_from_dict
from eth_account.signers.local import LocalAccount
from eth_keys.constants import SECPK1_N
from eth_keys.datatypes import Signature as EthSignature
from eth_keys.exceptions import BadSignature
from eth_typing import Hash32

from backend.core.ids import Address, address
from backend.core.keccak import keccak256

DIGEST_BYTES = 32
_SEQUENCE, _INTEGER = 0x30, 0x02


class SignatureUnusable(Exception):
    """What came back from a device is no signature by its key."""


@dataclass(frozen=True, slots=True)
class Signature:
    """ECDSA over secp256k1 with the lower s (EIP-2); `parity` 0 or 1 tells which of the two points r is."""

    r: int
    s: int
    parity: int


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """The bytes that go to the node, and the transaction's hash."""

    raw: bytes
    hash: bytes


class Signer(Protocol):
    """One secp256k1 key. Methods raise Unavailable `signer_unavailable` when the key's device does not answer."""

    @property
    def address(self) -> Address: ...

    def sign_digest(self, digest: bytes) -> Signature:
        """Sign 32 bytes as they are; they must be a hash."""
        ...

    def sign_transaction(self, transaction: Mapping[str, Any]) -> SignedTransaction:
        """Sign a transaction with chain id: type 2 when it has EIP-1559 fees, else EIP-155."""
        ...


class LocalSigner:
    """A key in this process' memory."""

    def __init__(self, key: str | bytes) -> None:
        self._account: LocalAccount = Account.from_key(key)

    @property
    def address(self) -> Address:
        return address(self._account.address)

    def sign_digest(self, digest: bytes) -> Signature:
        made = self._account.unsafe_sign_hash(Hash32(digest))
        return Signature(made.r, made.s, made.v - 27)

    def sign_transaction(self, transaction: Mapping[str, Any]) -> SignedTransaction:
        made = self._account.sign_transaction(dict(transaction))
        return SignedTransaction(bytes(made.raw_transaction), bytes(made.hash))


def sign_transaction(signer: Signer, transaction: Mapping[str, Any]) -> SignedTransaction:
    """The transaction signed by what signs digests only. Raises ValueError when it names no chain."""
    if "chainId" not in transaction:
        raise ValueError("a transaction without a chain id could be replayed on another chain (EIP-155)")
    fields = {name: value for name, value in transaction.items() if name != "from"}
    unsigned = serializable_unsigned_transaction_from_dict(fields)
    made = signer.sign_digest(bytes(unsigned.hash()))
    typed = "maxFeePerGas" in fields or "type" in fields
    v = made.parity if typed else 35 + 2 * int(fields["chainId"]) + made.parity
    raw = bytes(encode_transaction(unsigned, vrs=(v, made.r, made.s)))
    return SignedTransaction(raw, keccak256(raw))


def from_der(der: bytes) -> tuple[int, int]:
    """r and s of an ASN.1 ECDSA-Sig-Value (RFC 3279 §2.2.3). Raises SignatureUnusable."""
    if len(der) < 8 or der[0] != _SEQUENCE or der[1] != len(der) - 2:
        raise SignatureUnusable("not a DER signature")
    r, rest = _integer(der[2:])
    s, rest = _integer(rest)
    if rest:
        raise SignatureUnusable("bytes after the DER signature")
    return r, s


def _integer(der: bytes) -> tuple[int, bytes]:
    if len(der) < 3 or der[0] != _INTEGER or der[1] > len(der) - 2:
        raise SignatureUnusable("not a DER signature")
    end = 2 + der[1]
    return int.from_bytes(der[2:end], "big"), der[end:]


def ethereum_signature(digest: bytes, r: int, s: int, signer: Address) -> Signature:
    """The signature as the chain takes it: lower s, and the parity with which `signer` is recovered from it.

    Devices give either s (about half are high) and no parity. Raises SignatureUnusable when it is by another key.
    """
    if not 0 < r < SECPK1_N or not 0 < s < SECPK1_N:
        raise SignatureUnusable("r or s out of range")
    low = min(s, SECPK1_N - s)
    for parity in (0, 1):
        try:
            key = EthSignature(vrs=(parity, r, low)).recover_public_key_from_msg_hash(digest)
        except BadSignature:
            continue
        if address(key.to_address()) == signer:
            return Signature(r, low, parity)
    raise SignatureUnusable("the signature is by another key")


def address_of_point(point: bytes) -> Address:
    """Address of a public key given as its 64 bytes x ‖ y (Yellow Paper, appendix F)."""
    if len(point) != 64:
        raise SignatureUnusable("a public key has 64 bytes")
    return address("0x" + keccak256(point)[12:].hex())
