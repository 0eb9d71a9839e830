"""The worst cases of docs/threat-model.md, played to the end: what is taken and when is what the page says.

T… are rows of its tables. The roles do here what an honest one never would.
"""

import re
from pathlib import Path

import boa
import pytest
from escrow_kit.pair import (
    ATTESTOR_ADD,
    ESCAPE,
    FEE,
    FEE_BPS_MAX,
    GUARDIAN,
    META,
    NO_ROOT,
    NOTICE,
    OPERATOR,
    RULESET,
    THRESHOLD_KIND,
    TIMELOCK,
    TREASURY,
    UNLIMITED,
    USDC,
    WINDOW,
    Pair,
    Settlement,
    role,
    settlement,
    word,
)
from escrow_kit.signing import account
from eth_account.signers.local import LocalAccount

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "threat-model.md"
THIEF = role(90)
LATE = role(91)  # an advertiser who does not look
PAUSE = 7 * 86_400
BUDGET = 100 * USDC


# --- what the people do ---------------------------------------------------------------------------------------------


def nett(total: int, bps: int = 250) -> int:
    """What an epoch leaves to publishers."""
    return total - total * bps // 10_000


def robbery(pair: Pair, debits: dict[int, int], cumulative: int) -> Settlement:
    """An epoch whose one publisher with earnings is the thief."""
    return settlement([(pair.treasury, 0), (THIEF, cumulative)], debits)


def run(pair: Pair, what: Settlement, signers: list[LocalAccount] | None = None, operator: str | None = None) -> None:
    """Whoever is operator proposes, the guardian sleeps, the window passes, somebody finalises."""
    pair.escrow.propose(*what.terms, pair.sigs(what, signers), sender=operator or pair.operator)
    pair.active_at, pair.proposed = boa.env.timestamp + pair.escrow.window(), what
    pair.pass_window()
    pair.finalize()


def available(pair: Pair, campaign: int) -> int:
    """What the next epoch may debit: the budget and, while it counts, the reservation, within the cap."""
    epoch = pair.escrow.epoch() + 1
    reserved, _, after_epoch = pair.escrow.reservation(campaign)
    money = pair.escrow.remaining(campaign) + (reserved if epoch <= after_epoch else 0)
    cap = pair.escrow.epoch_cap_at(campaign, epoch)
    return int(min(money, cap) if cap else money)


def empty_epoch(pair: Pair) -> None:
    """An epoch without debits; only the first one needs a root of its own."""
    run(pair, settlement([(pair.treasury, 0)], {}))


def empty_proposal(pair: Pair) -> None:
    pair.propose(settlement([(pair.treasury, 0)], {}))


def cap(pair: Pair, campaign: int, amount: int) -> None:
    """A cap that is in force."""
    pair.escrow.set_epoch_cap(campaign, amount, sender=pair.advertiser)
    while pair.escrow.epoch_cap_at(campaign, pair.escrow.epoch() + 1) != amount:
        empty_epoch(pair)


def announce(pair: Pair, *changes: tuple[int, bytes]) -> None:
    for kind, value in changes:
        pair.escrow.propose_config(kind, value, sender=pair.owner)


def apply(pair: Pair, *changes: tuple[int, bytes]) -> None:
    for kind, value in changes:
        pair.escrow.apply_config(kind, value, sender=pair.owner)


def leave(pair: Pair, campaign: int, owner: str) -> int:
    amount: int = pair.escrow.withdraw(campaign, owner, sender=owner)
    return amount


def snatch(pair: Pair, what: Settlement) -> int:
    """The thief claims; what it has got so far."""
    pair.claim(what, 1)
    return pair.balance(THIEF)


# --- strangers ------------------------------------------------------------------------------------------------------


def test_stranger__finalises_before_a_roll__the_operator_proposes_instead(pair: Pair) -> None:
    """T1: all that is lost is the gas of the roll."""
    pair.open()
    first = settlement([(pair.treasury, 0), (pair.publisher, nett(USDC))], {0: USDC})
    second = settlement([(pair.treasury, 0), (pair.publisher, 2 * nett(USDC))], {0: USDC})
    pair.propose(first)
    pair.pass_window()
    sigs = pair.sigs(second, epoch=2, prevRoot=first.root)
    final = (first.root, first.total, pair.active_at, first.words)
    pair.finalize(pair.stranger)
    with boa.reverts("pending"):
        pair.escrow.roll(*final, *second.terms, sigs, sender=pair.operator)
    pair.escrow.propose(*second.terms, sigs, sender=pair.operator)
    assert pair.escrow.epoch() == 1
    assert pair.escrow.pending() != NO_ROOT


def test_stranger__in_every_role_that_is_not_its_own__is_refused(pair: Pair) -> None:
    """T1, L10, L14, L15"""
    pair.open()
    empty_proposal(pair)
    escrow, change = pair.escrow, (FEE, word(1))
    for call, arguments in (
        (escrow.request_withdrawal, (0, 1)),
        (escrow.cancel_withdrawal, (0,)),
        (escrow.withdraw, (0, pair.stranger)),
        (escrow.set_epoch_cap, (0, 1)),
        (escrow.set_campaign_active, (0, False)),
        (escrow.veto, (1,)),
        (escrow.pause, (1,)),
        (escrow.unpause, ()),
        (escrow.propose_config, change),
        (escrow.cancel_config, change),
        (escrow.apply_config, change),
        (escrow.transfer_ownership, (pair.stranger,)),
        (escrow.accept_ownership, ()),
        (pair.payout.set_root, (1, RULESET)),
        (pair.payout.pause, (1,)),
        (pair.payout.unpause, ()),
    ):
        with boa.reverts("auth"):
            call(*arguments, sender=pair.stranger)
    assert escrow.remaining(0) == BUDGET


# --- operator and attestors -----------------------------------------------------------------------------------------


def test_operator__with_one_attestor_too_few__moves_nothing(pair: Pair) -> None:
    """T2, T3, L11: a quorum without the operator, the operator without a quorum."""
    pair.open()
    what = robbery(pair, {0: BUDGET}, nett(BUDGET))
    with boa.reverts("auth"):
        pair.escrow.propose(*what.terms, pair.sigs(what, pair.attestors), sender=pair.attestors[0].address)
    with boa.reverts("sigs"):
        pair.escrow.propose(*what.terms, pair.sigs(what, pair.attestors[:1]), sender=pair.operator)
    assert pair.escrow.remaining(0) == BUDGET


def test_operator_and_quorum__guardian_asleep__take_what_caps_leave_in_one_window(pair: Pair) -> None:
    """T5, L2, L4: the sum of min(cap, budget and reservation), and what publishers have not claimed; not the fees."""
    for _ in range(3):
        pair.open()
    cap(pair, 1, 10 * USDC)
    run(pair, settlement([(pair.treasury, 0), (THIEF, 0), (pair.publisher, nett(20 * USDC))], {0: 20 * USDC}))
    pair.escrow.request_withdrawal(2, 60 * USDC, sender=pair.advertiser)
    unclaimed, fees, started = pair.balance(pair.payout), pair.escrow.fees(), boa.env.timestamp
    debits = {campaign: available(pair, campaign) for campaign in range(3)}
    assert debits == {0: 80 * USDC, 1: 10 * USDC, 2: 100 * USDC}
    loot = nett(190 * USDC) + unclaimed
    what = robbery(pair, debits, loot)
    run(pair, what)
    assert boa.env.timestamp - started == WINDOW
    assert snatch(pair, what) == loot
    assert pair.balance(pair.payout) == 0
    assert pair.balance(pair.escrow) == 90 * USDC + pair.escrow.fees()
    assert pair.escrow.fees() == fees + 190 * USDC - nett(190 * USDC)


def test_operator_and_quorum__one_more_than_the_cap__moves_nothing(pair: Pair) -> None:
    """T5: the bound is exact."""
    pair.open()
    cap(pair, 0, 10 * USDC)
    pair.propose(robbery(pair, {0: 10 * USDC + 1}, 1))
    pair.pass_window()
    with boa.reverts("cap"):
        pair.finalize()


def test_operator_and_quorum__epoch_after_epoch__take_a_cap_per_window(pair: Pair) -> None:
    """T5: a cap bounds the rate; epochs may follow each other as fast as the window allows."""
    pair.open()
    cap(pair, 0, 10 * USDC)
    started, taken = boa.env.timestamp, 0
    for number in range(1, 11):
        taken += available(pair, 0)
        what = robbery(pair, {0: 10 * USDC}, nett(taken))
        run(pair, what)
        assert taken == number * 10 * USDC
    assert (pair.escrow.remaining(0), boa.env.timestamp - started) == (0, 10 * WINDOW)
    assert snatch(pair, what) == nett(BUDGET)


def test_operator_and_quorum__root_of_nonsense__keeps_the_pot_until_a_better_one(pair: Pair) -> None:
    """T5, L18: what publishers had not claimed cannot be claimed, and is there again with the next right root."""
    pair.open()
    right = settlement([(pair.treasury, 0), (pair.publisher, nett(USDC))], {0: USDC})
    run(pair, right)
    run(pair, settlement([(pair.treasury, 1)] * 5, {}))
    with boa.reverts("proof"):
        pair.claim(right, 1)
    run(pair, Settlement(right.tree, (), 0, right.publishers))
    assert pair.claim(right, 1) == nett(USDC)


@pytest.mark.parametrize(("is_pending", "caps"), [(False, 2), (True, 3)])
def test_operator_and_quorum__after_a_request__take_two_or_three_caps(pair: Pair, is_pending: bool, caps: int) -> None:
    """T6, L14: the rest of a capped campaign leaves after the notice."""
    pair.open()
    cap(pair, 0, 10 * USDC)
    taken = 0
    if is_pending:
        taken = 10 * USDC
        pair.propose(robbery(pair, {0: 10 * USDC}, nett(taken)))
    pair.escrow.request_withdrawal(0, BUDGET, sender=pair.advertiser)
    if is_pending:
        pair.pass_window()
        pair.finalize()
    while available(pair, 0):
        taken += available(pair, 0)
        run(pair, robbery(pair, {0: available(pair, 0)}, nett(taken)))
    assert taken == caps * 10 * USDC
    boa.env.time_travel(seconds=NOTICE)
    assert leave(pair, 0, pair.advertiser) == BUDGET - taken


def test_operator_and_quorum__guardian_awake__take_nothing(pair: Pair) -> None:
    """T7, L10: a veto is good until the very transaction that finalises."""
    pair.open()
    what = robbery(pair, {0: BUDGET}, nett(BUDGET))
    sigs = pair.sigs(what)
    pair.propose(what)
    pair.pass_window()
    pair.escrow.veto(1, sender=pair.guardian)
    with boa.reverts("pending"):
        pair.finalize()
    with boa.reverts("signer"):
        pair.escrow.propose(*what.terms, sigs, sender=pair.operator)
    assert pair.escrow.remaining(0) == BUDGET


def test_bad_root__guardian_pauses_payouts__the_next_epoch_takes_it_back(pair: Pair) -> None:
    """T8: nothing forbids a lower cumulative amount, so an honest quorum can give the money back within the pause."""
    pair.open()
    what = robbery(pair, {0: BUDGET}, nett(BUDGET))
    run(pair, what)
    pair.payout.pause(PAUSE, sender=pair.guardian)
    with boa.reverts("paused"):
        pair.claim(what, 1)
    right = settlement([(pair.treasury, 0), (THIEF, 0), (pair.advertiser, nett(BUDGET))], {})
    assert WINDOW < PAUSE
    run(pair, right)
    pair.payout.unpause(sender=pair.guardian)
    with boa.reverts("proof"):
        pair.claim(what, 1)
    pair.claim(right, 2)
    assert (pair.balance(THIEF), pair.balance(pair.advertiser)) == (0, nett(BUDGET))


@pytest.mark.parametrize("before", ["nothing", "pending", "vetoed"])
def test_operator__stalls_with_valid_epochs__holds_a_withdrawal_for_the_escape(pair: Pair, before: str) -> None:
    """T4, L14: proposals and finalisations as late as they can come without ending the silence buy nothing."""
    pair.open()
    if before != "nothing":
        empty_proposal(pair)
    if before == "vetoed":
        pair.escrow.veto(1, sender=pair.guardian)
    pair.escrow.request_withdrawal(0, BUDGET, sender=pair.advertiser)
    started, is_proposed = boa.env.timestamp, before == "pending"
    for _ in range(2):
        boa.env.time_travel(seconds=ESCAPE // 2 - 1)
        with boa.reverts("epoch"):
            leave(pair, 0, pair.advertiser)
        pair.finalize(pair.operator) if is_proposed else empty_proposal(pair)
        is_proposed = not is_proposed
    assert pair.escrow.epoch() < pair.escrow.reservation(0)[2]
    boa.env.time_travel(seconds=started + ESCAPE - boa.env.timestamp)
    assert leave(pair, 0, pair.advertiser) == BUDGET


# --- the guardian ---------------------------------------------------------------------------------------------------


def test_guardian__vetoes_everything__is_replaced_after_the_timelock(pair: Pair) -> None:
    """T9, L10: the settlement is late by the timelock and a window; nothing is moved meanwhile."""
    pair.open()
    what = settlement([(pair.treasury, 0), (pair.publisher, nett(USDC))], {0: USDC})
    pair.propose(what)
    started, change = boa.env.timestamp, (GUARDIAN, word(role(92)))
    pair.escrow.veto(1, sender=pair.guardian)
    announce(pair, change)
    for _ in range(2):
        boa.env.time_travel(seconds=TIMELOCK // 2)
        pair.propose(what)
        pair.escrow.veto(1, sender=pair.guardian)
    assert pair.balance(pair.escrow) == BUDGET
    apply(pair, change)
    run(pair, what)
    assert boa.env.timestamp - started == TIMELOCK + WINDOW


def test_guardian__pauses_whenever_it_can__stops_payments_half_of_the_time(pair: Pair) -> None:
    """T9, L13: seven days stopped, seven days free, again and again; the owner can end each pause."""
    pair.open()
    what = settlement([(pair.treasury, 0), (pair.publisher, nett(USDC))], {0: USDC})
    run(pair, what)
    for contract in (pair.payout, pair.escrow):
        contract.pause(PAUSE, sender=pair.guardian)
        with boa.reverts("duration"):
            contract.pause(PAUSE + 1, sender=pair.guardian)
    boa.env.time_travel(seconds=PAUSE)
    for contract in (pair.payout, pair.escrow):
        with boa.reverts("rest"):
            contract.pause(1, sender=pair.guardian)
    assert pair.claim(what, 1) == nett(USDC)
    boa.env.time_travel(seconds=PAUSE)
    pair.payout.pause(PAUSE, sender=pair.guardian)
    pair.payout.unpause(sender=pair.owner)
    assert not pair.payout.paused()


def test_guardian_and_operator__propose_and_veto__hold_advertisers_for_the_escape(pair: Pair) -> None:
    """T10, L14: vetoed proposals buy nothing."""
    pair.open()
    boa.env.time_travel(seconds=WINDOW)
    pair.propose(settlement([(pair.treasury, 0)], {}))
    pair.escrow.request_withdrawal(0, BUDGET, sender=pair.advertiser)
    started = boa.env.timestamp
    for attempt in range(2):
        pair.escrow.veto(1, sender=pair.guardian)
        boa.env.time_travel(seconds=ESCAPE // 2 - 1)
        with boa.reverts("epoch"):
            leave(pair, 0, pair.advertiser)
        assert pair.escrow.attempt() == attempt + 1
        pair.propose(settlement([(pair.treasury, 0)], {}))
    boa.env.time_travel(seconds=started + ESCAPE - boa.env.timestamp)
    assert leave(pair, 0, pair.advertiser) == BUDGET


# --- the owner ------------------------------------------------------------------------------------------------------

ATTESTOR_OF_THE_OWNER = account(93)
COUP = (
    (OPERATOR, word(role(94))),
    (GUARDIAN, word(role(95))),
    (ATTESTOR_ADD, word(ATTESTOR_OF_THE_OWNER.address)),
    (THRESHOLD_KIND, word(1)),
)


def open_late(pair: Pair) -> int:
    """A campaign of an advertiser who does not look."""
    pair.token.mint(LATE, BUDGET)
    pair.token.approve(pair.escrow, UNLIMITED, sender=LATE)
    campaign: int = pair.escrow.open_campaign(LATE, BUDGET, META, sender=LATE)
    return campaign


def test_owner__takes_all_roles__gets_only_who_stayed(pair: Pair) -> None:
    """T11, L15: epochs that go on let out whoever asks at the announcement, before the timelock has passed."""
    left, stayed = pair.open(), open_late(pair)
    started = boa.env.timestamp
    announce(pair, *COUP)
    pair.escrow.request_withdrawal(left, BUDGET, sender=pair.advertiser)
    for _ in range(2):
        empty_epoch(pair)
    assert boa.env.timestamp - started <= NOTICE
    boa.env.time_travel(seconds=NOTICE - (boa.env.timestamp - started))
    assert leave(pair, left, pair.advertiser) == BUDGET
    with boa.reverts("timelock"):
        apply(pair, COUP[0])
    boa.env.time_travel(seconds=started + TIMELOCK - boa.env.timestamp)
    apply(pair, *COUP)
    what = robbery(pair, {stayed: BUDGET}, nett(BUDGET))
    run(pair, what, [ATTESTOR_OF_THE_OWNER], role(94))
    assert snatch(pair, what) == nett(BUDGET)
    assert boa.env.timestamp - started == TIMELOCK + WINDOW


def test_owner_key_stolen__ownership_goes_at_once__changes_only_after_the_timelock(pair: Pair) -> None:
    """T11, L15: announcements of the owner before are inherited."""
    change = (TREASURY, word(THIEF))
    announce(pair, change)
    pair.escrow.transfer_ownership(THIEF, sender=pair.owner)
    pair.escrow.accept_ownership(sender=THIEF)
    with boa.reverts("auth"):
        pair.escrow.cancel_config(*change, sender=pair.owner)
    with boa.reverts("timelock"):
        pair.escrow.apply_config(*change, sender=THIEF)
    boa.env.time_travel(seconds=TIMELOCK)
    pair.escrow.apply_config(*change, sender=THIEF)
    assert pair.escrow.treasury() == THIEF


def test_owner_and_operator__stop_epochs_during_the_timelock__get_only_who_stayed(pair: Pair) -> None:
    """T12, L15: who asks at the announcement waits for no epoch after the escape, and that is before the change."""
    left, stayed = pair.open(), open_late(pair)
    started = boa.env.timestamp
    announce(pair, *COUP)
    pair.escrow.request_withdrawal(left, BUDGET, sender=pair.advertiser)
    boa.env.time_travel(seconds=ESCAPE // 2)
    empty_proposal(pair)
    boa.env.time_travel(seconds=started + ESCAPE - boa.env.timestamp)
    assert leave(pair, left, pair.advertiser) == BUDGET
    boa.env.time_travel(seconds=started + TIMELOCK - boa.env.timestamp - 1)
    with boa.reverts("timelock"):
        apply(pair, COUP[0])
    boa.env.time_travel(seconds=1)
    apply(pair, *COUP)
    pair.finalize()
    what = robbery(pair, {stayed: available(pair, stayed)}, nett(BUDGET))
    run(pair, what, [ATTESTOR_OF_THE_OWNER], role(94))
    assert snatch(pair, what) == nett(BUDGET)


def test_owner__fee_and_treasury__stay_within_the_bound_and_leave_running_epochs_alone(pair: Pair) -> None:
    """T11, L3: the largest fee binds from the third epoch to come, from the fourth while one is pending."""
    pair.open()
    announce(pair, (FEE, word(FEE_BPS_MAX)), (TREASURY, word(THIEF)))
    boa.env.time_travel(seconds=TIMELOCK)
    what = settlement([(pair.treasury, 0), (pair.publisher, nett(USDC))], {0: USDC})
    pair.propose(what)
    apply(pair, (FEE, word(FEE_BPS_MAX)), (TREASURY, word(THIEF)))
    assert [pair.escrow.fee_bps_at(epoch) for epoch in (1, 2, 3, 4)] == [250, 250, 250, FEE_BPS_MAX]
    with boa.reverts("value"):
        announce(pair, (FEE, word(FEE_BPS_MAX + 1)))
    pair.pass_window()
    pair.finalize()
    assert pair.escrow.withdraw_fees() == pair.balance(THIEF) == USDC - nett(USDC)


# --- one stolen key of a customer -----------------------------------------------------------------------------------


def test_campaign_key_stolen__thief__gets_the_budget_after_notice_and_epochs(pair: Pair) -> None:
    """T13: nobody can stop it; whoever shares the key can only cancel the request."""
    pair.open()
    pair.escrow.request_withdrawal(0, BUDGET, sender=pair.advertiser)
    for _ in range(2):
        empty_epoch(pair)
    boa.env.time_travel(seconds=NOTICE)
    pair.escrow.withdraw(0, THIEF, sender=pair.advertiser)
    assert pair.balance(THIEF) == BUDGET


def test_publisher_key_stolen__thief__gets_what_is_unclaimed_and_no_more(pair: Pair) -> None:
    """T14"""
    pair.open()
    what = settlement([(pair.treasury, 0), (pair.publisher, 30 * USDC), (pair.stranger, 9 * USDC)], {0: 40 * USDC})
    run(pair, what)
    pair.payout.claim_to(1, what.tree.group(1), what.tree.claim_proof(1), THIEF, sender=pair.publisher)
    with boa.reverts("auth"):
        pair.payout.claim_to(2, what.tree.group(2), what.tree.claim_proof(2), THIEF, sender=pair.publisher)
    assert pair.balance(THIEF) == 30 * USDC


# --- when somebody vanishes -----------------------------------------------------------------------------------------


def test_everybody_vanishes__advertisers_leave_and_publishers_claim(pair: Pair) -> None:
    """T15, L14: operator, attestors, guardian and owner do nothing any more; what was not final is not paid."""
    pair.open()
    what = settlement([(pair.treasury, 0), (pair.publisher, nett(40 * USDC))], {0: 40 * USDC})
    run(pair, what)
    final_at = boa.env.timestamp
    boa.env.time_travel(seconds=ESCAPE - NOTICE)
    pair.escrow.request_withdrawal(0, 60 * USDC, sender=pair.advertiser)
    boa.env.time_travel(seconds=NOTICE - 1)
    with boa.reverts("notice"):
        leave(pair, 0, pair.advertiser)
    boa.env.time_travel(seconds=1)
    assert boa.env.timestamp - final_at == ESCAPE
    assert leave(pair, 0, pair.advertiser) == 60 * USDC
    boa.env.time_travel(seconds=10 * 365 * 86_400)
    assert pair.claim(what, 1) == nett(40 * USDC)


def test_escape_used__a_proposal_that_counted_on_the_money__must_be_vetoed(pair: Pair) -> None:
    """T16: publishers lose what the advertiser took; a smaller epoch can follow."""
    pair.open()
    what = settlement([(pair.treasury, 0), (pair.publisher, nett(90 * USDC))], {0: 90 * USDC})
    pair.propose(what)
    pair.escrow.request_withdrawal(0, BUDGET, sender=pair.advertiser)
    boa.env.time_travel(seconds=ESCAPE)
    assert leave(pair, 0, pair.advertiser) == BUDGET
    with boa.reverts("budget"):
        pair.finalize()
    with boa.reverts("pending"):
        pair.propose(settlement([(pair.treasury, 0)], {}))
    pair.escrow.veto(1, sender=pair.guardian)
    run(pair, settlement([(pair.treasury, 0)], {}))
    assert pair.escrow.epoch() == 1


def test_guardian_gone__a_proposal_that_cannot_become_final__is_vetoed_by_the_next_guardian(pair: Pair) -> None:
    """T16: after the timelock."""
    pair.open()
    pair.propose(settlement([(pair.treasury, 0)], {0: BUDGET + 1}))
    pair.pass_window()
    with boa.reverts("budget"):
        pair.finalize()
    pair.configure(GUARDIAN, word(role(92)))
    pair.escrow.veto(1, sender=role(92))
    empty_epoch(pair)
    assert pair.escrow.epoch() == 1


def test_no_charges__no_epochs__a_withdrawal_waits_for_the_escape_or_for_empty_epochs(pair: Pair) -> None:
    """T17: an epoch without debits and with the old root is enough."""
    pair.open()
    run(pair, settlement([(pair.treasury, 0), (pair.publisher, nett(USDC))], {0: USDC}))
    pair.escrow.request_withdrawal(0, 99 * USDC, sender=pair.advertiser)
    boa.env.time_travel(seconds=NOTICE)
    with boa.reverts("epoch"):
        leave(pair, 0, pair.advertiser)
    same = pair.proposed
    assert same is not None
    for _ in range(2):
        run(pair, Settlement(same.tree, (), 0, same.publishers))
    assert leave(pair, 0, pair.advertiser) == 99 * USDC


def test_tokens_sent_without_a_deposit__nobody__can_take_them(pair: Pair) -> None:
    """T18, L16: what is sent to a contract directly stays there."""
    pair.open()
    pair.token.mint(pair.stranger, 2)
    pair.token.transfer(pair.escrow, 1, sender=pair.stranger)
    pair.token.transfer(pair.payout, 1, sender=pair.stranger)
    assert pair.escrow.remaining(0) == BUDGET
    assert (pair.balance(pair.escrow), pair.balance(pair.payout)) == (BUDGET + 1, 1)
    with boa.reverts("budget"):
        pair.escrow.request_withdrawal(0, BUDGET + 1, sender=pair.advertiser)


def test_payments__to_one_of_the_two_contracts__are_refused(pair: Pair) -> None:
    """T18: what is paid out cannot be lost in one of the two contracts by mistake."""
    pair.open()
    what = settlement([(pair.treasury, 0), (pair.publisher, 9 * USDC)], {0: 10 * USDC})
    run(pair, what)
    with boa.reverts("to"):
        pair.payout.claim_to(1, what.tree.group(1), what.tree.claim_proof(1), pair.escrow, sender=pair.publisher)
    pair.escrow.request_withdrawal(0, 90 * USDC, sender=pair.advertiser)
    boa.env.time_travel(seconds=ESCAPE)
    with boa.reverts("to"):
        pair.escrow.withdraw(0, pair.payout, sender=pair.advertiser)


# --- the page -------------------------------------------------------------------------------------------------------


def test_page__every_row__is_played_here() -> None:
    rows = re.findall(r"^\| (T\d+) \|", PAGE.read_text(), re.MULTILINE)
    played = set(re.findall(r"\bT\d+\b", Path(__file__).read_text()))
    assert rows == [f"T{number}" for number in range(1, len(rows) + 1)]
    assert set(rows) == played


def test_page__tests_it_names__exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    known = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert len(named) > 15
    assert named - known == set()
