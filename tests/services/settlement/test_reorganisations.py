"""The chain takes back what our tables have seen already: every transaction of the operator's is repeated."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from httpx import Client
from settlement_kit.play import (
    EPOCH_MS,
    FIRST,
    SECOND,
    attestor,
    do,
    propose_first,
    publish_first,
    publish_second,
    quorum,
)
from settlement_kit.stage import START_MS, WINDOW_SECONDS, Sale, Stage, address_of, key_of
from sqlalchemy import text

from backend.core.errors import Unavailable
from backend.core.money import split
from backend.demo.chain import ABI_FOLDER
from backend.demo.chain import Chain as DemoChain
from backend.local import rpc
from backend.settlement.epoch import Close, Finalise, Nothing, Propose, Publish, Reopen, Roll, next_action
from backend.settlement.keeper.service import KeeperService

CONFIRMATIONS = 3
OURS = {
    "accounts": "select account, debits, credits from ledger_account order by 1",
    "transfers": "select * from ledger_transfer order by id",
    "epochs": "select epoch, attempt, total_micro_usdc, fee_micro_usdc, data_hash from epoch order by 1",
    "lines": "select * from epoch_publisher order by 1, 2",
    "debits": "select * from epoch_debit order by 1, 2",
    "attestations": "select epoch, attempt, attestor, digest, signature from attestation order by 1, 2, 3",
}


def books(stage: Stage) -> dict[str, list[tuple[object, ...]]]:
    """Everything in our tables that no reorganisation may change."""
    with stage.engine.connect() as connection:
        return {name: [tuple(row) for row in connection.execute(text(query))] for name, query in OURS.items()}


def statuses(stage: Stage) -> list[str]:
    with stage.engine.connect() as connection:
        return list(connection.execute(text("select status from epoch order by epoch")).scalars())


def reorganise(stage: Stage, depth: int) -> None:
    """Replace the newest `depth` blocks by empty ones."""
    rpc(stage.rpc_url, "anvil_reorg", depth, [])


def pay_everybody(keeper: KeeperService) -> None:
    while keeper.step():
        pass


def balances(stage: Stage) -> list[int]:
    return [stage.balance(address_of(f"publisher {number}")) for number in (1, 2, 5)]


def owed(*epochs: list[Sale]) -> list[int]:
    """Nets of publishers 1, 2 and 5 over some epochs."""
    total = [0, 0, 0]
    for sales in epochs:
        gross: dict[int, int] = {}
        for sale in sales:
            gross[sale.publisher] = gross.get(sale.publisher, 0) + sale.price
        nets = split(gross, 1_000).net_micro_usdc
        total = [sum_ + nets.get(number, 0) for sum_, number in zip(total, (1, 2, 5), strict=True)]
    return total


def waiting(stage: Stage) -> int:
    """Transactions that the node knows and has in no block."""
    status = rpc(stage.rpc_url, "txpool_status")
    assert isinstance(status, dict)
    return int(str(status["pending"]), 16)


@contextmanager
def mined_by_hand(stage: Stage) -> Iterator[None]:
    rpc(stage.rpc_url, "evm_setAutomine", False)
    try:
        yield
    finally:
        rpc(stage.rpc_url, "evm_setAutomine", True)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def finalise_first(stage: Stage, api: Client) -> None:
    propose_first(stage, api)
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(1))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_propose_undone__proposed_again_with_the_same_signatures(stage: Stage, api: Client, depth: int) -> None:
    """L34, L41: `active_at` is another, what was signed is not."""
    propose_first(stage, api)
    for _ in range(depth - 1):
        stage.wait(1)
    assert isinstance(next_action(stage.epochs().facts()), Nothing)
    first, before = stage.escrow("stranger").pending_proposal(), books(stage)
    reorganise(stage, depth)
    stage.wait(7)
    do(stage, Propose(1))
    again = stage.escrow("stranger").pending_proposal()
    assert first is not None
    assert again is not None
    assert again.data_hash == first.data_hash
    assert again.active_at != first.active_at
    stage.epochs().facts()
    assert books(stage) == before
    assert statuses(stage) == ["proposed"]
    publish_second(stage)
    quorum(stage, api)
    do(stage, Roll(2))


def test_roll_undone__rolled_again(stage: Stage, api: Client) -> None:
    """L34, L41"""
    propose_first(stage, api)
    publish_second(stage)
    quorum(stage, api)
    do(stage, Roll(2))
    stage.epochs().facts()
    before = books(stage)
    assert statuses(stage) == ["finalised", "proposed"]
    reorganise(stage, 1)
    service = stage.epochs()
    service.facts()
    assert statuses(stage) == ["proposed", "published"]
    stage.wait(WINDOW_SECONDS)
    do(stage, Roll(2))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(2))
    stage.epochs().facts()
    assert books(stage) == before
    assert statuses(stage) == ["finalised", "finalised"]
    pay_everybody(stage.keeper())
    assert balances(stage) == owed(FIRST, SECOND)


def test_roll_and_the_proposal_before_it_undone__both_repeated(stage: Stage, api: Client) -> None:
    publish_first(stage)
    quorum(stage, api)
    do(stage, Propose(1))
    publish_second(stage)       # one block for the time that passes
    quorum(stage, api)
    do(stage, Roll(2))
    before = books(stage)
    reorganise(stage, 3)
    do(stage, Propose(1))
    stage.wait(WINDOW_SECONDS)
    do(stage, Roll(2))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(2))
    assert books(stage) == before


def test_finalise_undone_after_it_was_paid_out__repeated_and_paid_once(stage: Stage, api: Client) -> None:
    """L5, L41"""
    finalise_first(stage, api)
    stage.epochs().facts()
    keeper = stage.keeper()
    pay_everybody(keeper)
    before = books(stage)
    assert balances(stage) == owed(FIRST)
    reorganise(stage, 2)
    assert balances(stage) == [0, 0, 0]
    pay_everybody(keeper)
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(1))
    stage.epochs().facts()
    pay_everybody(keeper)
    assert balances(stage) == owed(FIRST)
    assert books(stage) == before


def test_pay_range_undone__paid_again_under_the_same_root(stage: Stage, api: Client) -> None:
    """L41: also when the keeper never saw another root in between, and nothing twice."""
    finalise_first(stage, api)
    stage.epochs().facts()
    keeper = stage.keeper()
    pay_everybody(keeper)
    reorganise(stage, 1)
    assert balances(stage) == [0, 0, 0]
    pay_everybody(keeper)
    assert balances(stage) == owed(FIRST)
    assert not keeper.step()


def test_pay_range_undone__one_of_two_ranges__only_the_lost_one_is_sent_again(stage: Stage, api: Client) -> None:
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
    pay_everybody(keeper)
    reorganise(stage, 1)
    paid = [stage.balance(address_of(f"publisher {number}")) for number in (1, 9)]
    assert paid == [900, 0]
    assert keeper.step()
    assert not keeper.step()
    assert stage.balance(address_of("publisher 9")) == 900


def test_payment_by_a_stranger_undone__the_keeper_pays(stage: Stage, api: Client) -> None:
    """L6: what somebody else paid counts only while it is on chain."""
    finalise_first(stage, api)
    stage.epochs().facts()
    other = stage.keeper()
    pay_everybody(other)
    keeper = stage.keeper()
    assert not keeper.step()
    reorganise(stage, 1)
    pay_everybody(keeper)
    assert balances(stage) == owed(FIRST)


def test_veto_undone__the_first_attempt_becomes_ours_again(stage: Stage, api: Client) -> None:
    """L34, L37: the new attempt was published and attested already when the old one came back."""
    propose_first(stage, api)
    first = stage.escrow("stranger").pending_proposal()
    stage.escrow("guardian").veto(1)
    do(stage, Publish(1))
    quorum(stage, api)
    reorganise(stage, 1)
    do(stage, Publish(1))
    assert stage.escrow("stranger").pending_proposal() == first
    assert stage.epochs().facts().pending is not None
    assert statuses(stage) == ["proposed"]
    publish_second(stage)
    quorum(stage, api)
    do(stage, Roll(2))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(2))
    stage.epochs().facts()
    pay_everybody(stage.keeper())
    assert balances(stage) == owed(FIRST, SECOND)


def test_veto_undone_and_given_again__the_new_attempt_goes_on(stage: Stage, api: Client) -> None:
    """L37: attestors meet the digest that they have signed before."""
    propose_first(stage, api)
    stage.escrow("guardian").veto(1)
    do(stage, Publish(1))
    quorum(stage, api)
    do(stage, Propose(1))
    reorganise(stage, 2)
    do(stage, Publish(1))
    stage.escrow("guardian").veto(1)
    do(stage, Publish(1))
    assert attestor(stage, api, 3).step()
    do(stage, Propose(1))


def test_veto_undone__what_was_signed_behind_it_is_still_what_is_proposed(stage: Stage, api: Client) -> None:
    """L37: an epoch closed behind a veto is opened again only when the veto is confirmed, so nobody signs twice."""
    stage.confirmations = CONFIRMATIONS
    propose_first(stage, api)
    publish_second(stage)
    quorum(stage, api)
    before = books(stage)
    stage.escrow("guardian").veto(1)
    assert next_action(stage.epochs().facts()) == Nothing("the veto may still be undone")
    reorganise(stage, 1)
    stage.wait(WINDOW_SECONDS)
    do(stage, Roll(2))
    assert books(stage) == before


def test_veto_confirmed__what_was_closed_behind_it_is_opened(stage: Stage, api: Client) -> None:
    stage.confirmations = CONFIRMATIONS
    propose_first(stage, api)
    publish_second(stage)
    quorum(stage, api)
    stage.escrow("guardian").veto(1)
    for _ in range(CONFIRMATIONS):
        assert not stage.epochs().step()
        stage.wait(1)
    do(stage, Reopen(2), Publish(1))
    quorum(stage, api)
    do(stage, Propose(1))


def test_attestor__proposal_before_undone_and_repeated__signs_the_same_digest(stage: Stage, api: Client) -> None:
    """L37: `active_at` and block of a proposal are not signed."""
    propose_first(stage, api)
    publish_second(stage)
    assert attestor(stage, api, 1).step()
    reorganise(stage, 2)
    assert not attestor(stage, api, 2).step()       # epoch 2 cannot be next while nothing is pending
    do(stage, Propose(1))
    assert attestor(stage, api, 2).step()
    stage.wait(WINDOW_SECONDS)
    do(stage, Roll(2))


def test_transaction_lost_by_the_node__the_step_ends_soon_and_is_repeated(stage: Stage, api: Client) -> None:
    """L44: the operator's lock is not held for a transaction that can no longer be mined."""
    publish_first(stage)
    quorum(stage, api)
    service = stage.epochs()
    with mined_by_hand(stage), ThreadPoolExecutor(1) as pool:
        stepped = pool.submit(service.step)
        until(lambda: waiting(stage) == 1)
        rpc(stage.rpc_url, "anvil_dropAllTransactions")
        with pytest.raises(Unavailable, match="the node has lost"):
            stepped.result(60)
    do(stage, Propose(1))


def test_demo__transaction_undone_before_it_is_confirmed__is_sent_again(stage: Stage) -> None:
    addresses = {
        "CampaignEscrow": stage.escrow_address, "PublisherPayout": stage.payout_address, "MockUSDC": stage.token
    }
    chain = DemoChain(stage.rpc_url, addresses, ABI_FOLDER, CONFIRMATIONS)
    advertiser: LocalAccount = Account.from_key(key_of("advertiser"))
    approve = chain.token.functions.approve(chain.escrow.address, 77)
    with mined_by_hand(stage), ThreadPoolExecutor(1) as pool:
        sent = pool.submit(chain.send, advertiser, approve)
        until(lambda: waiting(stage) == 1)
        rpc(stage.rpc_url, "evm_mine")
        reorganise(stage, 1)
        until(lambda: waiting(stage) == 1)
        for _ in range(1 + CONFIRMATIONS):
            assert not sent.done()
            rpc(stage.rpc_url, "evm_mine")
        assert chain.head - sent.result(60)["blockNumber"] == CONFIRMATIONS
    assert chain.token.functions.allowance(advertiser.address, chain.escrow.address).call() == 77


def test_standing__block_gone__is_unavailable(stage: Stage) -> None:
    """L44"""
    chain = stage.chain("stranger")
    head = chain.head()
    reorganise(stage, 1)
    assert not chain.has(head)
    epoch = chain.contract("CampaignEscrow", stage.escrow_address).functions.epoch()
    with pytest.raises(Unavailable):
        chain.read_many([epoch], head)
    assert chain.read_many([epoch], chain.head()) == [0]
