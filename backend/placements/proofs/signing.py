"""Who signed a text (EIP-191 `personal_sign`), by an ordinary account; contract wallets cannot prove land yet."""

import re

from eth_account import Account
from eth_account.messages import encode_defunct

from backend.core.ids import Address, address

_HALF_ORDER = 0x7FFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_5D576E73_57A4501D_DFE92F46_681B20A0
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{128}(?:0[01]|1[bcBC])")


def signer(text: str, signature: str) -> Address | None:
    """The account whose signature (65 bytes in hex, lower s: EIP-2) this is; None when it is no signature."""
    if not _SIGNATURE.fullmatch(signature) or int(signature[66:130], 16) > _HALF_ORDER:
        return None
    try:
        return address(Account.recover_message(encode_defunct(text=text), signature=bytes.fromhex(signature[2:])))
    except Exception:   # r may lie on no point of the curve; the libraries below throw classes of their own for it
        return None
