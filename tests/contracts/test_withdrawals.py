"""An advertiser leaves with what is unspent, and cannot stop a settlement by leaving."""

import boa
import pytest
from escrow_kit.pair import ESCAPE, NOTICE, NOTICE_KIND, USDC, WINDOW, Pair, settlement, word

ZERO = "0x" + "00" * 20


def request(pair: Pair, amount: int) -> None:
    pair.escrow.request_withdrawal(0, amount, sender=pair.advertiser)


def withdraw(pair: Pair) -> int:
    amount: int = pair.escrow.withdraw(0, pair.advertiser, sender=pair.advertiser)
    return amount


def settle_until(pair: Pair, epoch: int) -> None:
    """Epochs of one micro-USDC each become final up to `epoch`."""
    for number in range(pair.escrow.epoch() + 1, epoch + 1):
        pair.settle(settlement([(pair.treasury, number)], {0: 1}))


# --- request_withdrawal ---------------------------------------------------------------------------------------------


def test_request_withdrawal__nothing_pending__reserves_until_the_running_epoch_is_final(pair: Pair) -> None:
    """L14: epoch 1 may be over and not yet proposed, so epoch 2 may be the one that runs."""
    pair.open()
    request(pair, 60 * USDC)
    (event,) = pair.escrow.get_logs()
    expected = (60 * USDC, boa.env.timestamp + NOTICE, 2)
    assert (event.campaign, event.amount, event.executable_at, event.after_epoch) == (0, *expected)
    assert pair.escrow.reservation(0) == expected
    assert pair.escrow.remaining(0) == 40 * USDC


def test_request_withdrawal__proposal_pending__waits_for_one_epoch_more(pair: Pair) -> None:
    """L14"""
    pair.open()
    pair.propose(settlement([(pair.treasury, 1)], {0: 1}))
    request(pair, USDC)
    assert pair.escrow.reservation(0)[2] == 3


def test_request_withdrawal__after_a_veto__waits_for_the_epoch_that_ran_meanwhile(pair: Pair) -> None:
    """L14: epoch 1 comes back as it was, so what was served since it closed is in epochs 2 and 3."""
    pair.open()
    pair.propose(settlement([(pair.treasury, 1)], {0: 1}))
    pair.escrow.veto(1, sender=pair.guardian)
    request(pair, 100 * USDC)
    assert pair.escrow.reservation(0)[2] == 3
    settle_until(pair, 2)
    pair.settle(settlement([(pair.treasury, 3)], {0: 40 * USDC}))
    assert pair.escrow.reservation(0)[0] == 60 * USDC - 2
    pair.escrow.cancel_withdrawal(0, sender=pair.advertiser)
    request(pair, USDC)
    assert pair.escrow.reservation(0)[2] == 5


@pytest.mark.parametrize(("amount", "reason"), [(0, "zero"), (100 * USDC + 1, "budget"), (2**256 - 1, "budget")])
def test_request_withdrawal__bad_amount__reverts(pair: Pair, amount: int, reason: str) -> None:
    pair.open()
    with boa.reverts(reason):
        request(pair, amount)


def test_request_withdrawal__second_while_one_is_open__reverts(pair: Pair) -> None:
    pair.open()
    request(pair, 1)
    with boa.reverts("reserved"):
        request(pair, 1)


def test_request_withdrawal__by_a_stranger_or_the_operator__reverts(pair: Pair) -> None:
    """L14"""
    pair.open()
    for sender in (pair.stranger, pair.operator, pair.owner, pair.guardian):
        with boa.reverts("auth"):
            pair.escrow.request_withdrawal(0, 1, sender=sender)


def test_request_withdrawal__notice_changed_later__keeps_its_time(pair: Pair) -> None:
    """L14, L15"""
    pair.open()
    request(pair, 1)
    before = pair.escrow.reservation(0)
    pair.configure(NOTICE_KIND, word(9_000))
    assert pair.escrow.notice() == 9_000
    assert pair.escrow.reservation(0) == before


# --- cancel_withdrawal ----------------------------------------------------------------------------------------------


def test_cancel_withdrawal__open__returns_the_amount(pair: Pair) -> None:
    pair.open()
    request(pair, USDC)
    pair.escrow.cancel_withdrawal(0, sender=pair.advertiser)
    (event,) = pair.escrow.get_logs()
    assert (event.campaign, event.amount) == (0, USDC)
    assert pair.escrow.remaining(0) == 100 * USDC
    assert pair.escrow.reservation(0) == (0, 0, 0)


def test_cancel_withdrawal__none_or_stranger__reverts(pair: Pair) -> None:
    pair.open()
    with boa.reverts("zero"):
        pair.escrow.cancel_withdrawal(0, sender=pair.advertiser)
    request(pair, 1)
    with boa.reverts("auth"):
        pair.escrow.cancel_withdrawal(0, sender=pair.stranger)


# --- withdraw -------------------------------------------------------------------------------------------------------


def test_withdraw__after_notice_and_epoch__pays_another_account(pair: Pair) -> None:
    """L1, L14"""
    pair.open()
    request(pair, 60 * USDC)
    settle_until(pair, 2)
    boa.env.time_travel(seconds=NOTICE)
    paid = pair.escrow.withdraw(0, pair.stranger, sender=pair.advertiser)
    (event,) = [e for e in pair.escrow.get_logs() if type(e).__name__ == "Withdrawn"]
    assert (event.campaign, event.to, event.amount) == (0, pair.stranger, 60 * USDC)
    assert paid == pair.balance(pair.stranger) == 60 * USDC
    assert pair.balance(pair.escrow) == pair.escrow.remaining(0) + pair.escrow.fees()
    assert pair.escrow.reservation(0) == (0, 0, 0)


def test_withdraw__before_the_notice__reverts(pair: Pair) -> None:
    """L14"""
    pair.open()
    request(pair, USDC)
    settle_until(pair, 2)
    boa.env.time_travel(seconds=pair.escrow.reservation(0)[1] - boa.env.timestamp - 1)
    with boa.reverts("notice"):
        withdraw(pair)
    boa.env.time_travel(seconds=1)
    assert withdraw(pair) == USDC


def test_withdraw__epoch_not_final__reverts_until_it_is(pair: Pair) -> None:
    """L14"""
    pair.open()
    request(pair, USDC)
    settle_until(pair, 1)
    boa.env.time_travel(seconds=NOTICE)
    with boa.reverts("epoch"):
        withdraw(pair)
    settle_until(pair, 2)
    assert withdraw(pair) == USDC


def test_withdraw__operator_silent__needs_no_epoch(pair: Pair) -> None:
    """L14: the silence counts from the operator's last sign of life, also when that was before the request."""
    pair.open()
    boa.env.time_travel(seconds=1_000)
    request(pair, 100 * USDC)
    boa.env.time_travel(seconds=pair.escrow.last_active_at() + ESCAPE - boa.env.timestamp - 1)
    with boa.reverts("epoch"):
        withdraw(pair)
    boa.env.time_travel(seconds=1)
    assert boa.env.timestamp < pair.escrow.escapes_at(0)
    assert withdraw(pair) == 100 * USDC


def test_withdraw__operator_proposes_and_settles_slowly__waits_for_the_escape_time_at_most(pair: Pair) -> None:
    """L14, L15: whatever operator and attestors do, who asked when a change was announced is out when it comes."""
    pair.open()
    request(pair, 100 * USDC)
    assert pair.escrow.escapes_at(0) == boa.env.timestamp + ESCAPE <= boa.env.timestamp + pair.escrow.timelock()
    boa.env.time_travel(seconds=ESCAPE - 2 * WINDOW)
    settle_until(pair, 1)
    boa.env.time_travel(seconds=WINDOW - 10)
    pair.propose(settlement([(pair.treasury, 2)], {0: 100 * USDC - 1}))
    boa.env.time_travel(seconds=9)
    with boa.reverts("epoch"):
        withdraw(pair)
    boa.env.time_travel(seconds=1)
    assert withdraw(pair) == 100 * USDC - 1
    assert pair.escrow.escapes_at(0) == 0
    pair.pass_window()
    with boa.reverts("budget"):
        pair.finalize()


def test_withdraw__operator_proposed_lately__waits(pair: Pair) -> None:
    """L14: a proposal that was just made loses no budget to a silence that it ended."""
    pair.open()
    boa.env.time_travel(seconds=WINDOW + 20)
    request(pair, 100 * USDC)
    boa.env.time_travel(seconds=pair.escrow.last_active_at() + ESCAPE - boa.env.timestamp - 10)
    pair.propose(settlement([(pair.treasury, 1)], {0: 100 * USDC}))
    boa.env.time_travel(seconds=10)
    with boa.reverts("epoch"):
        withdraw(pair)
    pair.pass_window()
    pair.finalize()
    assert pair.escrow.reservation(0) == (0, 0, 0)


def test_withdraw__proposals_vetoed_again_and_again__do_not_hold_the_advertiser(pair: Pair) -> None:
    """L14"""
    pair.open()
    epoch = settlement([(pair.treasury, 1)], {0: 1})
    pair.propose(epoch)
    pair.escrow.veto(1, sender=pair.guardian)
    boa.env.time_travel(seconds=100)
    request(pair, USDC)
    boa.env.time_travel(seconds=ESCAPE - 110)
    pair.propose(epoch)
    boa.env.time_travel(seconds=10)
    assert boa.env.timestamp < pair.escrow.escapes_at(0)
    assert withdraw(pair) == USDC


def test_withdraw__paused__works(pair: Pair) -> None:
    """L13"""
    pair.open()
    request(pair, USDC)
    settle_until(pair, 2)
    boa.env.time_travel(seconds=NOTICE)
    pair.escrow.pause(86_400, sender=pair.guardian)
    pair.payout.pause(86_400, sender=pair.guardian)
    assert withdraw(pair) == USDC


def test_withdraw__by_a_stranger_or_to_nowhere__reverts(pair: Pair) -> None:
    """L14"""
    pair.open()
    request(pair, USDC)
    settle_until(pair, 2)
    boa.env.time_travel(seconds=NOTICE)
    with boa.reverts("auth"):
        pair.escrow.withdraw(0, pair.stranger, sender=pair.stranger)
    for to in (ZERO, pair.escrow.address, pair.payout.address):
        with boa.reverts("to"):
            pair.escrow.withdraw(0, to, sender=pair.advertiser)


def test_withdraw__twice__reverts(pair: Pair) -> None:
    pair.open()
    request(pair, USDC)
    settle_until(pair, 2)
    boa.env.time_travel(seconds=NOTICE)
    withdraw(pair)
    with boa.reverts("zero"):
        withdraw(pair)


# --- what a settlement may take from a reservation ------------------------------------------------------------------


def test_finalize__pending_when_the_withdrawal_was_requested__is_paid_from_the_reservation(pair: Pair) -> None:
    """L4, L14"""
    pair.open()
    pair.propose(settlement([(pair.treasury, 1)], {0: 70 * USDC}))
    request(pair, 100 * USDC)
    pair.pass_window()
    pair.finalize()
    assert pair.escrow.remaining(0) == 0
    assert pair.escrow.reservation(0)[0] == 30 * USDC


def test_finalize__last_epoch_with_service_from_before__is_paid_from_the_reservation(pair: Pair) -> None:
    """L14"""
    pair.open()
    pair.propose(settlement([(pair.treasury, 1)], {0: 1}))
    request(pair, 99 * USDC)
    pair.pass_window()
    pair.finalize()
    settle_until(pair, 2)
    pair.settle(settlement([(pair.treasury, 3)], {0: 50 * USDC}))
    boa.env.time_travel(seconds=NOTICE)
    assert withdraw(pair) == 50 * USDC - 2


def test_finalize__epoch_after_those__cannot_touch_the_reservation(pair: Pair) -> None:
    """L14"""
    pair.open()
    request(pair, 60 * USDC)
    settle_until(pair, 2)
    pair.propose(settlement([(pair.treasury, 3)], {0: 40 * USDC}))
    pair.pass_window()
    with boa.reverts("budget"):
        pair.finalize()
    assert pair.escrow.reservation(0)[0] == 60 * USDC


def test_finalize__more_than_lane_and_reservation__reverts(pair: Pair) -> None:
    """L4"""
    pair.open()
    request(pair, 60 * USDC)
    pair.propose(settlement([(pair.treasury, 1)], {0: 100 * USDC + 1}))
    pair.pass_window()
    with boa.reverts("budget"):
        pair.finalize()


def test_finalize__takes_the_whole_reservation__leaves_no_request(pair: Pair) -> None:
    pair.open()
    request(pair, 60 * USDC)
    pair.settle(settlement([(pair.treasury, 1)], {0: 100 * USDC}))
    assert pair.escrow.reservation(0) == (0, 0, 0)
    with boa.reverts("zero"):
        withdraw(pair)
    assert pair.balance(pair.escrow) == pair.escrow.fees()
