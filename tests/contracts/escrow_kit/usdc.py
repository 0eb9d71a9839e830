"""What people sign for USDC: permits (EIP-2612), authorisations and their cancellation (EIP-3009)."""

from typing import Any

import boa
from eth_utils import keccak

from escrow_kit.signing import AUTHORIZATION_FIELDS, CANCEL_FIELDS, PERMIT_FIELDS, account, domain, sign

FOR_EVER = 2**256 - 1
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
ADVERTISER = 5  # number of the key

Signature = tuple[int, bytes, bytes]


def usdc_domain(token: Any) -> dict[str, object]:
    """The EIP-712 domain of MockUSDC on the present chain."""
    return domain("USD Coin", "2", boa.env.evm.patch.chain_id, str(token.address))


def permit(
    token: Any, owner: str, spender: Any, amount: int, deadline: int = FOR_EVER, key: int = ADVERTISER
) -> tuple[int, int, bytes, bytes]:
    """(deadline, v, r, s) of a permit with the owner's next nonce, signed by `key`."""
    message = {
        "owner": owner,
        "spender": str(getattr(spender, "address", spender)),
        "value": amount,
        "nonce": token.nonces(owner),
        "deadline": deadline,
    }
    return (deadline, *sign(account(key), usdc_domain(token), "Permit", PERMIT_FIELDS, message))


def authorization(
    token: Any,
    kind: str,
    payer: str,
    to: Any,
    amount: int,
    nonce: bytes,
    bounds: tuple[int, int] = (0, FOR_EVER),
    key: int = ADVERTISER,
) -> Signature:
    """(v, r, s) of an EIP-3009 authorisation, `kind` is TransferWithAuthorization or ReceiveWithAuthorization."""
    values = (payer, str(getattr(to, "address", to)), amount, *bounds, nonce)
    message = dict(zip((name for name, _ in AUTHORIZATION_FIELDS), values, strict=True))
    return sign(account(key), usdc_domain(token), kind, AUTHORIZATION_FIELDS, message)


def cancellation(token: Any, authorizer: str, nonce: bytes, key: int = ADVERTISER) -> Signature:
    """(v, r, s) that cancels a nonce."""
    message = {"authorizer": authorizer, "nonce": nonce}
    return sign(account(key), usdc_domain(token), "CancelAuthorization", CANCEL_FIELDS, message)


def campaign_nonce(campaign: int, salt: bytes) -> bytes:
    """The nonce that binds an authorisation to a campaign."""
    return keccak(campaign.to_bytes(32, "big") + salt)


def high_s(v: int, r: bytes, s: bytes) -> Signature:
    """The same signature written the other way, with the higher s."""
    return 55 - v, r, (CURVE_ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
