"""Tokens that take fees, lie, refuse, burn gas or call back in the middle of a transfer gain nothing."""

from collections.abc import Iterator
from typing import Any

import boa
import pytest
from escrow_kit.pair import (
    META,
    NOTICE,
    USDC,
    Pair,
    Settlement,
    claim_arguments,
    deploy_pair,
    range_arguments,
    role,
    settlement,
    source,
)


@pytest.fixture
def hostile() -> Iterator[Pair]:
    """A pair over a token that misbehaves on request."""
    with boa.env.anchor():
        yield deploy_pair(source("testing/HostileToken.vy").deploy(6))


@pytest.fixture
def silent() -> Iterator[Pair]:
    """A pair over a token whose transfers return nothing."""
    with boa.env.anchor():
        token = source("testing/SilentToken.vy").deploy()
        pair = deploy_pair(token)
        token.mint(pair.advertiser, 100 * USDC)
        yield pair


def final_epoch(pair: Pair) -> Settlement:
    """Campaign 0 has paid 40 USDC; eight publishers earned 4 USDC each."""
    pair.open()
    what = settlement([(role(100 + index), 4 * USDC) for index in range(8)], {0: 40 * USDC})
    pair.settle(what)
    return what


def calldata(function: Any, *arguments: object) -> bytes:
    encoded: bytes = function.prepare_calldata(*arguments)
    return encoded


# --- fee, false, nothing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fee_bps", [1, 100, 10_000])
def test_deposit__token_takes_a_fee__reverts(hostile: Pair, fee_bps: int) -> None:
    """L8"""
    hostile.open()
    hostile.token.mint(hostile.advertiser, USDC)
    hostile.token.misbehave(fee_bps, False)
    with boa.reverts("received"):
        hostile.escrow.deposit(0, USDC, sender=hostile.advertiser)
    with boa.reverts("received"):
        hostile.escrow.open_campaign(hostile.advertiser, USDC, META, sender=hostile.advertiser)
    assert hostile.escrow.remaining(0) == hostile.balance(hostile.escrow) == 100 * USDC
    assert hostile.escrow.campaign_count() == 1


def test_deposit__token_answers_false__reverts(hostile: Pair) -> None:
    """L8"""
    hostile.open()
    hostile.token.misbehave(0, True)
    with boa.reverts("transfer"):
        hostile.escrow.deposit(0, USDC, sender=hostile.advertiser)
    assert hostile.escrow.remaining(0) == 100 * USDC


def test_withdraw__token_answers_false__keeps_the_reservation(hostile: Pair) -> None:
    """L1, L14"""
    final_epoch(hostile)
    hostile.escrow.request_withdrawal(0, USDC, sender=hostile.advertiser)
    for cumulative in (1, 2):
        hostile.settle(settlement([(hostile.treasury, cumulative)], {0: 1}))
    boa.env.time_travel(seconds=NOTICE)
    hostile.token.misbehave(0, True)
    with boa.reverts("transfer"):
        hostile.escrow.withdraw(0, hostile.advertiser, sender=hostile.advertiser)
    with boa.reverts("transfer"):
        hostile.escrow.withdraw_fees()
    assert hostile.escrow.reservation(0)[0] == USDC


def test_finalize__token_answers_false__changes_nothing(hostile: Pair) -> None:
    """L3"""
    hostile.open()
    hostile.propose(settlement([(hostile.treasury, 1)], {0: USDC}))
    hostile.pass_window()
    hostile.token.misbehave(0, True)
    with boa.reverts("transfer"):
        hostile.finalize()
    assert hostile.escrow.epoch() == 0
    assert hostile.escrow.remaining(0) == 100 * USDC


def test_claim__token_answers_false__records_nothing(hostile: Pair) -> None:
    """L5, L7"""
    what = final_epoch(hostile)
    hostile.token.misbehave(0, True)
    with boa.reverts("transfer"):
        hostile.claim(what, 3)
    assert hostile.pay_range(what) == 0
    assert hostile.payout.lanes(0) == 0
    hostile.token.misbehave(0, False)
    assert hostile.pay_range(what) == 32 * USDC


def test_silent_token__whole_path__works(silent: Pair) -> None:
    """L1, L2"""
    silent.escrow.open_campaign(silent.advertiser, 100 * USDC, META, sender=silent.advertiser)
    what = settlement([(silent.treasury, 0), (silent.publisher, 10 * USDC), (silent.stranger, USDC)], {0: 40 * USDC})
    silent.settle(what)
    assert silent.claim(what, 1) == 10 * USDC
    assert silent.pay_range(what) == USDC
    assert silent.escrow.withdraw_fees() == USDC
    assert silent.balance(silent.escrow) == silent.escrow.remaining(0) == 60 * USDC


# --- one bad payee --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("burns_gas", [False, True])
def test_pay_range__one_recipient_fails__the_others_are_paid(hostile: Pair, burns_gas: bool) -> None:
    """L7"""
    what = final_epoch(hostile)
    bad = role(105)
    hostile.token.refuse(bad, not burns_gas, burns_gas)
    assert hostile.pay_range(what, gas=30_000_000) == 28 * USDC
    assert hostile.payout.paid(5) == 0
    hostile.token.refuse(bad, False, False)
    assert hostile.pay_range(what) == 4 * USDC


def test_payments__to_nobody__a_token_that_would_burn_them_is_not_asked(hostile: Pair) -> None:
    """L5, L7: MockUSDC refuses the zero address itself; here only the contracts do."""
    nobody = "0x" + "00" * 20
    hostile.open()
    hostile.settle(settlement([(nobody, 4 * USDC), (role(101), 4 * USDC)], {0: 40 * USDC}))
    assert hostile.proposed is not None
    assert hostile.pay_range(hostile.proposed) == 4 * USDC
    assert hostile.payout.paid(0) == 0
    with boa.reverts("to"):
        hostile.claim(hostile.proposed, 0)
    hostile.escrow.request_withdrawal(0, USDC, sender=hostile.advertiser)
    boa.env.time_travel(seconds=hostile.escrow.escape())
    with boa.reverts("to"):
        hostile.escrow.withdraw(0, nobody, sender=hostile.advertiser)
    assert hostile.balance(nobody) == 0


def test_pay_range__not_enough_gas_for_a_transfer__never_records_an_unpaid_one(hostile: Pair) -> None:
    """L7: whatever gas is given, what is recorded as paid is what the recipients hold."""
    what = final_epoch(hostile)
    for gas in range(20_000, 400_000, 20_000):
        with boa.env.anchor():
            try:
                hostile.pay_range(what, gas=gas)
            except boa.BoaError:
                continue
            for index in range(8):
                assert hostile.payout.paid(index) == hostile.balance(role(100 + index))
    assert hostile.pay_range(what) == 32 * USDC


# --- calls back -----------------------------------------------------------------------------------------------------


def test_pay_range__token_calls_back__nobody_is_paid_twice(hostile: Pair) -> None:
    """L23"""
    what = final_epoch(hostile)
    attempts = [
        calldata(hostile.payout.claim, *claim_arguments(what.tree, 2)),
        calldata(hostile.payout.pay_range, *range_arguments(what.tree, 0, 2)),
    ]
    for data in attempts:
        with boa.env.anchor():
            hostile.token.call_back(hostile.payout, data)
            assert hostile.pay_range(what) == 32 * USDC
            assert hostile.token.callbacks() == 8
            assert not hostile.token.callback_succeeded()
            assert [hostile.balance(role(100 + index)) for index in range(8)] == [4 * USDC] * 8


def test_claim__token_calls_back__is_paid_once(hostile: Pair) -> None:
    """L23"""
    what = final_epoch(hostile)
    hostile.token.call_back(hostile.payout, calldata(hostile.payout.claim, *claim_arguments(what.tree, 2)))
    assert hostile.claim(what, 2) == 4 * USDC
    assert not hostile.token.callback_succeeded()
    assert hostile.balance(role(102)) == 4 * USDC


def test_deposit__token_calls_back_with_a_deposit__credits_once(hostile: Pair) -> None:
    """L23"""
    hostile.open()
    hostile.token.mint(hostile.advertiser, 2 * USDC)
    hostile.token.mint(hostile.token, 2 * USDC)
    hostile.token.call_back(hostile.escrow, calldata(hostile.escrow.deposit, 0, USDC))
    hostile.escrow.deposit(0, USDC, sender=hostile.advertiser)
    assert not hostile.token.callback_succeeded()
    assert hostile.escrow.remaining(0) == hostile.balance(hostile.escrow) == 101 * USDC


def test_withdraw_fees__token_calls_back__pays_once(hostile: Pair) -> None:
    """L23"""
    final_epoch(hostile)
    hostile.token.call_back(hostile.escrow, calldata(hostile.escrow.withdraw_fees))
    assert hostile.escrow.withdraw_fees() == USDC
    assert not hostile.token.callback_succeeded()
    assert hostile.balance(hostile.treasury) == USDC


def test_finalize__token_calls_back__is_final_once(hostile: Pair) -> None:
    """L9, L23"""
    hostile.open()
    what = settlement([(hostile.treasury, 1)], {0: USDC})
    hostile.propose(what)
    hostile.pass_window()
    again = calldata(hostile.escrow.finalize, what.root, what.total, hostile.active_at, list(what.words))
    hostile.token.call_back(hostile.escrow, again)
    hostile.finalize()
    assert not hostile.token.callback_succeeded()
    assert hostile.escrow.epoch() == 1
    assert hostile.escrow.remaining(0) == 99 * USDC


# --- donations ------------------------------------------------------------------------------------------------------


def test_donations__to_both_contracts__belong_to_nobody(hostile: Pair) -> None:
    """L1, L2"""
    what = final_epoch(hostile)
    for contract in (hostile.escrow, hostile.payout):
        hostile.token.mint(contract, 7)
    hostile.pay_range(what)
    assert hostile.balance(hostile.payout) == 7 * USDC + 7
    assert hostile.balance(hostile.escrow) == hostile.escrow.remaining(0) + hostile.escrow.fees() + 7
