"""MockUSDC keeps the promises of its table: what it says it models of USDC, it does."""

from collections.abc import Callable
from typing import Any

import boa
import pytest
from escrow_kit.pair import UNLIMITED, Pair, role, source
from escrow_kit.usdc import FOR_EVER, authorization, cancellation, high_s, permit

ZERO = "0x" + "00" * 20
NONCE = bytes([5]) * 32
TRANSFER, RECEIVE = "TransferWithAuthorization", "ReceiveWithAuthorization"


def authorize(
    pair: Pair, kind: str, to: str, amount: int, after: int = 0, before: int = FOR_EVER, key: int = 5
) -> tuple[str, str, int, int, int, bytes, int, bytes, bytes]:
    """Arguments of an EIP-3009 call that the advertiser pays."""
    signature = authorization(pair.token, kind, pair.advertiser, to, amount, NONCE, (after, before), key)
    return (pair.advertiser, to, amount, after, before, NONCE, *signature)


def blacklist(pair: Pair, account: Any) -> None:
    pair.token.blacklist(account, sender=pair.token.blacklister())


# --- EIP-20 ---------------------------------------------------------------------------------------------------------


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


def test_transfer__to_the_token_itself__reverts(pair: Pair) -> None:
    pair.token.mint(pair.advertiser, 10)
    with boa.reverts("blacklisted"):
        pair.token.transfer(pair.token, 1, sender=pair.advertiser)


def test_mint__to_zero_or_beyond_the_largest_balance__reverts(pair: Pair) -> None:
    with boa.reverts("to"):
        pair.token.mint(ZERO, 1)
    pair.token.mint(pair.advertiser, 2**255 - 1)
    assert pair.balance(pair.advertiser) == 2**255 - 1
    assert not pair.token.isBlacklisted(pair.advertiser)
    with boa.reverts("balance"):
        pair.token.mint(pair.stranger, 1)


def test_transfer_from__any_allowance__is_used_up(pair: Pair) -> None:
    pair.token.mint(pair.advertiser, 10)
    pair.token.approve(pair.stranger, 4, sender=pair.advertiser)
    pair.token.transferFrom(pair.advertiser, pair.stranger, 3, sender=pair.stranger)
    assert pair.token.allowance(pair.advertiser, pair.stranger) == 1
    with boa.reverts("allowance"):
        pair.token.transferFrom(pair.advertiser, pair.stranger, 2, sender=pair.stranger)
    pair.token.approve(pair.stranger, UNLIMITED, sender=pair.advertiser)
    pair.token.transferFrom(pair.advertiser, pair.stranger, 2, sender=pair.stranger)
    assert pair.token.allowance(pair.advertiser, pair.stranger) == UNLIMITED - 2


def test_allowance__increased_and_decreased__is_the_sum(pair: Pair) -> None:
    token, spender, sender = pair.token, pair.stranger, pair.advertiser
    token.approve(spender, 5, sender=sender)
    token.increaseAllowance(spender, 3, sender=sender)
    token.decreaseAllowance(spender, 8, sender=sender)
    assert token.allowance(sender, spender) == 0
    with boa.reverts("allowance"):
        token.decreaseAllowance(spender, 1, sender=sender)
    token.approve(spender, UNLIMITED, sender=sender)
    with boa.reverts():
        token.increaseAllowance(spender, 1, sender=sender)
    assert token.allowance(sender, spender) == UNLIMITED


def test_approve__zero_spender__reverts(pair: Pair) -> None:
    with boa.reverts("spender"):
        pair.token.approve(ZERO, 1, sender=pair.advertiser)
    with boa.reverts("spender"):
        pair.token.permit(pair.advertiser, ZERO, 1, *permit(pair.token, pair.advertiser, ZERO, 1))


# --- EIP-2612 -------------------------------------------------------------------------------------------------------


def test_permit__replayed_or_forged_or_expired__reverts(pair: Pair) -> None:
    token, now = pair.token, boa.env.timestamp
    signed = permit(token, pair.advertiser, pair.stranger, 9, now)
    with boa.reverts("signer"):
        token.permit(pair.advertiser, pair.stranger, 10, *signed)
    with boa.reverts("expired"):
        token.permit(pair.advertiser, pair.stranger, 9, now - 1, *signed[1:])
    token.permit(pair.advertiser, pair.stranger, 9, *signed)
    assert token.allowance(pair.advertiser, pair.stranger) == 9
    with boa.reverts("signer"):
        token.permit(pair.advertiser, pair.stranger, 9, *signed)


def test_permit__largest_deadline__never_expires(pair: Pair) -> None:
    signed = permit(pair.token, pair.advertiser, pair.stranger, 9, FOR_EVER)
    boa.env.time_travel(seconds=100 * 365 * 86_400)
    pair.token.permit(pair.advertiser, pair.stranger, 9, *signed)
    assert pair.token.allowance(pair.advertiser, pair.stranger) == 9


def test_permit__high_s_or_odd_v__reverts(pair: Pair) -> None:
    deadline, v, r, s = permit(pair.token, pair.advertiser, pair.stranger, 9)
    for malleable in (high_s(v, r, s), (v - 27, r, s), (29, r, s)):
        with boa.reverts("signer"):
            pair.token.permit(pair.advertiser, pair.stranger, 9, deadline, *malleable)
    assert pair.token.nonces(pair.advertiser) == 0


def test_permit__account_with_code__is_asked_through_eip_1271(pair: Pair) -> None:
    wallet = source("testing/ContractWallet.vy").deploy(role(5)).address
    signed = permit(pair.token, wallet, pair.stranger, 9)
    pair.token.permit(wallet, pair.stranger, 9, *signed)
    assert pair.token.allowance(wallet, pair.stranger) == 9
    forged = permit(pair.token, wallet, pair.stranger, 9, key=6)
    with boa.reverts("signer"):
        pair.token.permit(wallet, pair.stranger, 9, *forged)


# --- EIP-3009 -------------------------------------------------------------------------------------------------------


def test_transfer_with_authorization__by_anyone__moves_once(pair: Pair) -> None:
    pair.token.mint(pair.advertiser, 10)
    arguments = authorize(pair, TRANSFER, pair.publisher, 4)
    pair.token.transferWithAuthorization(*arguments, sender=pair.stranger)
    assert pair.balance(pair.publisher) == 4
    assert pair.token.authorizationState(pair.advertiser, NONCE)
    with boa.reverts("used"):
        pair.token.transferWithAuthorization(*arguments, sender=pair.stranger)


def test_receive_with_authorization__by_another_than_the_receiver__reverts(pair: Pair) -> None:
    pair.token.mint(pair.advertiser, 10)
    arguments = authorize(pair, RECEIVE, pair.publisher, 4)
    with boa.reverts("caller"):
        pair.token.receiveWithAuthorization(*arguments, sender=pair.stranger)
    with boa.reverts("signer"):
        pair.token.transferWithAuthorization(*arguments, sender=pair.stranger)
    pair.token.receiveWithAuthorization(*arguments, sender=pair.publisher)
    assert pair.balance(pair.publisher) == 4


@pytest.mark.parametrize(
    ("after", "before", "key", "reason"),
    [(0, FOR_EVER, 5, None), (0, FOR_EVER, 6, "signer"), (1, FOR_EVER, 5, "early"), (0, 1, 5, "expired")],
)
def test_transfer_with_authorization__time_or_signer__must_fit(
    pair: Pair, after: int, before: int, key: int, reason: str | None
) -> None:
    """Both bounds are exclusive; 1 stands for now."""
    pair.token.mint(pair.advertiser, 10)
    now = boa.env.timestamp
    bounds = now if after == 1 else after, now if before == 1 else before
    arguments = authorize(pair, TRANSFER, pair.publisher, 4, *bounds, key)
    if reason is None:
        pair.token.transferWithAuthorization(*arguments)
        assert pair.balance(pair.publisher) == 4
    else:
        with boa.reverts(reason):
            pair.token.transferWithAuthorization(*arguments)


def test_transfer_with_authorization__high_s__reverts(pair: Pair) -> None:
    pair.token.mint(pair.advertiser, 10)
    *terms, v, r, s = authorize(pair, TRANSFER, pair.publisher, 4)
    with boa.reverts("signer"):
        pair.token.transferWithAuthorization(*terms, *high_s(int(v), r, s))


def test_cancel_authorization__signed__kills_the_nonce(pair: Pair) -> None:
    pair.token.mint(pair.advertiser, 10)
    signed = cancellation(pair.token, pair.advertiser, NONCE)
    with boa.reverts("signer"):
        pair.token.cancelAuthorization(pair.stranger, NONCE, *signed)
    pair.token.cancelAuthorization(pair.advertiser, NONCE, *signed, sender=pair.stranger)
    with boa.reverts("used"):
        pair.token.transferWithAuthorization(*authorize(pair, TRANSFER, pair.publisher, 4))
    with boa.reverts("used"):
        pair.token.cancelAuthorization(pair.advertiser, NONCE, *signed)


# --- blacklist and pause --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("barred", ["advertiser", "publisher", "stranger"])
def test_blacklist__payer_payee_or_caller__stops_a_transfer(pair: Pair, barred: str) -> None:
    pair.token.mint(pair.advertiser, 10)
    pair.token.approve(pair.stranger, 10, sender=pair.advertiser)
    blacklist(pair, getattr(pair, barred))
    assert pair.token.isBlacklisted(getattr(pair, barred))
    with boa.reverts("blacklisted"):
        pair.token.transferFrom(pair.advertiser, pair.publisher, 1, sender=pair.stranger)
    assert pair.balance(pair.advertiser) == 10
    pair.token.unBlacklist(getattr(pair, barred), sender=pair.token.blacklister())
    pair.token.transferFrom(pair.advertiser, pair.publisher, 1, sender=pair.stranger)
    assert (pair.balance(pair.advertiser), pair.balance(pair.publisher)) == (9, 1)


@pytest.mark.parametrize(("barred", "stops"), [("advertiser", True), ("publisher", True), ("stranger", False)])
def test_blacklist__authorisation__is_stopped_for_payer_and_payee_only(pair: Pair, barred: str, stops: bool) -> None:
    pair.token.mint(pair.advertiser, 10)
    blacklist(pair, getattr(pair, barred))
    arguments = authorize(pair, TRANSFER, pair.publisher, 4)
    if stops:
        with boa.reverts("blacklisted"):
            pair.token.transferWithAuthorization(*arguments, sender=pair.stranger)
    else:
        pair.token.transferWithAuthorization(*arguments, sender=pair.stranger)
        assert pair.balance(pair.publisher) == 4


def test_blacklist__approvals_and_cancellations__go_on(pair: Pair) -> None:
    """FiatToken v2.2; before it these were stopped too."""
    token, barred = pair.token, pair.advertiser
    blacklist(pair, barred)
    token.approve(pair.stranger, 1, sender=barred)
    token.increaseAllowance(pair.stranger, 1, sender=barred)
    token.decreaseAllowance(pair.stranger, 1, sender=barred)
    token.permit(barred, pair.stranger, 7, *permit(token, barred, pair.stranger, 7))
    token.cancelAuthorization(barred, NONCE, *cancellation(token, barred, NONCE))
    assert token.allowance(barred, pair.stranger) == 7


def moves(pair: Pair) -> list[Callable[[], object]]:
    """Everything that a pause of the token stops."""
    token, payer, other = pair.token, pair.advertiser, pair.stranger
    return [
        lambda: token.transfer(other, 1, sender=payer),
        lambda: token.transferFrom(payer, other, 1, sender=other),
        lambda: token.approve(other, 1, sender=payer),
        lambda: token.increaseAllowance(other, 1, sender=payer),
        lambda: token.decreaseAllowance(other, 1, sender=payer),
        lambda: token.permit(payer, other, 1, *permit(token, payer, other, 1)),
        lambda: token.transferWithAuthorization(*authorize(pair, TRANSFER, other, 1)),
        lambda: token.receiveWithAuthorization(*authorize(pair, RECEIVE, other, 1), sender=other),
        lambda: token.cancelAuthorization(payer, NONCE, *cancellation(token, payer, NONCE)),
        lambda: token.mint(other, 1),
    ]


def test_pause__stops_all_movements_and_approvals(pair: Pair) -> None:
    boss = pair.token.blacklister()
    pair.token.mint(pair.advertiser, 10)
    pair.token.pause(sender=boss)
    for move in moves(pair):
        with boa.reverts("paused"):
            move()
    pair.token.unpause(sender=boss)
    pair.token.transfer(pair.stranger, 1, sender=pair.advertiser)
    assert pair.balance(pair.stranger) == 1


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
    signed = permit(pair.token, pair.advertiser, pair.stranger, 9)
    boa.env.evm.patch.chain_id = 4242
    try:
        assert pair.token.DOMAIN_SEPARATOR() != before
        with boa.reverts("signer"):
            pair.token.permit(pair.advertiser, pair.stranger, 9, *signed)
    finally:
        boa.env.evm.patch.chain_id = 1
