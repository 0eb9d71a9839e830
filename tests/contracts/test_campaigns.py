"""Opening a campaign, adding to it, switching it and capping it."""

import boa
import pytest
from escrow_kit.pair import META, NO_ROOT, UNLIMITED, USDC, Pair, settlement
from escrow_kit.signing import AUTHORIZATION_FIELDS, PERMIT_FIELDS, account, domain, sign
from eth_utils import keccak

SALT = bytes([9]) * 32
ZERO = "0x" + "00" * 20
FAR = 2**40


def usdc_domain(pair: Pair) -> dict[str, object]:
    return domain("USD Coin", "2", boa.env.evm.patch.chain_id, str(pair.token.address))


def permit(pair: Pair, amount: int, deadline: int = FAR, signer: int = 5) -> tuple[int, int, bytes, bytes]:
    """(deadline, v, r, s) of the advertiser's permit for the escrow."""
    message = {
        "owner": pair.advertiser,
        "spender": str(pair.escrow.address),
        "value": amount,
        "nonce": pair.token.nonces(pair.advertiser),
        "deadline": deadline,
    }
    return (deadline, *sign(account(signer), usdc_domain(pair), "Permit", PERMIT_FIELDS, message))


def authorization(pair: Pair, campaign: int, amount: int) -> tuple[int, int, bytes, int, bytes, bytes]:
    """(valid_after, valid_before, salt, v, r, s) of the advertiser's EIP-3009 authorisation for one campaign."""
    message = {
        "from": pair.advertiser,
        "to": str(pair.escrow.address),
        "value": amount,
        "validAfter": 0,
        "validBefore": FAR,
        "nonce": keccak(campaign.to_bytes(32, "big") + SALT),
    }
    fields = sign(account(5), usdc_domain(pair), "ReceiveWithAuthorization", AUTHORIZATION_FIELDS, message)
    return (0, FAR, SALT, *fields)


# --- open_campaign --------------------------------------------------------------------------------------------------


def test_open_campaign__approved__credits_what_arrived(pair: Pair) -> None:
    """L8"""
    campaign = pair.open(7 * USDC)
    (event,) = [e for e in pair.escrow.get_logs() if type(e).__name__ == "CampaignOpened"]
    assert (event.campaign, event.owner, event.amount, event.meta) == (campaign, pair.advertiser, 7 * USDC, META)
    assert pair.escrow.remaining(campaign) == pair.balance(pair.escrow) == 7 * USDC
    assert pair.escrow.campaign_owner(campaign) == pair.advertiser
    assert pair.escrow.campaign_active(campaign)


def test_open_campaign__several__count_from_zero_and_share_a_word(pair: Pair) -> None:
    """L4"""
    ids = [pair.open(amount) for amount in (1, 2, 3, 4, 5)]
    assert ids == [0, 1, 2, 3, 4]
    assert pair.escrow.campaign_count() == 5
    assert [pair.escrow.remaining(campaign) for campaign in ids] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("owner", "amount", "reason"), [(ZERO, 1, "zero"), (None, 0, "zero"), (None, 2**62, "overflow")]
)
def test_open_campaign__bad_argument__reverts(pair: Pair, owner: str | None, amount: int, reason: str) -> None:
    with boa.reverts(reason):
        pair.escrow.open_campaign(owner or pair.advertiser, amount, META, sender=pair.advertiser)
    assert pair.escrow.campaign_count() == 0


def test_open_campaign__no_allowance__reverts(pair: Pair) -> None:
    pair.token.mint(pair.advertiser, USDC)
    with boa.reverts("allowance"):
        pair.escrow.open_campaign(pair.advertiser, USDC, META, sender=pair.advertiser)


def test_open_campaign__paused__reverts(pair: Pair) -> None:
    """L13"""
    pair.escrow.pause(60, sender=pair.guardian)
    with boa.reverts("paused"):
        pair.open()


def test_open_campaign_with_permit__good__needs_no_approval(pair: Pair) -> None:
    pair.token.mint(pair.advertiser, USDC)
    arguments = (pair.advertiser, USDC, META, *permit(pair, USDC))
    campaign = pair.escrow.open_campaign_with_permit(*arguments, sender=pair.advertiser)
    assert pair.escrow.remaining(campaign) == USDC


def test_open_campaign_with_permit__signed_by_another__reverts(pair: Pair) -> None:
    """L20"""
    pair.token.mint(pair.advertiser, USDC)
    with boa.reverts("allowance"):
        pair.escrow.open_campaign_with_permit(
            pair.advertiser, USDC, META, *permit(pair, USDC, signer=7), sender=pair.advertiser
        )


# --- deposit --------------------------------------------------------------------------------------------------------


def test_deposit__by_a_stranger__adds_to_the_campaign_only(pair: Pair) -> None:
    """L4, L8"""
    pair.open(5)
    campaign = pair.open(10)
    pair.token.mint(pair.stranger, 3)
    pair.token.approve(pair.escrow, 3, sender=pair.stranger)
    pair.escrow.deposit(campaign, 3, sender=pair.stranger)
    (event,) = [e for e in pair.escrow.get_logs() if type(e).__name__ == "Deposited"]
    assert (event.campaign, event.payer, event.amount) == (campaign, pair.stranger, 3)
    assert [pair.escrow.remaining(c) for c in (0, 1)] == [5, 13]
    assert pair.escrow.campaign_owner(campaign) == pair.advertiser


def test_deposit__unknown_campaign__reverts(pair: Pair) -> None:
    pair.open()
    with boa.reverts("campaign"):
        pair.escrow.deposit(1, 1, sender=pair.advertiser)


def test_deposit__zero__reverts(pair: Pair) -> None:
    pair.open()
    with boa.reverts("zero"):
        pair.escrow.deposit(0, 0, sender=pair.advertiser)


def test_deposit__beyond_the_lane__reverts_and_spares_the_neighbour(pair: Pair) -> None:
    """L4, L8"""
    pair.open(2**62 - 1)
    pair.open(1)
    pair.token.mint(pair.advertiser, 1)
    with boa.reverts("overflow"):
        pair.escrow.deposit(0, 1, sender=pair.advertiser)
    assert [pair.escrow.remaining(c) for c in (0, 1)] == [2**62 - 1, 1]


def test_deposit__paused__reverts(pair: Pair) -> None:
    """L13"""
    pair.open()
    pair.escrow.pause(60, sender=pair.guardian)
    with boa.reverts("paused"):
        pair.escrow.deposit(0, 1, sender=pair.advertiser)
    boa.env.time_travel(seconds=60)
    pair.token.mint(pair.advertiser, 1)
    pair.escrow.deposit(0, 1, sender=pair.advertiser)


def test_deposit__payer_blacklisted_by_the_token__reverts(pair: Pair) -> None:
    pair.open()
    pair.token.blacklist(pair.advertiser, sender=pair.token.blacklister())
    with boa.reverts("blacklisted"):
        pair.escrow.deposit(0, 1, sender=pair.advertiser)


def test_deposit_with_permit__good__deposits_in_one_call(pair: Pair) -> None:
    pair.open(1)
    pair.token.approve(pair.escrow, 0, sender=pair.advertiser)
    pair.token.mint(pair.advertiser, USDC)
    pair.escrow.deposit_with_permit(0, USDC, *permit(pair, USDC), sender=pair.advertiser)
    assert pair.escrow.remaining(0) == USDC + 1


def test_deposit_with_permit__submitted_by_somebody_else_first__still_deposits(pair: Pair) -> None:
    """L20"""
    pair.open(1)
    pair.token.approve(pair.escrow, 0, sender=pair.advertiser)
    pair.token.mint(pair.advertiser, USDC)
    deadline, v, r, s = permit(pair, USDC)
    pair.token.permit(pair.advertiser, pair.escrow, USDC, deadline, v, r, s, sender=pair.stranger)
    pair.escrow.deposit_with_permit(0, USDC, deadline, v, r, s, sender=pair.advertiser)
    assert pair.escrow.remaining(0) == USDC + 1


def test_deposit_with_permit__expired_but_approved_before__deposits(pair: Pair) -> None:
    """L20"""
    pair.open(1)
    pair.token.mint(pair.advertiser, USDC)
    pair.escrow.deposit_with_permit(0, USDC, *permit(pair, USDC, deadline=1), sender=pair.advertiser)
    assert pair.escrow.remaining(0) == USDC + 1


def test_deposit_with_permit__expired_and_not_approved__reverts(pair: Pair) -> None:
    """L20"""
    pair.open(1)
    pair.token.approve(pair.escrow, 0, sender=pair.advertiser)
    pair.token.mint(pair.advertiser, USDC)
    with boa.reverts("allowance"):
        pair.escrow.deposit_with_permit(0, USDC, *permit(pair, USDC, deadline=1), sender=pair.advertiser)


def test_deposit_with_permit__another_s_permit__takes_nothing_from_its_signer(pair: Pair) -> None:
    """L20: the payer is always the caller."""
    pair.open(1)
    pair.token.approve(pair.escrow, 0, sender=pair.advertiser)
    pair.token.mint(pair.advertiser, USDC)
    with boa.reverts("allowance"):
        pair.escrow.deposit_with_permit(0, USDC, *permit(pair, USDC), sender=pair.stranger)


def test_deposit_with_authorization__submitted_by_anyone__credits_the_signed_campaign(pair: Pair) -> None:
    pair.open(1)
    pair.token.mint(pair.advertiser, USDC)
    arguments = authorization(pair, 0, USDC)
    pair.escrow.deposit_with_authorization(0, pair.advertiser, USDC, *arguments, sender=pair.stranger)
    (event,) = [e for e in pair.escrow.get_logs() if type(e).__name__ == "Deposited"]
    assert event.payer == pair.advertiser
    assert pair.escrow.remaining(0) == USDC + 1


def test_deposit_with_authorization__for_another_campaign__reverts(pair: Pair) -> None:
    """L20: whoever sees the authorisation first cannot send the money to a campaign of its own."""
    pair.open(1)
    stolen = pair.open(1, owner=pair.stranger)
    pair.token.mint(pair.advertiser, USDC)
    arguments = authorization(pair, 0, USDC)
    with boa.reverts("signer"):
        pair.escrow.deposit_with_authorization(stolen, pair.advertiser, USDC, *arguments, sender=pair.stranger)


def test_deposit_with_authorization__used_before__reverts(pair: Pair) -> None:
    pair.open(1)
    pair.token.mint(pair.advertiser, 2 * USDC)
    arguments = (0, pair.advertiser, USDC, *authorization(pair, 0, USDC))
    pair.escrow.deposit_with_authorization(*arguments)
    with boa.reverts("used"):
        pair.escrow.deposit_with_authorization(*arguments)


def test_deposit_with_authorization__paused_or_zero_or_unknown__reverts(pair: Pair) -> None:
    """L13"""
    pair.open(1)
    with boa.reverts("zero"):
        pair.escrow.deposit_with_authorization(0, pair.advertiser, 0, *authorization(pair, 0, 0))
    with boa.reverts("campaign"):
        pair.escrow.deposit_with_authorization(9, pair.advertiser, 1, *authorization(pair, 9, 1))
    pair.escrow.pause(60, sender=pair.guardian)
    with boa.reverts("paused"):
        pair.escrow.deposit_with_authorization(0, pair.advertiser, 1, *authorization(pair, 0, 1))


# --- set_campaign_active, set_epoch_cap -----------------------------------------------------------------------------


def test_set_campaign_active__by_the_owner__is_remembered(pair: Pair) -> None:
    pair.open()
    pair.escrow.set_campaign_active(0, False, sender=pair.advertiser)
    (event,) = pair.escrow.get_logs()
    assert (event.campaign, event.active) == (0, False)
    assert not pair.escrow.campaign_active(0)
    assert pair.escrow.campaign_owner(0) == pair.advertiser
    pair.escrow.set_campaign_active(0, True, sender=pair.advertiser)
    assert pair.escrow.campaign_active(0)


@pytest.mark.parametrize("campaign", [0, 1])
def test_set_campaign_active__by_a_stranger__reverts(pair: Pair, campaign: int) -> None:
    pair.open()
    with boa.reverts("auth"):
        pair.escrow.set_campaign_active(campaign, False, sender=pair.stranger)


def test_set_campaign_active__off__debits_of_what_was_served_still_settle(pair: Pair) -> None:
    pair.open(USDC)
    pair.escrow.set_campaign_active(0, False, sender=pair.advertiser)
    pair.settle(settlement([(pair.treasury, USDC)], {0: USDC}))
    assert pair.escrow.remaining(0) == 0


def settle_until(pair: Pair, epoch: int) -> None:
    """Epochs of one micro-USDC of campaign 0 become final up to `epoch`."""
    for number in range(pair.escrow.epoch() + 1, epoch + 1):
        pair.settle(settlement([(pair.treasury, number)], {0: 1}))


def test_set_epoch_cap__nothing_pending__binds_from_the_epoch_after_the_running_one(pair: Pair) -> None:
    """L14: epoch 1 may be over and not yet proposed, so epoch 2 may be the one that runs."""
    pair.open()
    pair.escrow.set_epoch_cap(0, USDC, sender=pair.advertiser)
    (event,) = pair.escrow.get_logs()
    assert (event.campaign, event.cap, event.from_epoch) == (0, USDC, 3)
    assert [pair.escrow.epoch_cap_at(0, epoch) for epoch in (1, 2, 3, 4, 9)] == [0, 0, USDC, USDC, USDC]
    assert pair.escrow.epoch_cap(0) == USDC


def test_set_epoch_cap__exceeded__the_epoch_cannot_become_final(pair: Pair) -> None:
    """L4"""
    pair.open()
    pair.escrow.set_epoch_cap(0, USDC, sender=pair.advertiser)
    for cumulative in (1, 2):
        pair.settle(settlement([(pair.treasury, cumulative)], {0: 2 * USDC}))
    pair.propose(settlement([(pair.treasury, 3)], {0: USDC + 1}))
    pair.pass_window()
    with boa.reverts("cap"):
        pair.finalize()


def test_set_epoch_cap__met_exactly__settles(pair: Pair) -> None:
    pair.open()
    pair.escrow.set_epoch_cap(0, USDC, sender=pair.advertiser)
    settle_until(pair, 2)
    pair.settle(settlement([(pair.treasury, 3)], {0: USDC}))
    assert pair.escrow.remaining(0) == 99 * USDC - 2


def test_set_epoch_cap__one_campaign_of_a_word__does_not_bind_its_neighbours(pair: Pair) -> None:
    """L4"""
    for _ in range(4):
        pair.open()
    pair.escrow.set_epoch_cap(2, 1, sender=pair.advertiser)
    settle_until(pair, 2)
    pair.settle(settlement([(pair.treasury, 3)], {0: 9 * USDC, 1: 9 * USDC, 2: 1, 3: 9 * USDC}))
    assert [pair.escrow.remaining(c) for c in range(4)] == [91 * USDC - 2, 91 * USDC, 100 * USDC - 1, 91 * USDC]


def test_set_epoch_cap__while_a_proposal_is_pending__cannot_stop_it_nor_the_next_two(pair: Pair) -> None:
    """L14"""
    pair.open()
    pair.propose(settlement([(pair.treasury, 1)], {0: 5 * USDC}))
    pair.escrow.set_epoch_cap(0, USDC, sender=pair.advertiser)
    assert pair.escrow.get_logs()[0].from_epoch == 4
    pair.pass_window()
    pair.finalize()
    for cumulative in (2, 3):
        pair.settle(settlement([(pair.treasury, cumulative)], {0: 5 * USDC}))
    pair.propose(settlement([(pair.treasury, 4)], {0: USDC + 1}))
    pair.pass_window()
    with boa.reverts("cap"):
        pair.finalize()


def test_set_epoch_cap__changed_again_and_again__each_change_keeps_its_epoch(pair: Pair) -> None:
    pair.open()
    pair.escrow.set_epoch_cap(0, 10, sender=pair.advertiser)
    pair.propose(settlement([(pair.treasury, 1)], {0: 1}))
    pair.escrow.set_epoch_cap(0, 20, sender=pair.advertiser)
    assert [pair.escrow.epoch_cap_at(0, epoch) for epoch in (1, 2, 3, 4, 5)] == [0, 0, 10, 20, 20]
    pair.pass_window()
    pair.finalize()
    pair.escrow.set_epoch_cap(0, 30, sender=pair.advertiser)
    assert [pair.escrow.epoch_cap_at(0, epoch) for epoch in (2, 3, 4, 5)] == [0, 10, 30, 30]
    pair.propose(settlement([(pair.treasury, 2)], {0: 1}))
    pair.escrow.set_epoch_cap(0, 40, sender=pair.advertiser)
    assert [pair.escrow.epoch_cap_at(0, epoch) for epoch in (2, 3, 4, 5, 6)] == [0, 10, 30, 40, 40]


def test_set_epoch_cap__removed__binds_until_then_and_costs_nothing_later(pair: Pair) -> None:
    pair.open()
    pair.escrow.set_epoch_cap(0, 10, sender=pair.advertiser)
    settle_until(pair, 3)
    pair.escrow.set_epoch_cap(0, 0, sender=pair.advertiser)
    assert [pair.escrow.epoch_cap_at(0, epoch) for epoch in (4, 5, 6)] == [10, 10, 0]
    pair.settle(settlement([(pair.treasury, 4)], {0: 10}))
    assert pair.escrow.lanes(0) >> 63 & 1 == 1
    settle_until(pair, 5)
    pair.escrow.set_epoch_cap(0, 0, sender=pair.advertiser)
    assert pair.escrow.lanes(0) >> 63 & 1 == 0
    assert pair.escrow.remaining(0) == 100 * USDC - 14


def test_set_epoch_cap__by_a_stranger_or_too_large__reverts(pair: Pair) -> None:
    pair.open()
    with boa.reverts("auth"):
        pair.escrow.set_epoch_cap(0, 1, sender=pair.stranger)
    with boa.reverts("overflow"):
        pair.escrow.set_epoch_cap(0, 2**56, sender=pair.advertiser)


def test_open_campaign__after_pauses__gets_the_next_id(pair: Pair) -> None:
    """L13: the count shares a word with the pause, and neither a pause nor its end may touch it."""
    assert [pair.open(), pair.open()] == [0, 1]
    pair.escrow.pause(60, sender=pair.guardian)
    assert pair.escrow.campaign_count() == 2
    pair.escrow.unpause(sender=pair.guardian)
    assert pair.open() == 2
    boa.env.time_travel(seconds=60)
    pair.escrow.pause(60, sender=pair.guardian)
    boa.env.time_travel(seconds=60)
    assert pair.open() == pair.escrow.campaign_count() - 1 == 3
    assert not pair.escrow.paused()


# --- views ----------------------------------------------------------------------------------------------------------


def test_views__unknown_campaign__are_empty(pair: Pair) -> None:
    assert pair.escrow.remaining(3) == 0
    assert pair.escrow.reservation(3) == (0, 0, 0)
    assert pair.escrow.campaign_owner(3) == ZERO
    assert not pair.escrow.campaign_active(3)
    assert pair.escrow.epoch_cap(3) == 0


def test_encode_debit__too_large__reverts(pair: Pair) -> None:
    with boa.reverts("overflow"):
        pair.escrow.encode_debit(2**32, (0, 0, 0, 0))
    with boa.reverts("overflow"):
        pair.escrow.encode_debit(0, (0, 0, 2**56, 0))


def test_token_domain__usdc__is_what_wallets_sign(pair: Pair) -> None:
    assert pair.token.allowance(pair.advertiser, pair.escrow) in (0, UNLIMITED)
    assert pair.escrow.last_root() == NO_ROOT
