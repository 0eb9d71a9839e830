"""Epochs from the ledger to the chain and the publishers' wallets, on real servers and contracts."""


import pytest
from httpx import Client
from settlement_kit.play import EPOCH_MS, FIRST, do, propose_first, publish_first, publish_second, quorum
from settlement_kit.stage import CHAIN_ID, START_MS, USDC, WINDOW_SECONDS, Sale, Stage, address_of, show_campaign
from sqlalchemy import text
from web3 import Web3

from backend.chain.client import Chain, EscrowClient
from backend.core.errors import Unavailable
from backend.core.money import split
from backend.local import rpc
from backend.settlement.closing import DEBIT_WORDS_MAX
from backend.settlement.epoch import Close, Finalise, Nothing, Propose, Publish, Reopen, Roll, next_action
from backend.settlement.statement import decode
from backend.settlement.store import read_debits, try_operator_lock
from backend.settlement.tree import encode_debits


def accounts(stage: Stage) -> dict[str, int]:
    """Credits minus debits by account."""
    with stage.engine.connect() as connection:
        rows = connection.execute(text("select account, credits - debits as balance from ledger_account"))
        return {row.account: int(row.balance) for row in rows}


def test_two_epochs__roll_then_finalise__everybody_is_paid_to_the_cent(stage: Stage, api: Client) -> None:
    """L3, L19, L35, L38: what the contracts paid is what the bundles say."""
    propose_first(stage, api)
    assert isinstance(next_action(stage.epochs().facts()), Nothing)
    publish_second(stage)
    assert isinstance(next_action(stage.epochs().facts()), Nothing)
    quorum(stage, api)
    do(stage, Roll(2))
    assert stage.escrow("stranger").epoch() == 1
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(2))
    keeper = stage.keeper()
    while keeper.step():
        pass
    first = split({1: 700_001, 2: 400_333, 5: 1}, 1_000)
    second = split({5: 55_555, 1: 9_999}, 1_000)
    for publisher in (1, 2, 5):
        owed = first.net_micro_usdc.get(publisher, 0) + second.net_micro_usdc.get(publisher, 0)
        assert stage.balance(address_of(f"publisher {publisher}")) == owed
    assert stage.balance(address_of("treasury")) == first.dust_micro_usdc + second.dust_micro_usdc
    assert stage.escrow("stranger").fees() == first.fee_micro_usdc + second.fee_micro_usdc
    assert stage.balance(stage.payout_address) == 0
    spent = 1_100_335 + 65_554
    assert stage.balance(stage.escrow_address) == 10 * USDC - spent + stage.escrow("stranger").fees()
    balances = accounts(stage)
    assert balances["fee"] == stage.escrow("stranger").fees()
    assert sum(balances.values()) == 0
    assert all(balance == 0 for account, balance in balances.items() if account.startswith("earned:"))


def test_keeper__manual_publisher__only_with_an_auto_neighbour(stage: Stage, api: Client) -> None:
    stage.sell([Sale(1, 0, 1, 1_000), Sale(2, 0, 2, 1_000), Sale(3, 0, 9, 1_000), Sale(4, 0, 10, 1_000)])
    with stage.engine.begin() as connection:
        connection.execute(text("update publisher set payout_mode = 'manual' where index in (2, 9, 10)"))
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1), Publish(1))
    quorum(stage, api)
    do(stage, Propose(1))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(1))
    assert stage.keeper().step()
    assert not stage.keeper().step()
    paid = [stage.balance(address_of(f"publisher {n}")) for n in (1, 2, 9, 10)]
    assert paid == [900, 900, 0, 0]


def test_keeper__paused_between_two_ranges__the_second_is_paid_after_the_pause(stage: Stage, api: Client) -> None:
    """L6: a pause delays payments, it does not lose them until the next root."""
    stage.sell([Sale(1, 0, 1, 1_000), Sale(2, 0, 9, 1_000)])
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1), Publish(1))
    quorum(stage, api)
    do(stage, Propose(1))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(1))
    stage.epochs().facts()
    keeper = stage.keeper()
    assert keeper.step()
    stage.send("guardian", "PublisherPayout", stage.payout_address, "pause", 3_600)
    assert not keeper.step()
    assert stage.balance(address_of("publisher 9")) == 0
    stage.send("guardian", "PublisherPayout", stage.payout_address, "unpause")
    assert keeper.step()
    assert [stage.balance(address_of(f"publisher {n}")) for n in (1, 9)] == [900, 900]


def test_proof__of_a_manual_publisher__claims_what_it_says(stage: Stage, api: Client) -> None:
    """L19: entries and proof of the API are what the payout contract accepts."""
    propose_first(stage, api)
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(1))
    stage.epochs().facts()
    proof = api.get("/v1/settlements/1/proof/5").json()
    payout = stage.payout("stranger")
    entries, nodes = [int(word) for word in proof["entries"]], [bytes.fromhex(node[2:]) for node in proof["proof"]]
    assert proof["final"] is True
    assert proof["cumulative_micro_usdc"] == 0
    proof = api.get("/v1/settlements/1/proof/2").json()
    entries, nodes = [int(word) for word in proof["entries"]], [bytes.fromhex(node[2:]) for node in proof["proof"]]
    assert payout.claimable(2, entries, nodes) == proof["cumulative_micro_usdc"] == 360_299
    payout.claim(2, entries, nodes)
    assert stage.balance(address_of("publisher 2")) == 360_299


def test_veto__same_entries_again__and_what_was_closed_behind_it_is_opened(stage: Stage, api: Client) -> None:
    """L18, L34: a new attempt carries the same entries; old signatures are worthless."""
    propose_first(stage, api)
    publish_second(stage)
    before = decode(stage.bundles.read_statement(CHAIN_ID, 1, 0) or b"")
    stage.escrow("guardian").veto(1)
    do(stage, Reopen(2), Publish(1))
    after = decode(stage.bundles.read_statement(CHAIN_ID, 1, 1) or b"")
    assert (after.entries, after.debits, after.events) == (before.entries, before.debits, before.events)
    assert isinstance(next_action(stage.epochs().facts()), Nothing)
    quorum(stage, api)
    do(stage, Propose(1))
    stage.wait(WINDOW_SECONDS)
    do(stage, Close(2), Publish(2))
    quorum(stage, api)
    do(stage, Roll(2))
    assert sum(accounts(stage).values()) == 0
    with stage.engine.connect() as connection:
        charged = connection.execute(text(
            "select epoch, sum(amount_micro_usdc)::bigint from ledger_transfer where kind = 'charge' "
            "group by 1 order by 1"
        )).all()
    assert [tuple(row) for row in charged] == [(1, 1_100_335), (2, 65_554)]


def test_reorg__proposal_undone__is_proposed_again(stage: Stage, api: Client) -> None:
    publish_first(stage)
    quorum(stage, api)
    snapshot = rpc(stage.rpc_url, "evm_snapshot")
    do(stage, Propose(1))
    assert isinstance(next_action(stage.epochs().facts()), Nothing)
    rpc(stage.rpc_url, "evm_revert", snapshot)
    do(stage, Propose(1))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(1))


def test_close__epoch_cap__the_rest_stays_open(stage: Stage, api: Client) -> None:
    """L4, L14: an epoch never holds a debit that the escrow would refuse."""
    stage.sell(FIRST)
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    escrow = ("advertiser", "CampaignEscrow", stage.escrow_address)
    stage.send(*escrow, "set_epoch_cap", 0, 500)
    settle(stage, api, 1)
    later = START_MS + EPOCH_MS
    stage.sell([Sale(9, 0, 1, 200, later)])
    stage.bill()
    stage.clock.now_ms += EPOCH_MS
    settle(stage, api, 2)
    # The cap binds from epoch 3 on: 500 of what comes now fits, the rest waits.
    later += EPOCH_MS
    stage.sell([Sale(n, 0, 1, 200, later + n) for n in range(10, 14)])
    stage.bill()
    stage.clock.now_ms += 2 * EPOCH_MS
    do(stage, Close(3), Publish(3))
    third = decode(stage.bundles.read_statement(CHAIN_ID, 3, 0) or b"")
    assert [debit.amount_micro_usdc for debit in third.debits] == ["400"]
    quorum(stage, api)
    do(stage, Propose(3))
    stage.send(*escrow, "set_epoch_cap", 0, 0)
    stage.clock.now_ms += 2 * EPOCH_MS
    stage.wait(WINDOW_SECONDS)
    do(stage, Close(4))


def settle(stage: Stage, api: Client, epoch: int) -> None:
    """The epoch that is over becomes final, attested by the quorum."""
    do(stage, Close(epoch), Publish(epoch))
    quorum(stage, api)
    do(stage, Propose(epoch))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(epoch))


def test_close__withdrawal_requested_after_service__paid_from_the_reservation_once(stage: Stage, api: Client) -> None:
    """L14: service from before the request is paid, later service is not, and no finalisation reverts."""
    propose_first(stage, api)
    stage.send("advertiser", "CampaignEscrow", stage.escrow_address, "request_withdrawal", 0, 5 * USDC - 10)
    late = START_MS + EPOCH_MS
    stage.sell([Sale(n, 0, 1, 1_000, late + n) for n in (20, 21)])
    stage.bill()
    stage.clock.now_ms += 2 * EPOCH_MS
    for epoch in (2, 3):
        stage.wait(WINDOW_SECONDS)
        do(stage, Close(epoch), Publish(epoch))
        quorum(stage, api)
        do(stage, Roll(epoch))
        stage.sell([Sale(20 + 2 * epoch + n, 0, 1, 1_000, late + n) for n in (0, 1)])
        stage.bill()
        stage.clock.now_ms += 2 * EPOCH_MS
    stage.wait(WINDOW_SECONDS)
    service = stage.epochs()
    assert next_action(service.facts()) == Close(4)
    assert service.step()  # nothing of epoch 4 fits, so epoch 3 becomes final alone
    assert stage.escrow("stranger").epoch() == 3
    assert not service.step()


@pytest.mark.parametrize("pending", [False, True])
def test_close__requested_between_closing_and_proposing__service_of_the_next_epoch_is_paid(
    stage: Stage, api: Client, pending: bool
) -> None:
    """L14: an epoch that is over and not yet proposed runs ahead of the one that is billed now."""
    closed = 2 if pending else 1
    if pending:
        propose_first(stage, api)
        stage.sell([Sale(20, 0, 1, 1_000, START_MS + EPOCH_MS)])
    else:
        stage.sell(FIRST)
    stage.bill()
    stage.clock.now_ms = START_MS + closed * EPOCH_MS + 2
    stage.wait(WINDOW_SECONDS)
    do(stage, Close(closed))
    stage.sell([Sale(30, 0, 1, 100_000, stage.clock.now_ms)])
    stage.bill()
    everything = stage.escrow("stranger").remaining(0)
    stage.send("advertiser", "CampaignEscrow", stage.escrow_address, "request_withdrawal", 0, everything)
    do(stage, Publish(closed))
    quorum(stage, api)
    do(stage, Roll(closed) if pending else Propose(closed))
    stage.clock.now_ms += 2 * EPOCH_MS
    stage.wait(WINDOW_SECONDS)
    do(stage, Close(closed + 1), Publish(closed + 1))
    quorum(stage, api)
    do(stage, Roll(closed + 1))
    with stage.engine.connect() as connection:
        assert read_debits(connection, closed + 1) == {0: 100_000}
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(closed + 1))
    assert stage.escrow("stranger").epoch() == closed + 1


@pytest.mark.parametrize("veto", [False, True])
def test_close__billed_before_everything_was_requested__is_paid_all_the_same(
    stage: Stage, api: Client, veto: bool
) -> None:
    """L14: while an epoch is pending, or vetoed, what is served meanwhile fits the one epoch after it."""
    propose_first(stage, api)
    for hour in (1, 2):     # longer than an epoch within one window
        stage.sell([Sale(20 + hour, 0, 1, 100_000, stage.clock.now_ms + 1)])
        stage.bill()
        stage.clock.now_ms += EPOCH_MS + 2
        assert not stage.epochs().step()
    if veto:
        stage.escrow("guardian").veto(1)
    everything = stage.escrow("stranger").remaining(0)
    stage.send("advertiser", "CampaignEscrow", stage.escrow_address, "request_withdrawal", 0, everything)
    if veto:
        do(stage, Publish(1))
        quorum(stage, api)
        do(stage, Propose(1))
    stage.wait(WINDOW_SECONDS)
    do(stage, Close(2), Publish(2))
    quorum(stage, api)
    do(stage, Roll(2))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(2))
    with stage.engine.connect() as connection:
        assert read_debits(connection, 2) == {0: 200_000}
    assert stage.epochs().facts().open_charges is False


def test_roll__a_stranger_finalised_meanwhile__proposed_all_the_same(stage: Stage, api: Client) -> None:
    propose_first(stage, api)
    publish_second(stage)
    quorum(stage, api)
    stage.wait(WINDOW_SECONDS)
    stranger = stage.escrow("stranger")
    pending = stranger.pending_proposal()
    assert pending is not None
    with stage.engine.connect() as connection:
        stranger.finalize(pending, encode_debits(read_debits(connection, 1)))
    do(stage, Propose(2))


def test_step__another_process_holds_the_lock__nothing_is_done(stage: Stage) -> None:
    stage.sell(FIRST)
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    with stage.engine.begin() as other:
        assert try_operator_lock(other)
        assert not stage.epochs().step()
        assert not stage.keeper().step()
    assert stage.epochs().step()


def test_close__nothing_fits__the_proposal_before_becomes_final_all_the_same(stage: Stage, api: Client) -> None:
    stage.send("advertiser", "CampaignEscrow", stage.escrow_address, "set_epoch_cap", 0, 100)
    propose_first(stage, api)
    publish_second(stage)
    quorum(stage, api)
    do(stage, Roll(2))
    stage.sell([Sale(10, 0, 1, 200, START_MS + 2 * EPOCH_MS)])
    stage.bill()
    stage.clock.now_ms += 2 * EPOCH_MS
    stage.wait(WINDOW_SECONDS)
    service = stage.epochs()
    assert next_action(service.facts()) == Close(3)
    assert service.step()
    assert stage.escrow("stranger").epoch() == 2
    assert not service.step()


def test_close__vetoed_between_decision_and_closing__nothing_is_closed(stage: Stage, api: Client) -> None:
    """L14: behind a vetoed epoch none is closed, or withdrawals could leave it without money."""
    propose_first(stage, api)
    stage.sell([Sale(10, 0, 1, 200, START_MS + EPOCH_MS)])
    stage.bill()
    stage.clock.now_ms += 2 * EPOCH_MS
    stage.wait(WINDOW_SECONDS)
    service = stage.epochs()
    assert next_action(service.facts()) == Close(2)
    stage.escrow("guardian").veto(1)
    assert not service.perform(Close(2))
    assert next_action(service.facts()) == Publish(1)


def test_close__more_campaigns_that_cannot_pay_than_fit__the_others_are_settled(stage: Stage) -> None:
    """L22: whoever left debts behind takes nobody's place in an epoch."""
    broke = [4 * group for group in range(1, DEBIT_WORDS_MAX + 2)]
    with stage.engine.begin() as connection:
        for campaign in broke:      # in our tables only: the escrow will not let them be debited
            show_campaign(connection, campaign, USDC)
    stage.sell(Sale(100 + campaign, campaign, 1, 1) for campaign in broke)
    stage.bill()
    stage.sell([Sale(1, 0, 1, 700), Sale(2, 1, 2, 300)])
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1))
    with stage.engine.connect() as connection:
        assert read_debits(connection, 1) == {0: 700, 1: 300}


def test_close__only_what_was_decided_before_the_end__the_rest_is_next(stage: Stage, api: Client) -> None:
    stage.sell([*FIRST, Sale(9, 0, 1, 77, START_MS + EPOCH_MS)])
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1))
    with stage.engine.connect() as connection:
        left = connection.execute(text(
            "select amount_micro_usdc from ledger_transfer where epoch is null and kind = 'charge'"
        )).scalars().all()
    assert left == [77]


def test_rpc_gone_or_wrong__says_so(stage: Stage) -> None:
    """L44: without the chain, or with another one, there is a clear error."""
    nowhere = EscrowClient(Chain("http://127.0.0.1:9", CHAIN_ID), stage.escrow_address)
    with pytest.raises(Unavailable, match="chain_unavailable"):
        nowhere.epoch()
    wrong = EscrowClient(Chain(stage.rpc_url, 1), stage.escrow_address)
    with pytest.raises(Exception, match="the RPC serves chain 31337, not 1"):
        wrong.epoch()
    empty = EscrowClient(Chain(stage.rpc_url, CHAIN_ID), Web3.to_checksum_address("0x" + "12" * 20))
    with pytest.raises(Exception, match="no such contract"):
        empty.epoch()
