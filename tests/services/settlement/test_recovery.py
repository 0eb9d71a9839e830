"""Our tables are lost: what was settled comes back from chain and bundles, and the next epoch follows on (L35)."""

import pytest
from httpx import Client
from settlement_kit.play import EPOCH_MS, FIRST, do, propose_first, publish_second, quorum
from settlement_kit.stage import CHAIN_ID, START_MS, WINDOW_SECONDS, Sale, Stage
from sqlalchemy import text

from backend.core.errors import Conflict
from backend.jobs.verify_epoch import verify_epoch
from backend.settlement.epoch import Close, Finalise, Propose, Publish, Restore, Roll

KEPT = {
    "epoch": "select epoch, attempt, status, from_ms, to_ms, events, total_micro_usdc, data_hash from epoch order by 1",
    "lines": "select * from epoch_publisher order by 1, 2",
    "debits": "select * from epoch_debit order by 1, 2",
    "accounts": "select * from ledger_account order by 1",
    "spend": "select * from line_item_spend order by 1, 2",
    "publishers": "select index, wallet from publisher order by 1",
    "events": "select event_id, kind, bid_kind, chain_campaign, price_micro_usdc, status from event order by 1",
    "transfers": "select kind, debit_account, credit_account, amount_micro_usdc, event_id, epoch "
                 "from ledger_transfer order by 5, 6, 1, 2, 3",
}
OURS = ("event", "ledger_transfer", "ledger_account", "line_item_spend", "epoch", "epoch_publisher", "epoch_debit",
        "attestation", "publisher")


def tables(stage: Stage) -> dict[str, list[tuple[object, ...]]]:
    with stage.engine.connect() as connection:
        return {name: [tuple(row) for row in connection.execute(text(query))] for name, query in KEPT.items()}


def lose_tables(stage: Stage) -> None:
    with stage.engine.begin() as connection:
        connection.execute(text(f"truncate {', '.join(OURS)} restart identity cascade"))


def test_restore__final_and_pending_epoch__as_they_were(stage: Stage, api: Client) -> None:
    propose_first(stage, api)
    publish_second(stage)
    quorum(stage, api)
    do(stage, Roll(2))
    stage.epochs().facts()
    before = tables(stage)
    lose_tables(stage)
    do(stage, Restore(1), Restore(2))
    stage.epochs().facts()
    assert tables(stage) == before
    # Nothing that was settled can be charged again, and the next epoch follows on.
    stage.sell([Sale(30, 0, 1, 1_000, START_MS + 2 * EPOCH_MS + 1)])
    assert stage.bill() == 1
    stage.clock.now_ms = START_MS + 4 * EPOCH_MS
    stage.wait(WINDOW_SECONDS)
    do(stage, Close(3), Publish(3))
    quorum(stage, api)
    do(stage, Roll(3))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(3))
    statement = stage.bundles.folder(CHAIN_ID, 3, 0) / "statement.json"
    assert verify_epoch(stage.rpc_url, str(statement)) == []


def test_restore__tables_of_before_the_closing__its_open_charges_are_taken_over(stage: Stage, api: Client) -> None:
    """L24, L35: a backup has billed events that are settled on chain meanwhile; they are not billed again."""
    propose_first(stage, api)
    stage.epochs().facts()
    before = tables(stage)
    lose_tables(stage)
    stage.sell(FIRST)
    assert stage.bill() == len(FIRST)
    do(stage, Restore(1))
    stage.epochs().facts()
    assert tables(stage) == before


def test_restore__tables_of_after_the_closing__the_published_epoch_replaces_it(stage: Stage, api: Client) -> None:
    """L34, L35: a backup of the minute between closing and publishing."""
    propose_first(stage, api)
    stage.epochs().facts()
    before, balances = tables(stage), owed(stage)
    with stage.engine.begin() as connection:
        connection.execute(text("update epoch set status = 'closed', data_hash = null, publishers_root = null"))
        connection.execute(text("delete from attestation"))
    do(stage, Restore(1))
    stage.epochs().facts()
    after = tables(stage)
    assert {name: after[name] for name in ("epoch", "lines", "debits", "spend", "events")} == {
        name: before[name] for name in ("epoch", "lines", "debits", "spend", "events")
    }
    assert owed(stage) == balances


def owed(stage: Stage) -> dict[str, int]:
    """Balance of every account; what was reversed and posted again stays in its totals."""
    with stage.engine.connect() as connection:
        return {row.account: row.balance for row in connection.execute(
            text("select account, credits - debits as balance from ledger_account order by 1")
        )}


def test_restore__bundle_gone_too__says_what_to_do(stage: Stage, api: Client) -> None:
    propose_first(stage, api)
    lose_tables(stage)
    folder = stage.bundles.folder(CHAIN_ID, 1, 0)
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(Conflict, match="put its bundle back into"):
        stage.epochs().step()
    folder.with_name("elsewhere").rename(folder)
    do(stage, Restore(1))


def test_restore__vetoed_pending_epoch__is_published_with_the_same_events(stage: Stage, api: Client) -> None:
    """L34: also when the entries had to be read back before the new attempt."""
    propose_first(stage, api)
    lose_tables(stage)
    do(stage, Restore(1))
    stage.escrow("guardian").veto(1)
    do(stage, Publish(1))
    first, second = (stage.bundles.read(CHAIN_ID, 1, attempt) for attempt in (0, 1))
    assert first is not None
    assert second is not None
    assert first.events == second.events
    quorum(stage, api)
    do(stage, Propose(1))
