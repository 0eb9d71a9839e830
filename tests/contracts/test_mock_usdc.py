"""MockUSDC keeps the promises of its table: what it says it models of USDC, it does."""

import boa
import pytest
from escrow_kit.pair import UNLIMITED, Pair, role
from escrow_kit.signing import AUTHORIZATION_FIELDS, CANCEL_FIELDS, PERMIT_FIELDS, account, domain, sign

ZERO = "0x" + "00" * 20
FAR = 2**40
NONCE = bytes([5]) * 32


def usdc_domain(pair: Pair) -> dict[str, object]:
    return domain("USD Coin", "2", boa.env.evm.patch.chain_id, str(pair.token.address))


def authorize(
    pair: Pair, kind: str, to: str, amount: int, after: int = 0, before: int = FAR, signer: int = 5
) -> tuple[str, str, int, int, int, bytes, int, bytes, bytes]:
    """Arguments of an EIP-3009 call, signed by the advertiser."""
    values = (pair.advertiser, to, amount, after, before, NONCE)
    message = dict(zip((name for name, _ in AUTHORIZATION_FIELDS), values, strict=True))
    return (*values, *sign(account(signer), usdc_domain(pair), kind, AUTHORIZATION_FIELDS, message))


def test_metadata__as_usdc(pair: Pair) -> None:
    token = pair.token
    assert (token.name(), token.symbol(), token.version(), token.decimals()) == ("USD Coin", "USDC", "2", 6)


def test_transfer__moves_and_keeps_the_supply(pair: Pair) -> None:
    pair.token.mint(pair.advertiser, 10)
    pair.token.transfer(pair.stranger, 3, sender=pair.advertiser)
    assert (pair.balance(pair.advertiser), pair.balance(pair.stranger), pair.token.totalSupply()) == (7, 3, 10)
    with boa.reverts("balance"):
        pair.token.transfer(pair.stranger, 8, sender=pair.advertiser)
    with boa.reverts("to"):
        pair.token.transfer(ZERO, 1, sender=pair.advertiser)


def test_mint__to_zero__reverts(pair: Pair) -> None:
    with boa.reverts("to"):
        pair.token.mint(ZERO, 1)


def test_transfer_from__allowance__is_used_up_unless_unlimited(pair: Pair) -> None:
    pair.token.mint(pair.advertiser, 10)
    pair.token.approve(pair.stranger, 4, sender=pair.advertiser)
    pair.token.transferFrom(pair.advertiser, pair.stranger, 3, sender=pair.stranger)
    assert pair.token.allowance(pair.advertiser, pair.stranger) == 1
    with boa.reverts("allowance"):
        pair.token.transferFrom(pair.advertiser, pair.stranger, 2, sender=pair.stranger)
    pair.token.approve(pair.stranger, UNLIMITED, sender=pair.advertiser)
    pair.token.transferFrom(pair.advertiser, pair.stranger, 2, sender=pair.stranger)
    assert pair.token.allowance(pair.advertiser, pair.stranger) == UNLIMITED


def test_permit__replayed_or_forged_or_expired__reverts(pair: Pair) -> None:
    message = {"owner": pair.advertiser, "spender": pair.stranger, "value": 9, "nonce": 0, "deadline": FAR}
    v, r, s = sign(account(5), usdc_domain(pair), "Permit", PERMIT_FIELDS, message)
    with boa.reverts("signer"):
        pair.token.permit(pair.advertiser, pair.stranger, 10, FAR, v, r, s)
    with boa.reverts("expired"):
        pair.token.permit(pair.advertiser, pair.stranger, 9, 1, v, r, s)
    pair.token.permit(pair.advertiser, pair.stranger, 9, FAR, v, r, s)
    assert pair.token.allowance(pair.advertiser, pair.stranger) == 9
    with boa.reverts("signer"):
        pair.token.permit(pair.advertiser, pair.stranger, 9, FAR, v, r, s)


def test_transfer_with_authorization__by_anyone__moves_once(pair: Pair) -> None:
    pair.token.mint(pair.advertiser, 10)
    arguments = authorize(pair, "TransferWithAuthorization", pair.publisher, 4)
    pair.token.transferWithAuthorization(*arguments, sender=pair.stranger)
    assert pair.balance(pair.publisher) == 4
    assert pair.token.authorizationState(pair.advertiser, NONCE)
    with boa.reverts("used"):
        pair.token.transferWithAuthorization(*arguments, sender=pair.stranger)


def test_receive_with_authorization__by_another_than_the_receiver__reverts(pair: Pair) -> None:
    pair.token.mint(pair.advertiser, 10)
    arguments = authorize(pair, "ReceiveWithAuthorization", pair.publisher, 4)
    with boa.reverts("caller"):
        pair.token.receiveWithAuthorization(*arguments, sender=pair.stranger)
    with boa.reverts("signer"):
        pair.token.transferWithAuthorization(*arguments, sender=pair.stranger)
    pair.token.receiveWithAuthorization(*arguments, sender=pair.publisher)


@pytest.mark.parametrize(
    ("after", "before", "signer", "reason"),
    [(FAR, FAR, 5, "early"), (0, 1, 5, "expired"), (0, FAR, 6, "signer")],
)
def test_transfer_with_authorization__bad__reverts(
    pair: Pair, after: int, before: int, signer: int, reason: str
) -> None:
    pair.token.mint(pair.advertiser, 10)
    arguments = authorize(pair, "TransferWithAuthorization", pair.publisher, 4, after, before, signer)
    with boa.reverts(reason):
        pair.token.transferWithAuthorization(*arguments)


def test_cancel_authorization__signed__kills_the_nonce(pair: Pair) -> None:
    pair.token.mint(pair.advertiser, 10)
    message = {"authorizer": pair.advertiser, "nonce": NONCE}
    parts = sign(account(5), usdc_domain(pair), "CancelAuthorization", CANCEL_FIELDS, message)
    with boa.reverts("signer"):
        pair.token.cancelAuthorization(pair.stranger, NONCE, *parts)
    pair.token.cancelAuthorization(pair.advertiser, NONCE, *parts)
    with boa.reverts("used"):
        pair.token.transferWithAuthorization(*authorize(pair, "TransferWithAuthorization", pair.publisher, 4))
    with boa.reverts("used"):
        pair.token.cancelAuthorization(pair.advertiser, NONCE, *parts)


def test_blacklist__sender_receiver_spender__are_stopped(pair: Pair) -> None:
    boss = pair.token.blacklister()
    pair.token.mint(pair.advertiser, 10)
    pair.token.approve(pair.stranger, 10, sender=pair.advertiser)
    for barred in (pair.advertiser, pair.stranger):
        pair.token.blacklist(barred, sender=boss)
        with boa.reverts("blacklisted"):
            pair.token.transferFrom(pair.advertiser, pair.publisher, 1, sender=pair.stranger)
        pair.token.unBlacklist(barred, sender=boss)
    pair.token.blacklist(pair.publisher, sender=boss)
    with boa.reverts("blacklisted"):
        pair.token.transfer(pair.publisher, 1, sender=pair.advertiser)
    with boa.reverts("blacklisted"):
        pair.token.approve(pair.publisher, 1, sender=pair.advertiser)
    assert pair.token.isBlacklisted(pair.publisher)


def test_pause__stops_all_movements(pair: Pair) -> None:
    boss = pair.token.blacklister()
    pair.token.mint(pair.advertiser, 10)
    pair.token.pause(sender=boss)
    for call in (
        lambda: pair.token.transfer(pair.stranger, 1, sender=pair.advertiser),
        lambda: pair.token.approve(pair.stranger, 1, sender=pair.advertiser),
        lambda: pair.token.mint(pair.stranger, 1),
        lambda: pair.token.cancelAuthorization(pair.advertiser, NONCE, 27, NONCE, NONCE),
    ):
        with boa.reverts("paused"):
            call()
    pair.token.unpause(sender=boss)
    pair.token.transfer(pair.stranger, 1, sender=pair.advertiser)


def test_roles__anybody_but_the_deployer__reverts(pair: Pair) -> None:
    for call in (
        lambda: pair.token.blacklist(role(5), sender=pair.stranger),
        lambda: pair.token.unBlacklist(role(5), sender=pair.stranger),
        lambda: pair.token.pause(sender=pair.stranger),
        lambda: pair.token.unpause(sender=pair.stranger),
    ):
        with boa.reverts("auth"):
            call()


def test_domain_separator__another_chain__is_another(pair: Pair) -> None:
    before = pair.token.DOMAIN_SEPARATOR()
    boa.env.evm.patch.chain_id = 4242
    assert pair.token.DOMAIN_SEPARATOR() != before
    boa.env.evm.patch.chain_id = 1
