"""What was given back as invalid traffic is in no settlement, and what is settled is not given back (L85, L36)."""

from httpx import Client
from settlement_kit.play import EPOCH_MS, do, quorum
from settlement_kit.stage import CHAIN_ID, START_MS, WINDOW_SECONDS, Sale, Stage
from sqlalchemy import text

from backend.jobs.verify_epoch import verify_epoch
from backend.ledger.reversal.service import ReversalService
from backend.settlement.epoch import Close, Finalise, Propose, Publish, Reopen, Restore


def flag(stage: Stage, number: int, *, seen_by_the_ledger: bool = True) -> None:
    with stage.engine.begin() as connection:
        row = connection.execute(text(
            "insert into traffic_flag (day, placement_id, publisher_index, level, rule, scope, ruleset)"
            " values ('2026-01-05', 3, 1, 'viewer', 'test', 'all', '0x') returning id"
        )).scalar_one()
        connection.execute(text(
            "insert into flagged_event (event_id, flag_id) select event_id, :flag from event where stream_id = :id"
        ), {"flag": row, "id": f"test-{number}"})
    if seen_by_the_ledger:
        ReversalService(stage.engine, CHAIN_ID).step()


def state_of(stage: Stage, number: int) -> str:
    with stage.engine.connect() as connection:
        return str(connection.execute(text(
            "select state from flagged_event join event using (event_id) where stream_id = :id"
        ), {"id": f"test-{number}"}).scalar_one())


def settle(stage: Stage, api: Client) -> None:
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1), Publish(1))
    quorum(stage, api)
    do(stage, Propose(1))


def verified(stage: Stage) -> list[str]:
    statement = stage.bundles.folder(CHAIN_ID, 1, 0) / "statement.json"
    return verify_epoch(stage.rpc_url, str(statement), escrow=stage.escrow_address)


def test_settle__flagged_before_and_after_closing__the_bundle_has_what_is_charged(stage: Stage, api: Client) -> None:
    """L85, L36: attestors and strangers recompute the same without ever hearing of what was reversed."""
    stage.sell([Sale(1, 0, 1, 1_000), Sale(2, 0, 2, 700), Sale(3, 1, 1, 500)])
    stage.bill()
    flag(stage, 1)
    settle(stage, api)
    flag(stage, 2)
    assert [state_of(stage, number) for number in (1, 2)] == ["reversed", "late"]
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(1))
    assert verified(stage) == []
    with stage.engine.connect() as connection:
        assert connection.execute(text("select total_micro_usdc, events from epoch")).one() == (1_200, 2)


def test_close__flagged_and_not_reversed_yet__waits_for_the_ledger(stage: Stage, api: Client) -> None:
    """L85: what was flagged before a closing is in no epoch; when a closing is undone, late flags are in time."""
    stage.sell([Sale(3, 1, 1, 500)])
    stage.bill()
    settle(stage, api)
    stage.sell([Sale(1, 0, 1, 1_000), Sale(2, 0, 2, 700), Sale(4, 1, 1, 300)])
    stage.bill()
    flag(stage, 1, seen_by_the_ledger=False)
    stage.wait(WINDOW_SECONDS)
    stage.clock.now_ms += EPOCH_MS + 4
    do(stage, Close(2))
    flag(stage, 2)
    assert [state_of(stage, number) for number in (1, 2)] == ["reversed", "late"]
    with stage.engine.connect() as connection:
        totals = connection.execute(text("select total_micro_usdc, events from epoch order by epoch")).all()
    assert totals == [(500, 1), (1_000, 2)]
    stage.escrow("guardian").veto(1)
    do(stage, Reopen(2))
    ReversalService(stage.engine, CHAIN_ID).step()
    assert state_of(stage, 2) == "reversed"


def test_restore__reversed_in_a_backup__what_is_on_chain_stands(stage: Stage, api: Client) -> None:
    """L85: a backup from before the closing flags an event that was settled since; the chain has the last word."""
    stage.sell([Sale(1, 0, 1, 1_000), Sale(2, 0, 2, 700)])
    stage.bill()
    settle(stage, api)
    with stage.engine.begin() as connection:
        connection.execute(text("update ledger_transfer set epoch = null where kind = 'charge'"))
        for table in ("attestation", "epoch_debit", "epoch_publisher", "epoch"):
            connection.execute(text(f"delete from {table}"))
        connection.execute(text("delete from ledger_transfer where kind <> 'charge'"))
        connection.execute(text(
            "update ledger_account set debits = case when account like 'campaign:%' then debits else 0 end,"
            " credits = case when account like 'earned:%' then credits else 0 end"
        ))
    flag(stage, 1)
    assert state_of(stage, 1) == "reversed"
    do(stage, Restore(1))
    assert state_of(stage, 1) == "late"
    with stage.engine.connect() as connection:
        assert connection.execute(text("select status from event order by event_id")).scalars().all() == ["billed"] * 2
        assert connection.execute(text(
            "select kind, epoch from ledger_transfer where event_id is not null and amount_micro_usdc = 1000"
            " order by id"
        )).all() == [("charge", 1), ("reversal", 0), ("reinstatement", 0)]
