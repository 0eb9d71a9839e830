"""Billing accepted events on a real PostgreSQL (L24, L32, L33)."""

import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from backend.core.transfers import Transfer
from backend.db.ledger import LedgerUnbalanced, check_balanced, wait_for_lock, write_transfers
from backend.ledger.service import LedgerService
from indexer.schema import create_schema

sys.path.insert(0, str(Path(__file__).resolve().parent))
from settlement_kit.stage import CHAIN_ID, START_MS, Sale, insert_sales, show_campaign


@pytest.fixture
def ledger(fresh_database_url: str, fresh_engine: Engine) -> LedgerService:
    """A ledger with campaigns 0 (1,000 micro-USDC) and 1 (100)."""
    create_schema(fresh_database_url)
    with fresh_engine.begin() as connection:
        show_campaign(connection, 0, 1_000)
        show_campaign(connection, 1, 100)
    return LedgerService(fresh_engine, CHAIN_ID)


def sell(engine: Engine, *sales: Sale) -> None:
    with engine.begin() as connection:
        insert_sales(connection, sales)


def rows(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_bill__charged_free_and_too_dear__each_is_settled_once(ledger: LedgerService, fresh_engine: Engine) -> None:
    """L26, L33: what the budget does not cover is dropped with a reason and charged to nobody."""
    sell(fresh_engine, Sale(1, 0, 7, 600), Sale(2, 0, 7, 600), Sale(3, 0, 8, 0), Sale(4, 0, 8, 400), Sale(5, 9, 8, 1))
    assert ledger.bill(100) == 5
    assert ledger.bill(100) == 0
    assert rows(fresh_engine, "select status, settled_seq from event order by seq") == [
        ("billed", 1), ("dropped", 2), ("unpaid", 3), ("billed", 4), ("dropped", 5),
    ]
    assert rows(fresh_engine, "select stream_id, reason, kind from dropped_event order by 1") == [
        ("test-2", "budget_gone", "viewable"), ("test-5", "budget_gone", "viewable"),
    ]
    assert rows(fresh_engine, "select account, debits, credits from ledger_account order by 1") == [
        ("campaign:0", 1_000, 0), ("earned:7", 0, 600), ("earned:8", 0, 400),
    ]
    assert rows(fresh_engine, "select sum(spent_micro_usdc)::bigint from line_item_spend") == [(1_000,)]


def test_bill__in_small_batches__the_same_charges_and_ascending_numbers(
    ledger: LedgerService, fresh_engine: Engine
) -> None:
    sell(fresh_engine, *[Sale(n, 1, 7, 30) for n in range(6)])
    assert [ledger.bill(4) for _ in range(3)] == [4, 2, 0]
    assert rows(fresh_engine, "select status, settled_seq from event order by seq") == [
        ("billed", 1), ("billed", 2), ("billed", 3), ("dropped", 4), ("dropped", 5), ("dropped", 6),
    ]


def test_bill__line_item_caps__bind_across_batches_and_days(ledger: LedgerService, fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        connection.execute(text("insert into campaign (owner, name, category, meta, status) "
                                "values ('0x', 'c', 'games', '0x01', 'active')"))
        connection.execute(text(
            "insert into line_item (campaign_id, name, bid_kind, bid_micro_usdc, daily_cap_micro_usdc, "
            "total_cap_micro_usdc, pacing, starts_at, ends_at, status) "
            "values (1, 'l', 'vcpm', 10, 20, 50, 'asap', '2026-01-01', '2026-02-01', 'active')"
        ))
    day = 86_400_000
    sell(fresh_engine, *[Sale(10 * d + n, 0, 7, 10, START_MS + d * day) for d in range(3) for n in range(3)])
    while ledger.bill(2):
        pass
    assert rows(fresh_engine, "select day::text, spent_micro_usdc from line_item_spend order by 1") == [
        ("2026-01-05", 20), ("2026-01-06", 20), ("2026-01-07", 10),
    ]


def test_bill__withdrawal_requested__no_more_than_the_rest(ledger: LedgerService, fresh_engine: Engine) -> None:
    """L33: a request counts as soon as it is seen."""
    with fresh_engine.begin() as connection:
        connection.execute(text("update chain_campaign set reserved = 990 where campaign = 0"))
    sell(fresh_engine, Sale(1, 0, 7, 10), Sale(2, 0, 7, 1))
    ledger.bill(10)
    assert rows(fresh_engine, "select status from event order by seq") == [("billed",), ("dropped",)]


def test_bill__many_at_once__nobody_is_charged_twice(ledger: LedgerService, fresh_engine: Engine) -> None:
    """L24: only one process bills at a time; the others find nothing to do."""
    sell(fresh_engine, *[Sale(n, 0, 7, 1) for n in range(300)])
    decided: list[int] = []

    def bill() -> None:
        idle = 0
        while idle < 50:
            done = ledger.bill(7)
            decided.append(done)
            idle = 0 if done else idle + 1

    threads = [threading.Thread(target=bill) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert sum(decided) == 300
    assert rows(fresh_engine, "select debits from ledger_account where account = 'campaign:0'") == [(300,)]
    numbers = [number for (number,) in rows(fresh_engine, "select settled_seq from event order by seq")]
    assert numbers == list(range(1, 301))


def test_bill__another_process_holds_the_ledger__nothing_happens(ledger: LedgerService, fresh_engine: Engine) -> None:
    sell(fresh_engine, Sale(1, 0, 7, 1))
    with fresh_engine.begin() as other:
        wait_for_lock(other)
        assert ledger.bill(10) == 0
    assert ledger.bill(10) == 1


def test_write_transfers__event_charged_before__refused(connection: Connection) -> None:
    """L24: the unique event id is the last line of defence."""
    charge = Transfer("charge", "campaign:0", "earned:1", 5, "ab" * 17)
    write_transfers(connection, [charge])
    with pytest.raises(IntegrityError):
        write_transfers(connection, [charge])


def test_check_balanced__a_lost_credit__found(connection: Connection) -> None:
    """L32: the same law is checked from the other side, from the totals."""
    write_transfers(connection, [Transfer("charge", "campaign:0", "earned:1", 5, "cd" * 17)])
    connection.execute(text("update ledger_account set credits = 4 where account = 'earned:1'"))
    with pytest.raises(LedgerUnbalanced, match="debits 5 and credits 4"):
        check_balanced(connection)
