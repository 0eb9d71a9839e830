"""What attestors sign: the EIP-712 `Settlement` of CampaignEscrow, in 64-byte compact signatures (EIP-2098)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from eth_keys.constants import SECPK1_N
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from backend.core.ids import Address, address
from backend.core.keccak import keccak256
from backend.settlement.statement import Statement, data_hash

DOMAIN_TYPEHASH = keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
SETTLEMENT_TYPEHASH = keccak256(
    b"Settlement(uint64 epoch,uint32 attempt,bytes32 prevRoot,bytes32 publishersRoot,bytes32 debitsHash,"
    b"uint256 totalDebit,uint32 publishers,bytes32 rulesetHash,bytes32 dataHash)"
)
DOMAIN_NAME = b"CampaignEscrow"
DOMAIN_VERSION = b"1"
SIGNATURE_BYTES = 64
_PARITY_BIT = 1 << 255


class SignatureError(ValueError):
    """Not a signature in compact form with a low s."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The attested facts of an epoch; 32-byte fields are bytes, the total is micro-USDC."""

    epoch: int
    attempt: int
    previous_root: bytes
    publishers_root: bytes
    debits_hash: bytes
    total_debit: int
    publishers: int
    ruleset_hash: bytes
    data_hash: bytes


def settlement_of(statement: Statement, raw: bytes) -> Settlement:
    """The settlement that a statement, published as the bytes `raw`, stands for."""
    return Settlement(
        epoch=statement.epoch,
        attempt=statement.attempt,
        previous_root=_bytes32(statement.previous_root),
        publishers_root=_bytes32(statement.publishers_root),
        debits_hash=_bytes32(statement.debits_hash),
        total_debit=int(statement.totals.total_micro_usdc),
        publishers=statement.publishers,
        ruleset_hash=_bytes32(statement.ruleset.sha256),
        data_hash=data_hash(raw),
    )


def digest(settlement: Settlement, chain_id: int, escrow: str) -> bytes:
    """The 32 bytes to sign: keccak256(0x1901, domain separator, struct hash), EIP-712."""
    domain = keccak256(b"".join((
        DOMAIN_TYPEHASH, keccak256(DOMAIN_NAME), keccak256(DOMAIN_VERSION), _word(chain_id),
        bytes(12) + bytes.fromhex(escrow.removeprefix("0x")),
    )))
    struct = keccak256(b"".join((
        SETTLEMENT_TYPEHASH, _word(settlement.epoch), _word(settlement.attempt), settlement.previous_root,
        settlement.publishers_root, settlement.debits_hash, _word(settlement.total_debit),
        _word(settlement.publishers), settlement.ruleset_hash, settlement.data_hash,
    )))
    return keccak256(b"\x19\x01" + domain + struct)


def compact(r: int, s: int, parity: int) -> bytes:
    """r and vs (EIP-2098). A high s is replaced by its low twin, which turns the parity (EIP-2)."""
    if s > SECPK1_N // 2:
        s, parity = SECPK1_N - s, 1 - parity
    return _word(r) + _word(s | (_PARITY_BIT if parity else 0))


def signer_of(digest_signed: bytes, signature: bytes) -> Address:
    """Who signed. Raises SignatureError for anything but 64 bytes r and vs with a low s."""
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError("a compact signature has 64 bytes")
    r, vs = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    s = vs & (_PARITY_BIT - 1)
    if not 0 < r < SECPK1_N or not 0 < s <= SECPK1_N // 2:
        raise SignatureError("r or s out of range")
    try:
        key = Signature(vrs=(vs >> 255, r, s)).recover_public_key_from_msg_hash(digest_signed)
    except (BadSignature, ValidationError) as error:
        raise SignatureError("no key makes this signature") from error
    return address(key.to_address())


def quorum(signatures: Mapping[str, bytes], registered: Iterable[str], threshold: int) -> list[bytes] | None:
    """The words r, vs, r, vs … of `threshold` registered attestors, ascending by address; None when there are fewer.

    Addresses may be written in any case: the escrow compares numbers.
    """
    made = {int(signer, 16): signature for signer, signature in signatures.items()}
    signers = sorted({int(signer, 16) for signer in registered} & made.keys())[:threshold]
    if threshold < 1 or len(signers) < threshold:
        return None
    return [word for signer in signers for word in (made[signer][:32], made[signer][32:])]


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _bytes32(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
