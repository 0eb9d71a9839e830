"""Epochs: proposed with a quorum, vetoed or made final after the window, rolled in one transaction."""

import boa
import pytest
from escrow_kit.pair import (
    ATTESTOR_REMOVE,
    DATA_HASH,
    NO_ROOT,
    RULESET,
    THRESHOLD,
    USDC,
    WINDOW,
    WINDOW_KIND,
    Pair,
    Settlement,
    claim_arguments,
    deploy_pair,
    settlement,
    word,
)
from escrow_kit.signing import SETTLEMENT_FIELDS, account, quorum

from backend.settlement.tree import debits_hash


def named(pair: Pair, name: str) -> object:
    (event,) = [event for event in pair.escrow.get_logs() if type(event).__name__ == name]
    return event


def propose(pair: Pair, what: Settlement, sigs: list[bytes], sender: str | None = None) -> None:
    pair.escrow.propose(*what.terms, sigs, sender=sender or pair.operator)


# --- propose --------------------------------------------------------------------------------------------------------


def test_propose__quorum__is_logged_and_pending(pair: Pair, first_epoch: Settlement) -> None:
    pair.propose(first_epoch)
    event = named(pair, "Proposed")
    values = (event.epoch, event.publishers_root, event.debits_hash, event.total, event.publishers)
    assert values == (1, first_epoch.root, debits_hash(first_epoch.words), 40 * USDC, 2)
    assert (event.ruleset, event.data_hash, event.attempt) == (RULESET, DATA_HASH, 0)
    assert event.active_at == boa.env.timestamp + WINDOW
    assert pair.escrow.pending() != NO_ROOT
    assert pair.escrow.epoch() == 0


def test_propose__nothing_final_yet__moves_no_money(pair: Pair, first_epoch: Settlement) -> None:
    """L1, L9"""
    pair.propose(first_epoch)
    assert pair.balance(pair.escrow) == 200 * USDC
    assert pair.payout.root() == NO_ROOT


def test_propose__not_the_operator__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L11"""
    for sender in (pair.owner, pair.guardian, pair.stranger, str(pair.attestors[0].address)):
        with boa.reverts("auth"):
            propose(pair, first_epoch, pair.sigs(first_epoch), sender=sender)


def test_propose__another_is_pending__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L9"""
    pair.propose(first_epoch)
    with boa.reverts("pending"):
        pair.propose(first_epoch)


def test_propose__paused__reverts_until_it_ends(pair: Pair, first_epoch: Settlement) -> None:
    """L13"""
    pair.escrow.pause(60, sender=pair.guardian)
    with boa.reverts("paused"):
        pair.propose(first_epoch)
    boa.env.time_travel(seconds=60)
    pair.propose(first_epoch)


def test_propose__root_zero__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L17"""
    _, *rest = first_epoch.terms
    sigs = quorum(pair.attestors, pair.domain, pair.message(first_epoch, publishersRoot=NO_ROOT))
    with boa.reverts("zero"):
        pair.escrow.propose(NO_ROOT, *rest, sigs, sender=pair.operator)


def test_propose__same_root_though_money_moved__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L17"""
    pair.settle(first_epoch)
    with boa.reverts("root"):
        pair.propose(first_epoch)


def test_propose__same_root_and_nothing_debited__settles(pair: Pair, first_epoch: Settlement) -> None:
    pair.settle(first_epoch)
    pair.settle(Settlement(first_epoch.tree, (), 0, 2))
    assert pair.escrow.epoch() == 2
    assert pair.balance(pair.payout) == 39 * USDC


# --- the quorum -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signers", [(), (0,)])
def test_quorum__too_few__reverts(pair: Pair, first_epoch: Settlement, signers: tuple[int, ...]) -> None:
    """L11"""
    sigs = pair.sigs(first_epoch, [pair.attestors[number] for number in signers])
    with boa.reverts("sigs"):
        propose(pair, first_epoch, sigs)


def test_quorum__half_a_signature__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L11"""
    with boa.reverts("sigs"):
        propose(pair, first_epoch, pair.sigs(first_epoch, pair.attestors)[:-1])


def test_quorum__more_than_needed__is_accepted(pair: Pair, first_epoch: Settlement) -> None:
    propose(pair, first_epoch, pair.sigs(first_epoch, pair.attestors))


def test_quorum__same_attestor_twice__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L11"""
    with boa.reverts("signer"):
        propose(pair, first_epoch, pair.sigs(first_epoch, [pair.attestors[0]]) * THRESHOLD)


def test_quorum__unsorted__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L11"""
    sigs = pair.sigs(first_epoch)
    with boa.reverts("signer"):
        propose(pair, first_epoch, sigs[2:] + sigs[:2])


def test_quorum__one_is_not_an_attestor__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L11"""
    with boa.reverts("signer"):
        propose(pair, first_epoch, pair.sigs(first_epoch, [pair.attestors[0], account(7)]))


def test_quorum__a_removed_attestor__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L11"""
    pair.configure(ATTESTOR_REMOVE, word(str(pair.attestors[0].address)))
    with boa.reverts("signer"):
        propose(pair, first_epoch, pair.sigs(first_epoch))
    propose(pair, first_epoch, pair.sigs(first_epoch, pair.attestors[1:]))


def test_quorum__signature_that_recovers_nobody__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L11: the zero address is not an attestor."""
    with boa.reverts("signer"):
        propose(pair, first_epoch, [bytes(32)] * 4)


def test_quorum__high_s__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L12: the compact form leaves room for a sliver of high `s` values only, and those are refused."""
    sigs = pair.sigs(first_epoch)
    sigs[1] = (2**255 - 1).to_bytes(32, "big")
    with boa.reverts("s"):
        propose(pair, first_epoch, sigs)


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": 2},
        {"attempt": 1},
        {"prevRoot": bytes([1]) * 32},
        {"publishersRoot": bytes([1]) * 32},
        {"debitsHash": bytes([1]) * 32},
        {"totalDebit": 1},
        {"publishers": 1},
        {"rulesetHash": bytes([1]) * 32},
        {"dataHash": bytes([1]) * 32},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_quorum__signed_something_else__reverts(
    pair: Pair, first_epoch: Settlement, changes: dict[str, object]
) -> None:
    """L12"""
    with boa.reverts("signer"):
        propose(pair, first_epoch, pair.sigs(first_epoch, **changes))


def test_quorum__signed_for_another_deployment__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L12"""
    twin = deploy_pair()
    with boa.reverts("signer"):
        propose(pair, first_epoch, quorum(pair.attestors, twin.domain, pair.message(first_epoch)))


def test_quorum__chain_split_after_deployment__old_signatures_are_worthless(
    pair: Pair, first_epoch: Settlement
) -> None:
    """L12"""
    before = pair.sigs(first_epoch)
    separator = pair.escrow.DOMAIN_SEPARATOR()
    with boa.env.anchor():
        boa.env.evm.patch.chain_id = 4242
        assert pair.escrow.DOMAIN_SEPARATOR() != separator
        assert pair.escrow.eip712Domain()[3] == 4242
        with boa.reverts("signer"):
            propose(pair, first_epoch, before)
        propose(pair, first_epoch, pair.sigs(first_epoch))
    boa.env.evm.patch.chain_id = 1
    propose(pair, first_epoch, before)


# --- veto -----------------------------------------------------------------------------------------------------------


def test_veto__by_the_guardian__kills_the_proposal_for_ever(pair: Pair, first_epoch: Settlement) -> None:
    """L10, L18"""
    sigs = pair.sigs(first_epoch)
    pair.propose(first_epoch)
    pair.escrow.veto(1, sender=pair.guardian)
    event = named(pair, "Vetoed")
    assert (event.epoch, event.by, event.attempt) == (1, pair.guardian, 0)
    assert pair.escrow.attempt() == 1
    assert pair.escrow.pending() == NO_ROOT
    pair.pass_window()
    with boa.reverts("pending"):
        pair.finalize()
    with boa.reverts("signer"):
        propose(pair, first_epoch, sigs)


def test_veto__after_the_window__still_works(pair: Pair, first_epoch: Settlement) -> None:
    """L10"""
    pair.propose(first_epoch)
    pair.pass_window()
    pair.escrow.veto(1, sender=pair.guardian)
    with boa.reverts("pending"):
        pair.finalize()


def test_veto__then_proposed_anew__settles_with_the_next_attempt(pair: Pair, first_epoch: Settlement) -> None:
    """L10"""
    pair.propose(first_epoch)
    pair.escrow.veto(1, sender=pair.guardian)
    pair.propose(first_epoch)
    assert named(pair, "Proposed").attempt == 1
    pair.pass_window()
    pair.finalize()
    assert pair.escrow.epoch() == 1


def test_attempt__epochs_final_since__goes_on_counting(pair: Pair, first_epoch: Settlement) -> None:
    """L10, L12: one number for every proposal that was ever vetoed, also across epochs."""
    pair.propose(first_epoch)
    pair.escrow.veto(1, sender=pair.guardian)
    pair.settle(first_epoch)
    assert pair.escrow.attempt() == 1
    second = settlement([(pair.treasury, 1), (pair.publisher, 39 * USDC)], {0: 1})
    pair.propose(second)
    assert named(pair, "Proposed").attempt == 1
    pair.escrow.veto(2, sender=pair.guardian)
    assert pair.escrow.attempt() == 2


def test_veto__not_the_guardian__reverts(pair: Pair, first_epoch: Settlement) -> None:
    pair.propose(first_epoch)
    for sender in (pair.owner, pair.operator, pair.stranger):
        with boa.reverts("auth"):
            pair.escrow.veto(1, sender=sender)


def test_veto__nothing_pending_or_another_epoch__reverts(pair: Pair, first_epoch: Settlement) -> None:
    with boa.reverts("pending"):
        pair.escrow.veto(1, sender=pair.guardian)
    pair.propose(first_epoch)
    with boa.reverts("epoch"):
        pair.escrow.veto(2, sender=pair.guardian)


def test_veto__already_final__changes_nothing(pair: Pair, first_epoch: Settlement) -> None:
    pair.settle(first_epoch)
    with boa.reverts("pending"):
        pair.escrow.veto(1, sender=pair.guardian)
    assert pair.payout.root() == first_epoch.root


# --- finalize -------------------------------------------------------------------------------------------------------


def test_finalize__by_a_stranger_after_the_window__splits_without_loss(pair: Pair, first_epoch: Settlement) -> None:
    """L1, L3"""
    pair.settle(first_epoch)
    event = named(pair, "Finalized")
    assert (event.epoch, event.publishers_root, event.total) == (1, first_epoch.root, 40 * USDC)
    assert event.fee == pair.escrow.fees() == 1 * USDC
    assert [pair.escrow.remaining(campaign) for campaign in (0, 1)] == [70 * USDC, 90 * USDC]
    assert pair.balance(pair.payout) == 39 * USDC
    assert pair.balance(pair.escrow) == 161 * USDC
    assert pair.escrow.last_root() == pair.payout.active_root() == first_epoch.root


@pytest.mark.parametrize(("total", "fee"), [(39, 0), (40, 1), (79, 1), (1_000_003, 25_000)])
def test_finalize__fee__is_rounded_down(pair: Pair, total: int, fee: int) -> None:
    """L3"""
    pair.open()
    pair.settle(settlement([(pair.treasury, total)], {0: total}))
    assert pair.escrow.fees() == fee
    assert pair.balance(pair.payout) == total - fee


def test_finalize__one_second_early__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L9"""
    pair.propose(first_epoch)
    boa.env.time_travel(seconds=WINDOW - 1)
    with boa.reverts("window"):
        pair.finalize()
    boa.env.time_travel(seconds=1)
    pair.finalize()


def test_finalize__active_at_forged__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L9"""
    pair.propose(first_epoch)
    pair.active_at = boa.env.timestamp
    with boa.reverts("pending"):
        pair.finalize()


def test_finalize__window_changed_after_the_proposal__keeps_its_time(pair: Pair, first_epoch: Settlement) -> None:
    """L9, L15"""
    pair.escrow.propose_config(WINDOW_KIND, word(1), sender=pair.owner)
    boa.env.time_travel(seconds=pair.escrow.timelock())
    pair.propose(first_epoch)
    active_at = pair.active_at
    pair.escrow.apply_config(WINDOW_KIND, word(1), sender=pair.owner)
    boa.env.time_travel(seconds=1)
    with boa.reverts("window"):
        pair.finalize()
    pair.active_at = boa.env.timestamp
    with boa.reverts("pending"):
        pair.finalize()
    boa.env.time_travel(seconds=WINDOW)
    pair.active_at = active_at
    pair.finalize()


def test_finalize__twice__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L9"""
    pair.settle(first_epoch)
    with boa.reverts("pending"):
        pair.finalize()


def test_finalize__nothing_proposed__reverts(pair: Pair, first_epoch: Settlement) -> None:
    pair.proposed = first_epoch
    with boa.reverts("pending"):
        pair.finalize()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "total"),
        ([2 * USDC << 56 | 38 * USDC], "pending"),
        ([1 << 224, 10 * USDC << 56 | 30 * USDC], "order"),
        ([10 * USDC << 56, 30 * USDC], "order"),
    ],
    ids=["missing", "other split", "descending", "same group twice"],
)
def test_finalize__other_debits_than_proposed__reverts(
    pair: Pair, first_epoch: Settlement, words: list[int], reason: str
) -> None:
    """L3, L4"""
    pair.propose(first_epoch)
    pair.pass_window()
    with boa.reverts(reason):
        pair.escrow.finalize(first_epoch.root, first_epoch.total, pair.active_at, words)


def test_finalize__other_root_or_total__reverts(pair: Pair, first_epoch: Settlement) -> None:
    pair.propose(first_epoch)
    pair.pass_window()
    with boa.reverts("pending"):
        pair.escrow.finalize(bytes([1]) * 32, first_epoch.total, pair.active_at, first_epoch.words)
    with boa.reverts("total"):
        pair.escrow.finalize(first_epoch.root, first_epoch.total + 1, pair.active_at, first_epoch.words)


@pytest.mark.parametrize("campaign", range(4))
def test_finalize__one_lane_short__reverts_and_never_borrows(pair: Pair, campaign: int) -> None:
    """L4"""
    for _ in range(4):
        pair.open()
    debits = dict.fromkeys(range(4), USDC) | {campaign: 100 * USDC + 1}
    pair.propose(settlement([(pair.treasury, 1)], debits))
    pair.pass_window()
    with boa.reverts("budget"):
        pair.finalize()
    assert [pair.escrow.remaining(number) for number in range(4)] == [100 * USDC] * 4


@pytest.mark.parametrize("campaign", range(4))
def test_finalize__one_lane_emptied__leaves_the_others(pair: Pair, campaign: int) -> None:
    """L4"""
    for _ in range(4):
        pair.open()
    pair.settle(settlement([(pair.treasury, 1)], {campaign: 100 * USDC}))
    expected = [0 if number == campaign else 100 * USDC for number in range(4)]
    assert [pair.escrow.remaining(number) for number in range(4)] == expected


def test_finalize__campaign_that_does_not_exist__reverts(pair: Pair) -> None:
    """L4"""
    pair.open()
    pair.propose(settlement([(pair.treasury, 1)], {1: 1}))
    pair.pass_window()
    with boa.reverts("budget"):
        pair.finalize()


def test_finalize__256_words__settles_1024_campaigns(pair: Pair) -> None:
    """L22"""
    debits = {}
    for group in range(0, 256, 51):
        while pair.escrow.campaign_count() < 4 * group + 4:
            pair.open(USDC)
        debits |= {4 * group + lane: group + lane + 1 for lane in range(4)}
    pair.settle(settlement([(pair.treasury, 1)], debits))
    assert all(pair.escrow.remaining(campaign) == USDC - amount for campaign, amount in debits.items())


def test_finalize__paused__works(pair: Pair, first_epoch: Settlement) -> None:
    """L13: what is attested and unopposed does not wait, so that withdrawals do not either."""
    pair.propose(first_epoch)
    pair.pass_window()
    pair.escrow.pause(60, sender=pair.guardian)
    pair.finalize()


# --- roll -----------------------------------------------------------------------------------------------------------


def roll(pair: Pair, final: Settlement, after: Settlement, sigs: list[bytes], sender: str | None = None) -> None:
    arguments = (final.root, final.total, pair.active_at, final.words, *after.terms, sigs)
    pair.escrow.roll(*arguments, sender=sender or pair.operator)


@pytest.fixture
def second_epoch(pair: Pair, first_epoch: Settlement) -> Settlement:
    return settlement([(pair.treasury, 0), (pair.publisher, 58 * USDC)], {0: 20 * USDC})


def test_roll__window_passed__finalises_and_proposes(
    pair: Pair, first_epoch: Settlement, second_epoch: Settlement
) -> None:
    """L9"""
    pair.propose(first_epoch)
    pair.pass_window()
    roll(pair, first_epoch, second_epoch, pair.sigs(second_epoch, epoch=2, prevRoot=first_epoch.root))
    names = [type(event).__name__ for event in pair.escrow.get_logs()]
    assert [name for name in names if name in ("Finalized", "Proposed")] == ["Finalized", "Proposed"]
    assert named(pair, "Proposed").epoch == 2
    assert pair.escrow.epoch() == 1
    pair.active_at, pair.proposed = boa.env.timestamp + WINDOW, second_epoch
    pair.pass_window()
    pair.finalize()
    assert pair.payout.root() == second_epoch.root
    assert pair.balance(pair.payout) == 39 * USDC + 19_500_000


def test_roll__too_early__changes_nothing(pair: Pair, first_epoch: Settlement, second_epoch: Settlement) -> None:
    """L9"""
    pair.propose(first_epoch)
    sigs = pair.sigs(second_epoch, epoch=2, prevRoot=first_epoch.root)
    with boa.reverts("window"):
        roll(pair, first_epoch, second_epoch, sigs)
    assert pair.escrow.epoch() == 0


def test_roll__signed_on_another_previous_root__reverts(
    pair: Pair, first_epoch: Settlement, second_epoch: Settlement
) -> None:
    """L12, L18"""
    pair.propose(first_epoch)
    pair.pass_window()
    with boa.reverts("signer"):
        roll(pair, first_epoch, second_epoch, pair.sigs(second_epoch, epoch=2))


def test_roll__not_the_operator_or_paused_or_no_quorum__reverts(
    pair: Pair, first_epoch: Settlement, second_epoch: Settlement
) -> None:
    """L11, L13"""
    pair.propose(first_epoch)
    pair.pass_window()
    sigs = pair.sigs(second_epoch, epoch=2, prevRoot=first_epoch.root)
    with boa.reverts("auth"):
        roll(pair, first_epoch, second_epoch, sigs, sender=pair.stranger)
    with boa.reverts("sigs"):
        roll(pair, first_epoch, second_epoch, sigs[:2])
    pair.escrow.pause(60, sender=pair.guardian)
    with boa.reverts("paused"):
        roll(pair, first_epoch, second_epoch, sigs)


# --- fees, digest, views --------------------------------------------------------------------------------------------


def test_withdraw_fees__by_a_stranger__pays_the_treasury(pair: Pair, first_epoch: Settlement) -> None:
    """L1"""
    pair.settle(first_epoch)
    assert pair.escrow.withdraw_fees(sender=pair.stranger) == USDC
    event = named(pair, "FeesWithdrawn")
    assert (event.to, event.amount) == (pair.treasury, USDC)
    assert pair.balance(pair.treasury) == USDC
    assert pair.escrow.fees() == 0
    assert pair.balance(pair.escrow) == 160 * USDC


def test_withdraw_fees__none__reverts(pair: Pair) -> None:
    with boa.reverts("zero"):
        pair.escrow.withdraw_fees()


def test_withdraw_fees__while_a_proposal_is_pending__does_not_disturb_it(
    pair: Pair, first_epoch: Settlement, second_epoch: Settlement
) -> None:
    pair.settle(first_epoch)
    pair.propose(second_epoch)
    pair.escrow.withdraw_fees()
    pair.pass_window()
    pair.finalize()
    assert pair.escrow.epoch() == 2
    assert pair.escrow.fees() == USDC // 2


def test_digest__same_as_a_wallet_signs(pair: Pair, first_epoch: Settlement) -> None:
    """L12, L19"""
    from eth_account.messages import _hash_eip191_message, encode_typed_data

    message = pair.message(first_epoch)
    types = {"Settlement": [{"name": name, "type": kind} for name, kind in SETTLEMENT_FIELDS]}
    expected = _hash_eip191_message(encode_typed_data(pair.domain, types, message))
    assert pair.escrow.digest(*message.values()) == expected


def test_pending__proposed__is_the_hash_that_indexers_recompute(pair: Pair, first_epoch: Settlement) -> None:
    from eth_utils import keccak

    pair.propose(first_epoch)
    words = [1, int.from_bytes(first_epoch.root, "big"), int.from_bytes(debits_hash(first_epoch.words), "big")]
    words += [first_epoch.total, pair.active_at]
    assert pair.escrow.pending() == keccak(b"".join(word(value) for value in words))


def test_eip712_domain__both_contracts__are_named(pair: Pair) -> None:
    """L12"""
    for contract, name in ((pair.escrow, "CampaignEscrow"), (pair.payout, "PublisherPayout")):
        fields, name_, version, chain_id, address, salt, extensions = contract.eip712Domain()
        assert (fields, name_, version, chain_id) == (b"\x0f", name, "1", boa.env.evm.patch.chain_id)
        assert (address, salt, extensions) == (contract.address, NO_ROOT, [])


def test_set_root__old_root_after_a_new_one__cannot_be_claimed(
    pair: Pair, first_epoch: Settlement, second_epoch: Settlement
) -> None:
    """L18"""
    pair.settle(first_epoch)
    pair.settle(second_epoch)
    with boa.reverts("proof"):
        pair.payout.claim(*claim_arguments(first_epoch.tree, 1))
