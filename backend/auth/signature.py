"""Who signed a text (EIP-191 `personal_sign`): an ordinary account is recovered here, a contract wallet is asked.

A contract wallet's signature is whatever the wallet takes (EIP-1271). One of a wallet that does not exist yet carries
how to make it (EIP-6492): abi.encode(factory, factoryCalldata, signature) and 32 bytes that end no other signature.
"""

import re
from dataclasses import dataclass

from eth_abi.abi import decode
from eth_account import Account
from eth_account.messages import defunct_hash_message, encode_defunct

from backend.core.errors import BadRequest
from backend.core.ids import Address, address

SECP256K1_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
SIGNATURE_BYTES_MAX = 8_192      # a wallet of many owners, or of a passkey, with the calldata of its factory
EIP6492_SUFFIX = bytes.fromhex("6492" * 16)

_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})+")
_RECOVERY_BYTES = (0, 1, 27, 28)
_KEY_SIGNATURE_BYTES = 65


@dataclass(frozen=True, slots=True)
class WalletSignature:
    """What a contract wallet is asked about. `factory` and `factory_data` make the wallet when it is not there yet."""

    signature: bytes
    factory: Address | None = None
    factory_data: bytes = b""


def signature_bytes(text: str) -> bytes:
    """The bytes of a signature. Raises BadRequest `siwe_signature_malformed` unless it is 0x and 1 to 8192 bytes."""
    if len(text) > 2 + 2 * SIGNATURE_BYTES_MAX or not _HEX.fullmatch(text):
        raise BadRequest("siwe_signature_malformed", f"a signature is hex of at most {SIGNATURE_BYTES_MAX} bytes")
    return bytes.fromhex(text[2:])


def is_by_key(text: str, signature: bytes, wallet: Address) -> bool:
    """Whether the key of `wallet` itself signed `text`: 65 bytes r, s, v, of which nothing but mathematics is asked.

    Only the lower of the two valid s is taken (EIP-2): whoever sees a signature can compute the other one.
    """
    if len(signature) != _KEY_SIGNATURE_BYTES or signature[64] not in _RECOVERY_BYTES:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not (0 < r < SECP256K1_ORDER and 0 < s <= SECP256K1_ORDER // 2):
        return False
    try:
        return address(Account.recover_message(encode_defunct(text=text), signature=signature)) == wallet
    except Exception:   # r may lie on no point of the curve; the libraries below throw classes of their own for it
        return False


def wallet_signature(signature: bytes) -> WalletSignature:
    """What a contract wallet is asked. Raises BadRequest `siwe_signature_malformed` for a broken EIP-6492 envelope."""
    if not signature.endswith(EIP6492_SUFFIX):
        return WalletSignature(signature)
    try:
        factory, factory_data, inner = decode(["address", "bytes", "bytes"], signature[: -len(EIP6492_SUFFIX)])
        return WalletSignature(bytes(inner), address(factory), bytes(factory_data))
    except Exception as error:   # lengths, offsets, padding: whatever eth_abi throws, the envelope is at fault
        raise BadRequest("siwe_signature_malformed", "this is not an EIP-6492 signature") from error


def signed_digest(text: str) -> bytes:
    """The 32 bytes that a wallet signs for `text` (EIP-191, version 0x45)."""
    return bytes(defunct_hash_message(text=text))
