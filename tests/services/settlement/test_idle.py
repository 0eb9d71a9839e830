"""A platform without traffic: a withdrawal that waits for epochs to become final gets them."""

from httpx import Client
from settlement_kit.play import EPOCH_MS, do, propose_first, quorum
from settlement_kit.stage import CHAIN_ID, START_MS, USDC, WINDOW_SECONDS, Stage, address_of
from sqlalchemy import text
from web3 import Web3

from backend.settlement.epoch import Close, Finalise, Nothing, Propose, Publish, Roll, next_action
from backend.settlement.statement import decode

ESCROW = "CampaignEscrow"


def request_withdrawal(stage: Stage, campaign: int, amount: int) -> int:
    """The last epoch that the request waits for; our tables show it as the indexer would."""
    stage.send("advertiser", ESCROW, stage.escrow_address, "request_withdrawal", campaign, amount)
    views = stage.chain("stranger").contract(ESCROW, stage.escrow_address).functions
    reserved, executable_at, after_epoch = views.reservation(campaign).call()
    with stage.engine.begin() as connection:
        connection.execute(
            text(
                "update chain_campaign set reserved = :reserved, remaining = remaining - :reserved, "
                "reserved_executable_at = :at, reserved_after_epoch = :epoch where campaign = :campaign"
            ),
            {"reserved": reserved, "at": executable_at, "epoch": after_epoch, "campaign": campaign},
        )
    return int(after_epoch)


def test_close__no_traffic_ever__two_empty_epochs_let_a_withdrawal_go(stage: Stage, api: Client) -> None:
    """L14, L35: they move nothing, and attestors sign them like any other."""
    stage.clock.now_ms = START_MS
    assert next_action(stage.epochs().facts()) == Nothing("no charges that are due")
    assert request_withdrawal(stage, 0, USDC) == 2
    do(stage, Close(1), Publish(1))
    quorum(stage, api)
    do(stage, Propose(1))
    stage.clock.now_ms += EPOCH_MS
    stage.wait(WINDOW_SECONDS)
    do(stage, Close(2), Publish(2))
    quorum(stage, api)
    do(stage, Roll(2))
    stage.clock.now_ms += 2 * EPOCH_MS
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(2))
    first, second = (decode(stage.bundles.read_statement(CHAIN_ID, epoch, 0) or b"") for epoch in (1, 2))
    assert (second.debits, second.totals.total_micro_usdc, second.events.count) == ([], "0", 0)
    assert (second.interval.from_ms, second.publishers_root) == (first.interval.to_ms, first.publishers_root)
    assert next_action(stage.epochs().facts()) == Nothing("no charges that are due")
    views = stage.chain("stranger").contract(ESCROW, stage.escrow_address).functions
    stage.wait(views.notice().call())
    to = Web3.to_checksum_address(address_of("advertiser"))
    stage.send("advertiser", ESCROW, stage.escrow_address, "withdraw", 0, to)
    assert views.reservation(0).call() == [0, 0, 0]


def test_close__traffic_ended__empty_epochs_follow_and_earnings_stay(stage: Stage, api: Client) -> None:
    """L5, L14: what was earned before is in every later root."""
    propose_first(stage, api)
    after_epoch = request_withdrawal(stage, 0, USDC)
    for epoch in range(2, after_epoch + 1):
        stage.clock.now_ms += EPOCH_MS
        stage.wait(WINDOW_SECONDS)
        do(stage, Close(epoch), Publish(epoch))
        quorum(stage, api)
        do(stage, Roll(epoch))
    stage.clock.now_ms += 2 * EPOCH_MS
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(after_epoch))
    statements = [decode(stage.bundles.read_statement(CHAIN_ID, epoch, 0) or b"") for epoch in (1, after_epoch)]
    cumulative = [[entry.cumulative_micro_usdc for entry in statement.entries] for statement in statements]
    assert cumulative[0] == cumulative[1]
    keeper = stage.keeper()
    while keeper.step():
        pass
    assert stage.balance(stage.payout_address) == 0
