"""Who signed a text: EIP-191 `personal_sign` by an ordinary account (secp256k1). Contract wallets come later."""

import re

from eth_account import Account
from eth_account.messages import encode_defunct

from backend.core.errors import BadRequest, NotSignedIn
from backend.core.ids import Address, address

SECP256K1_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")
_RECOVERY_BYTES = (0, 1, 27, 28)
_ONLY_EOA = "contract wallets (EIP-1271, EIP-6492) are not supported yet"


def signature_bytes(text: str) -> bytes:
    """The 65 bytes r, s, v. Raises BadRequest `siwe_signature_malformed`.

    Only the lower of the two valid s is taken (EIP-2): whoever sees a signature can compute the other one.
    """
    if not _SIGNATURE.fullmatch(text):
        raise BadRequest("siwe_signature_malformed", f"a signature is 0x and 130 hex digits; {_ONLY_EOA}")
    raw = bytes.fromhex(text[2:])
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big")
    if not (0 < r < SECP256K1_ORDER and 0 < s <= SECP256K1_ORDER // 2):
        raise BadRequest("siwe_signature_malformed", "r or s is out of range (EIP-2 allows the lower s only)")
    if raw[64] not in _RECOVERY_BYTES:
        raise BadRequest("siwe_signature_malformed", "the recovery byte must be 27 or 28")
    return raw


def check_signer(text: str, signature: bytes, wallet: Address) -> None:
    """Raises NotSignedIn `siwe_signature_invalid` unless `wallet` signed `text`."""
    if _signer(text, signature) != wallet:
        raise NotSignedIn("siwe_signature_invalid", f"the signature is not by this account; {_ONLY_EOA}")


def _signer(text: str, signature: bytes) -> Address | None:
    try:
        return address(Account.recover_message(encode_defunct(text=text), signature=signature))
    except Exception:   # r may lie on no point of the curve; the libraries below throw classes of their own for it
        return None
