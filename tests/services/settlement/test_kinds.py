"""Epochs with every kind of event: closed, attested, verified by a stranger, and restored (L24, L36, L38, L53, L54)."""

from httpx import Client
from settlement_kit.play import EPOCH_MS, do, quorum
from settlement_kit.stage import CHAIN_ID, PAYS_FOR, START_MS, WINDOW_SECONDS, Sale, Stage
from sqlalchemy import text

from backend.core.events import EventKind
from backend.jobs.verify_epoch import verify_epoch
from backend.settlement.epoch import Close, Finalise, Propose, Publish, Restore, Roll

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


def every_kind(epoch: int, at_ms: int) -> list[Sale]:
    """One sale of each kind; the conversion is of a decision 29 days ago, the hour began before the epoch."""
    ages = {EventKind.CONVERSION: 29 * DAY_MS, EventKind.SPONSORED_HOUR: HOUR_MS // 12}
    return [
        Sale(10 * epoch + place, place % 2, 1 + place, 1_000 * epoch + place, at_ms - ages.get(kind, 0), kind)
        for place, kind in enumerate(PAYS_FOR)
    ]


def check(stage: Stage, epoch: int) -> list[str]:
    statement = stage.bundles.folder(CHAIN_ID, epoch, 0) / "statement.json"
    return verify_epoch(stage.rpc_url, str(statement), escrow=stage.escrow_address)


def settle_two(stage: Stage, api: Client) -> None:
    stage.sell(every_kind(1, START_MS))
    assert stage.bill() == 4
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1), Publish(1))
    quorum(stage, api)
    do(stage, Propose(1))
    stage.sell(every_kind(2, START_MS + EPOCH_MS + 1))
    assert stage.bill() == 4
    stage.wait(WINDOW_SECONDS)
    stage.clock.now_ms += EPOCH_MS + 3
    do(stage, Close(2), Publish(2))
    quorum(stage, api)
    do(stage, Roll(2))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(2))


def test_settle__every_kind__attested_final_and_recomputed_by_a_stranger(stage: Stage, api: Client) -> None:
    """L36, L38, L53, L54: a conversion of weeks ago does not stretch the interval for other events."""
    settle_two(stage, api)
    assert [check(stage, epoch) for epoch in (1, 2)] == [[], []]
    with stage.engine.connect() as connection:
        intervals = connection.execute(text("select from_ms, to_ms from epoch order by epoch")).all()
    assert START_MS - 2 * HOUR_MS < intervals[0].from_ms < START_MS
    assert intervals[1].from_ms > START_MS


def test_restore__every_kind__charged_once_for_ever(stage: Stage, api: Client) -> None:
    """L24: what comes back from the bundles keeps its kind, and cannot be charged again."""
    settle_two(stage, api)
    kept = "select event_id, kind, bid_kind, price_micro_usdc, status from event order by event_id"
    with stage.engine.begin() as connection:
        before = connection.execute(text(kept)).all()
        connection.execute(text(
            "truncate event, ledger_transfer, ledger_account, line_item_spend, epoch, epoch_publisher, epoch_debit, "
            "attestation, publisher restart identity cascade"
        ))
    do(stage, Restore(1), Restore(2))
    with stage.engine.connect() as connection:
        assert connection.execute(text(kept)).all() == before
    assert stage.bill() == 0
