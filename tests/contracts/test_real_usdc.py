"""With a token of USDC's manners the contracts behave as docs/contracts.md says; U… are the rows of its table."""

import re
from pathlib import Path
from typing import Any

import boa
import pytest
from escrow_kit.pair import (
    ESCAPE,
    META,
    NOTICE,
    TREASURY,
    UNLIMITED,
    USDC,
    Pair,
    Settlement,
    claim_arguments,
    role,
    settlement,
    source,
    word,
)
from escrow_kit.signing import CLAIM_FIELDS, account, sign
from escrow_kit.usdc import FOR_EVER, Signature, authorization, campaign_nonce, cancellation, high_s, permit

PAGE = Path(__file__).parents[2] / "docs" / "contracts.md"
SALT = bytes([9]) * 32
COLD = role(8)
RELAYER = role(9)


# --- what the people do ---------------------------------------------------------------------------------------------


def funded(pair: Pair, amount: int = USDC) -> int:
    """A campaign with 1 micro-USDC whose advertiser has `amount` more and has approved nothing."""
    campaign = pair.open(1)
    pair.token.approve(pair.escrow, 0, sender=pair.advertiser)
    pair.token.mint(pair.advertiser, amount)
    return campaign


def authorize(pair: Pair, campaign: int, amount: int = USDC, salt: bytes = SALT, **options: Any) -> Signature:
    """The advertiser's authorisation to the escrow, bound to a campaign."""
    payer = options.pop("payer", pair.advertiser)
    nonce = campaign_nonce(campaign, salt)
    return authorization(pair.token, "ReceiveWithAuthorization", payer, pair.escrow, amount, nonce, **options)


def submit(
    pair: Pair, campaign: int, signature: Signature, salt: bytes = SALT, bounds: tuple[int, int] = (0, FOR_EVER)
) -> None:
    """A relayer deposits the advertiser's authorisation of 1 USDC."""
    pair.escrow.deposit_with_authorization(campaign, pair.advertiser, USDC, *bounds, salt, *signature, sender=RELAYER)


def blacklist(pair: Pair, who: Any) -> None:
    pair.token.blacklist(who, sender=pair.token.blacklister())


def unblacklist(pair: Pair, who: Any) -> None:
    pair.token.unBlacklist(who, sender=pair.token.blacklister())


def epoch_of(pair: Pair, cumulative: int, debit: int) -> Settlement:
    """Campaign 0 pays `debit`; the publisher has index 1, a stranger index 2, each `cumulative`."""
    return settlement([(pair.treasury, 0), (pair.publisher, cumulative), (pair.stranger, cumulative)], {0: debit})


def earned(pair: Pair) -> Settlement:
    """A final epoch in which publisher and stranger earned 19 USDC each, 40 were debited and 1 is the fee."""
    pair.open()
    what = epoch_of(pair, 19 * USDC, 40 * USDC)
    pair.settle(what)
    return what


def state(pair: Pair) -> tuple[int, ...]:
    """What must not change when a call reverts."""
    token, escrow = pair.token, pair.escrow
    return (
        pair.balance(escrow),
        pair.balance(pair.payout),
        pair.balance(pair.advertiser),
        token.nonces(pair.advertiser),
        token.allowance(pair.advertiser, escrow),
        escrow.remaining(0),
        *escrow.reservation(0),
        escrow.fees(),
        escrow.epoch(),
        pair.payout.paid(1),
    )


# --- permits --------------------------------------------------------------------------------------------------------


def test_permit__submitted_by_somebody_else_first__deposits_from_the_allowance(pair: Pair) -> None:
    """U1, L20"""
    campaign = funded(pair)
    signed = permit(pair.token, pair.advertiser, pair.escrow, USDC)
    pair.token.permit(pair.advertiser, pair.escrow, USDC, *signed, sender=pair.stranger)
    pair.escrow.deposit_with_permit(campaign, USDC, *signed, sender=pair.advertiser)
    assert pair.escrow.remaining(campaign) == USDC + 1
    assert pair.token.allowance(pair.advertiser, pair.escrow) == 0


def test_permit__submitted_first_while_opening__opens_from_the_allowance(pair: Pair) -> None:
    """U1, L20"""
    pair.token.mint(pair.advertiser, USDC)
    signed = permit(pair.token, pair.advertiser, pair.escrow, USDC)
    pair.token.permit(pair.advertiser, pair.escrow, USDC, *signed, sender=pair.stranger)
    campaign = pair.escrow.open_campaign_with_permit(pair.advertiser, USDC, META, *signed, sender=pair.advertiser)
    assert pair.escrow.remaining(campaign) == USDC


def test_permit__expired_without_allowance__reverts_and_changes_nothing(pair: Pair) -> None:
    """U2, L20"""
    campaign = funded(pair)
    expired = permit(pair.token, pair.advertiser, pair.escrow, USDC, boa.env.timestamp - 1)
    before = state(pair)
    with boa.reverts("allowance"):
        pair.escrow.deposit_with_permit(campaign, USDC, *expired, sender=pair.advertiser)
    assert state(pair) == before


def test_permit__expired_with_allowance__deposits(pair: Pair) -> None:
    """U2, L20"""
    campaign = funded(pair)
    pair.token.approve(pair.escrow, USDC, sender=pair.advertiser)
    expired = permit(pair.token, pair.advertiser, pair.escrow, USDC, boa.env.timestamp - 1)
    pair.escrow.deposit_with_permit(campaign, USDC, *expired, sender=pair.advertiser)
    assert pair.escrow.remaining(campaign) == USDC + 1


def test_permit__payer_blacklisted__reverts_although_the_permit_is_good(pair: Pair) -> None:
    """U3: the allowance that the permit gave is undone with the call."""
    campaign = funded(pair)
    blacklist(pair, pair.advertiser)
    signed = permit(pair.token, pair.advertiser, pair.escrow, USDC)
    before = state(pair)
    with boa.reverts("blacklisted"):
        pair.escrow.deposit_with_permit(campaign, USDC, *signed, sender=pair.advertiser)
    assert state(pair) == before
    unblacklist(pair, pair.advertiser)
    pair.escrow.deposit_with_permit(campaign, USDC, *signed, sender=pair.advertiser)
    assert pair.escrow.remaining(campaign) == USDC + 1


def test_approval__unlimited__is_used_up_by_deposits(pair: Pair) -> None:
    """U4"""
    pair.open(7 * USDC)
    assert pair.token.allowance(pair.advertiser, pair.escrow) == UNLIMITED - 7 * USDC


# --- authorisations -------------------------------------------------------------------------------------------------


def test_authorization__submitted_by_anybody__reaches_only_its_campaign(pair: Pair) -> None:
    """U5, L20: not even a campaign of the submitter."""
    campaign = funded(pair)
    other = pair.open(1, owner=RELAYER)
    signature = authorize(pair, campaign)
    with boa.reverts("signer"):
        submit(pair, other, signature)
    submit(pair, campaign, signature)
    (event,) = [e for e in pair.escrow.get_logs() if type(e).__name__ == "Deposited"]
    assert (event.campaign, event.payer, event.amount) == (campaign, pair.advertiser, USDC)
    assert [pair.escrow.remaining(c) for c in (campaign, other)] == [USDC + 1, 1]


def test_authorization__another_salt_amount_or_payer__reverts(pair: Pair) -> None:
    """U5"""
    campaign = funded(pair, 2 * USDC)
    signature = authorize(pair, campaign)
    before = state(pair)
    with boa.reverts("signer"):
        submit(pair, campaign, signature, salt=bytes(32))
    for payer, amount in ((pair.advertiser, USDC + 1), (pair.stranger, USDC)):
        with boa.reverts("signer"):
            pair.escrow.deposit_with_authorization(campaign, payer, amount, 0, FOR_EVER, SALT, *signature)
    assert state(pair) == before


def test_authorization__replayed__reverts(pair: Pair) -> None:
    """U6: for the same campaign with another salt the payer signs again."""
    campaign = funded(pair, 3 * USDC)
    signature = authorize(pair, campaign)
    submit(pair, campaign, signature)
    with boa.reverts("used"):
        submit(pair, campaign, signature)
    submit(pair, campaign, authorize(pair, campaign, salt=bytes(32)), salt=bytes(32))
    assert pair.escrow.remaining(campaign) == 2 * USDC + 1


def test_authorization__used_on_the_token_by_somebody_else__is_refused(pair: Pair) -> None:
    """U7: it is bound to the payee and to its kind."""
    campaign = funded(pair)
    signature = authorize(pair, campaign)
    terms = (pair.advertiser, pair.escrow, USDC, 0, FOR_EVER, campaign_nonce(campaign, SALT), *signature)
    with boa.reverts("caller"):
        pair.token.receiveWithAuthorization(*terms, sender=pair.stranger)
    with boa.reverts("signer"):
        pair.token.transferWithAuthorization(*terms, sender=pair.stranger)
    submit(pair, campaign, signature)
    assert pair.escrow.remaining(campaign) == USDC + 1


def test_authorization__of_the_other_kind__is_a_donation_not_a_deposit(pair: Pair) -> None:
    """U7: who signs TransferWithAuthorization to the escrow gives the tokens away."""
    campaign = funded(pair)
    nonce = campaign_nonce(campaign, SALT)
    wrong = authorization(pair.token, "TransferWithAuthorization", pair.advertiser, pair.escrow, USDC, nonce)
    with boa.reverts("signer"):
        submit(pair, campaign, wrong)
    pair.token.transferWithAuthorization(pair.advertiser, pair.escrow, USDC, 0, FOR_EVER, nonce, *wrong)
    assert (pair.balance(pair.escrow), pair.escrow.remaining(campaign)) == (USDC + 1, 1)


def test_authorization__cancelled__reverts_and_credits_nothing(pair: Pair) -> None:
    """U8"""
    campaign = funded(pair)
    signature = authorize(pair, campaign)
    nonce = campaign_nonce(campaign, SALT)
    pair.token.cancelAuthorization(pair.advertiser, nonce, *cancellation(pair.token, pair.advertiser, nonce))
    before = state(pair)
    with boa.reverts("used"):
        submit(pair, campaign, signature)
    assert state(pair) == before


@pytest.mark.parametrize(("at", "reason"), [(0, "early"), (1, None), (9, None), (10, "expired")])
def test_authorization__bounds__are_exclusive(pair: Pair, at: int, reason: str | None) -> None:
    """U9"""
    campaign = funded(pair)
    now = boa.env.timestamp
    bounds = (now, now + 10)
    signature = authorize(pair, campaign, bounds=bounds)
    boa.env.time_travel(seconds=at)
    if reason is None:
        submit(pair, campaign, signature, bounds=bounds)
    else:
        with boa.reverts(reason):
            submit(pair, campaign, signature, bounds=bounds)
    assert pair.escrow.remaining(campaign) == 1 + (USDC if reason is None else 0)


def test_authorization__high_s_or_odd_v__reverts(pair: Pair) -> None:
    """U10"""
    campaign = funded(pair)
    v, r, s = authorize(pair, campaign)
    for malleable in (high_s(v, r, s), (v - 27, r, s)):
        with boa.reverts("signer"):
            submit(pair, campaign, malleable)
    submit(pair, campaign, (v, r, s))
    assert pair.escrow.remaining(campaign) == USDC + 1


def test_authorization__blacklisted_relayer__may_submit_but_a_blacklisted_payer_not_pay(pair: Pair) -> None:
    """U11"""
    campaign = funded(pair, 2 * USDC)
    blacklist(pair, RELAYER)
    submit(pair, campaign, authorize(pair, campaign))
    assert pair.escrow.remaining(campaign) == USDC + 1
    blacklist(pair, pair.advertiser)
    with boa.reverts("blacklisted"):
        submit(pair, campaign, authorize(pair, campaign, salt=bytes(32)), salt=bytes(32))


def test_authorization__escrow_paused__can_be_submitted_afterwards(pair: Pair) -> None:
    """U12, L13"""
    campaign = funded(pair)
    signature = authorize(pair, campaign)
    pair.escrow.pause(60, sender=pair.guardian)
    with boa.reverts("paused"):
        submit(pair, campaign, signature)
    boa.env.time_travel(seconds=60)
    submit(pair, campaign, signature)
    assert pair.escrow.remaining(campaign) == USDC + 1


# --- wallets with code ----------------------------------------------------------------------------------------------


def wallet_of(pair: Pair, key: str) -> str:
    """A contract wallet with 3 USDC that answers for `key`."""
    wallet = source("testing/ContractWallet.vy").deploy(key).address
    pair.token.mint(wallet, 3 * USDC)
    return str(wallet)


def test_contract_wallet__approve_and_deposit__works(pair: Pair) -> None:
    """U13"""
    wallet = wallet_of(pair, role(5))
    pair.token.approve(pair.escrow, 2 * USDC, sender=wallet)
    campaign = pair.escrow.open_campaign(wallet, USDC, META, sender=wallet)
    pair.escrow.deposit(campaign, USDC, sender=wallet)
    assert pair.escrow.remaining(campaign) == 2 * USDC


def test_contract_wallet__of_one_key__may_permit_and_authorize(pair: Pair) -> None:
    """U14: the token hands r, s, v to the wallet as 65 bytes, so a wallet that takes those can use v, r, s."""
    wallet = wallet_of(pair, role(5))
    campaign = pair.open(1)
    pair.escrow.deposit_with_permit(campaign, USDC, *permit(pair.token, wallet, pair.escrow, USDC), sender=wallet)
    signature = authorize(pair, campaign, payer=wallet)
    pair.escrow.deposit_with_authorization(campaign, wallet, USDC, 0, FOR_EVER, SALT, *signature, sender=RELAYER)
    assert pair.escrow.remaining(campaign) == 2 * USDC + 1


@pytest.mark.parametrize("answers_eip_1271", [True, False])
def test_contract_wallet__that_refuses_65_bytes__must_approve(pair: Pair, answers_eip_1271: bool) -> None:
    """U14: several signatures do not fit v, r, s; such a wallet approves."""
    silent = source("testing/SilentToken.vy").deploy().address
    wallet = wallet_of(pair, role(6)) if answers_eip_1271 else str(silent)
    pair.token.mint(wallet, USDC)
    campaign = pair.open(1)
    with boa.reverts("allowance"):
        pair.escrow.deposit_with_permit(campaign, USDC, *permit(pair.token, wallet, pair.escrow, USDC), sender=wallet)
    with boa.reverts("signer"):
        signature = authorize(pair, campaign, payer=wallet)
        pair.escrow.deposit_with_authorization(campaign, wallet, USDC, 0, FOR_EVER, SALT, *signature, sender=RELAYER)
    pair.token.approve(pair.escrow, USDC, sender=wallet)
    pair.escrow.deposit(campaign, USDC, sender=wallet)
    assert pair.escrow.remaining(campaign) == USDC + 1


# --- blacklisted accounts -------------------------------------------------------------------------------------------


def claim_signature(pair: Pair, to: str) -> bytes:
    """The publisher's signature to be paid at `to`."""
    message = {"index": 1, "to": to, "nonce": pair.payout.nonces(1), "deadline": FOR_EVER}
    v, r, s = sign(account(6), pair.payout_domain, "ClaimTo", CLAIM_FIELDS, message)
    return r + s + bytes([v])


def test_publisher_blacklisted__claim__reverts_and_is_paid_in_full_later(pair: Pair) -> None:
    """U15, L7"""
    what = earned(pair)
    blacklist(pair, pair.publisher)
    before = state(pair)
    with boa.reverts("blacklisted"):
        pair.claim(what, 1)
    assert state(pair) == before
    unblacklist(pair, pair.publisher)
    assert pair.claim(what, 1) == pair.balance(pair.publisher) == 19 * USDC


def test_publisher_blacklisted__range__skips_it_and_pays_the_others(pair: Pair) -> None:
    """U15, L7"""
    what = earned(pair)
    blacklist(pair, pair.publisher)
    assert pair.pay_range(what) == pair.balance(pair.stranger) == 19 * USDC
    (failed,) = [e for e in pair.payout.get_logs() if type(e).__name__ == "PayoutFailed"]
    assert (failed.index, failed.recipient, failed.amount) == (1, pair.publisher, 19 * USDC)
    assert pair.payout.paid(1) == 0


def test_publisher_blacklisted__another_account__can_be_paid(pair: Pair) -> None:
    """U16: the payout contract is the sender, so only it and `to` matter to the token."""
    what = earned(pair)
    blacklist(pair, pair.publisher)
    pair.payout.claim_to(*claim_arguments(what.tree, 1), COLD, sender=pair.publisher)
    assert (pair.balance(COLD), pair.payout.paid(1)) == (19 * USDC, 19 * USDC)


def test_publisher_blacklisted__its_signature__pays_another_account(pair: Pair) -> None:
    """U16"""
    what = earned(pair)
    blacklist(pair, pair.publisher)
    arguments = (*claim_arguments(what.tree, 1), COLD, FOR_EVER, claim_signature(pair, COLD))
    pair.payout.claim_to_with_sig(*arguments, sender=RELAYER)
    assert pair.balance(COLD) == 19 * USDC


def test_advertiser_blacklisted__withdraw__goes_to_another_account_only(pair: Pair) -> None:
    """U17, L14"""
    pair.open()
    pair.escrow.request_withdrawal(0, 100 * USDC, sender=pair.advertiser)
    boa.env.time_travel(seconds=ESCAPE)
    blacklist(pair, pair.advertiser)
    before = state(pair)
    with boa.reverts("blacklisted"):
        pair.escrow.withdraw(0, pair.advertiser, sender=pair.advertiser)
    assert state(pair) == before
    assert pair.escrow.withdraw(0, COLD, sender=pair.advertiser) == pair.balance(COLD) == 100 * USDC


def test_treasury_blacklisted__fees__wait_until_the_owner_names_another(pair: Pair) -> None:
    """U18, L15"""
    earned(pair)
    blacklist(pair, pair.treasury)
    with boa.reverts("blacklisted"):
        pair.escrow.withdraw_fees(sender=pair.stranger)
    assert pair.escrow.fees() == USDC
    pair.configure(TREASURY, word(COLD))
    assert pair.escrow.withdraw_fees(sender=pair.stranger) == pair.balance(COLD) == USDC


# --- the contracts blacklisted, the token paused --------------------------------------------------------------------


def goes_on(pair: Pair) -> None:
    """What moves no token: veto, a new attempt, a cap, a request, its cancellation, a change of configuration."""
    escrow, proposed = pair.escrow, pair.proposed
    assert proposed is not None
    escrow.veto(escrow.epoch() + 1, sender=pair.guardian)
    pair.propose(proposed)
    escrow.set_epoch_cap(0, 50 * USDC, sender=pair.advertiser)
    escrow.cancel_withdrawal(0, sender=pair.advertiser)
    escrow.request_withdrawal(0, 10 * USDC, sender=pair.advertiser)
    escrow.propose_config(TREASURY, word(COLD), sender=pair.owner)
    assert escrow.reservation(0)[0] == 10 * USDC


def waiting(pair: Pair) -> Settlement:
    """Epoch 1 is final and unclaimed, epoch 2 proposed, 10 USDC are requested, the notice has passed."""
    what = earned(pair)
    pair.escrow.request_withdrawal(0, 10 * USDC, sender=pair.advertiser)
    boa.env.time_travel(seconds=NOTICE)
    pair.propose(epoch_of(pair, 38 * USDC, 40 * USDC))
    return what


def deposits_revert(pair: Pair, reason: str) -> None:
    """Each way of paying in reverts with `reason`."""
    signature = authorize(pair, 0)
    for call in (
        lambda: pair.escrow.deposit(0, USDC, sender=pair.advertiser),
        lambda: pair.escrow.open_campaign(pair.advertiser, USDC, META, sender=pair.advertiser),
        lambda: submit(pair, 0, signature),
    ):
        with boa.reverts(reason):
            call()


def test_escrow_blacklisted__money__waits_and_nothing_is_lost(pair: Pair) -> None:
    """U19, L1"""
    what = waiting(pair)
    blacklist(pair, pair.escrow)
    deposits_revert(pair, "blacklisted")
    goes_on(pair)
    pair.pass_window()
    before = state(pair)
    for call in (pair.finalize, lambda: pair.escrow.withdraw_fees()):
        with boa.reverts("blacklisted"):
            call()
    boa.env.time_travel(seconds=ESCAPE)
    with boa.reverts("blacklisted"):
        pair.escrow.withdraw(0, pair.advertiser, sender=pair.advertiser)
    assert state(pair) == before
    assert pair.claim(what, 1) == 19 * USDC  # what was moved out before is out of reach of this
    unblacklist(pair, pair.escrow)
    assert pair.escrow.withdraw(0, pair.advertiser, sender=pair.advertiser) == 10 * USDC
    pair.finalize()
    assert pair.balance(pair.escrow) == pair.escrow.remaining(0) + pair.escrow.fees()


def test_payout_blacklisted__publishers__wait_and_advertisers_can_leave(pair: Pair) -> None:
    """U20, L2, L14"""
    what = waiting(pair)
    blacklist(pair, pair.payout)
    goes_on(pair)
    pair.pass_window()
    with boa.reverts("blacklisted"):
        pair.finalize()
    with boa.reverts("blacklisted"):
        pair.claim(what, 1)
    assert pair.pay_range(what) == 0
    assert [type(e).__name__ for e in pair.payout.get_logs()].count("PayoutFailed") == 2
    boa.env.time_travel(seconds=ESCAPE)
    assert pair.escrow.withdraw(0, pair.advertiser, sender=pair.advertiser) == 10 * USDC
    unblacklist(pair, pair.payout)
    pair.finalize()
    assert pair.claim(pair.proposed or what, 1) == 38 * USDC


def test_payout_blacklisted__epoch_without_debits__becomes_final(pair: Pair) -> None:
    """U20: it moves nothing, so advertisers need not wait for the escape."""
    what = earned(pair)
    pair.escrow.request_withdrawal(0, 10 * USDC, sender=pair.advertiser)
    blacklist(pair, pair.payout)
    empty = Settlement(what.tree, (), 0, what.publishers)
    for _ in range(pair.escrow.reservation(0)[2] - 1):
        pair.settle(empty)
    boa.env.time_travel(seconds=NOTICE)
    assert pair.escrow.withdraw(0, pair.advertiser, sender=pair.advertiser) == 10 * USDC


def test_token_paused__everything_that_moves_tokens__waits(pair: Pair) -> None:
    """U21, L1"""
    what = waiting(pair)
    boss = pair.token.blacklister()
    pair.token.pause(sender=boss)
    deposits_revert(pair, "paused")
    goes_on(pair)
    pair.pass_window()
    before = state(pair)
    for call in (pair.finalize, lambda: pair.claim(what, 1), lambda: pair.escrow.withdraw_fees()):
        with boa.reverts("paused"):
            call()
    assert pair.pay_range(what) == 0
    assert state(pair) == before
    pair.token.unpause(sender=boss)
    pair.finalize()
    assert pair.claim(pair.proposed or what, 1) == 38 * USDC
    assert pair.escrow.withdraw_fees() == 2 * USDC


# --- the page -------------------------------------------------------------------------------------------------------


def test_page__every_row__is_proved_here_and_every_proof_has_a_row() -> None:
    section = PAGE.read_text().split("\n## What USDC does\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (U\d+) \|", section, re.MULTILINE)
    proved = set(re.findall(r"\bU\d+\b", Path(__file__).read_text()))
    assert rows == [f"U{number}" for number in range(1, len(rows) + 1)]
    assert set(rows) == proved
