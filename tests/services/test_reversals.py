"""Charges of invalid traffic are given back once, or not at all, whatever is killed when (L84, L85).

A flag on an event
├── charged, its epoch not closed   → reversed: the campaign's budget is as if it had never been
├── charged, its epoch closed       → late: nothing changes
├── not billed yet, or free         → voided: never charged
└── beyond its budget               → missed
A lifted flag
├── was reversed, still fits        → reinstated
├── was reversed, budget is gone    → forgone
└── was not charged                 → billed as if it had just come
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from backend.core.events import EventKind
from backend.db.budgets import read_budgets
from backend.db.ledger import check_balanced, wait_for_lock
from backend.ledger.reversal.service import ReversalService
from backend.ledger.service import LedgerService
from backend.serving.purses import keys
from backend.serving.sync.service import BudgetSync
from indexer.schema import create_schema

sys.path.insert(0, str(Path(__file__).resolve().parent))
from settlement_kit.stage import CHAIN_ID, Sale, insert_sales, show_campaign

ROOT = Path(__file__).resolve().parents[2]


class Books:
    """A ledger, its reversals, and what stands in them. Campaign 0 has 1,000 micro-USDC, campaign 1 has 100."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ledger = LedgerService(engine, CHAIN_ID)
        self.reversals = ReversalService(engine, CHAIN_ID)

    def sell(self, *sales: Sale) -> None:
        with self.engine.begin() as connection:
            insert_sales(connection, sales)

    def flag(self, *numbers: int, state: str = "pending") -> None:
        with self.engine.begin() as connection:
            flag = connection.execute(text(
                "insert into traffic_flag (day, placement_id, publisher_index, level, rule, scope, ruleset)"
                " values ('2026-01-05', 3, 7, 'viewer', 'test', 'all', '0x') returning id"
            )).scalar_one()
            connection.execute(text(
                "insert into flagged_event (event_id, flag_id, state) select event_id, :flag, :state from event"
                " where stream_id = any(:ids)"
            ), {"flag": flag, "state": state, "ids": [f"test-{number}" for number in numbers]})

    def lift(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(
                "update flagged_event set state = 'lifting',"
                " amount_micro_usdc = case state when 'reversed' then amount_micro_usdc else 0 end"
                " where state in ('reversed', 'voided')"
            ))
        self.reversals.step()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def spendable(self) -> dict[int, int]:
        with self.engine.connect() as connection:
            return {number: budget.spendable for number, budget in read_budgets(connection, CHAIN_ID).items()}

    def states(self) -> list[object]:
        return [state for (state,) in self.rows("select state from flagged_event order by event_id")]

    def earned(self) -> dict[object, object]:
        return dict(self.rows(  # type: ignore[arg-type]
            "select account, credits - debits from ledger_account where account like 'earned:%'"
        ))

    def check(self) -> None:
        """Debits are credits, what is open is what `earned` holds, and a line item's spend is what it still costs."""
        with self.engine.connect() as connection:
            check_balanced(connection)
        open_charges = self.rows("select coalesce(sum(amount_micro_usdc), 0)::bigint from ledger_transfer"
                                 " where kind = 'charge' and epoch is distinct from 0")
        spent = self.rows("select coalesce(sum(spent_micro_usdc), 0)::bigint from line_item_spend")
        billed = self.rows("select coalesce(sum(price_micro_usdc), 0)::bigint from event where status = 'billed'")
        net = self.rows("select coalesce(sum(debits - credits), 0)::bigint from ledger_account"
                        " where account like 'campaign:%'")
        assert open_charges == spent == billed == net


@pytest.fixture
def books(fresh_database_url: str, fresh_engine: Engine) -> Books:
    create_schema(fresh_database_url)
    with fresh_engine.begin() as connection:
        show_campaign(connection, 0, 1_000)
        show_campaign(connection, 1, 100)
    return Books(fresh_engine)


def test_reverse__every_status__as_the_tree_says(books: Books) -> None:
    """L84: balanced, with a reason, and what was given back can be spent again."""
    books.sell(Sale(1, 0, 7, 600), Sale(2, 0, 7, 600), Sale(3, 0, 8, 0), Sale(4, 0, 8, 100))
    books.ledger.bill(100)
    books.sell(Sale(5, 1, 8, 50))
    books.flag(1, 2, 3, 5)
    assert books.spendable()[0] == 300
    books.reversals.step()
    assert books.states() == ["reversed", "missed", "voided", "voided"]
    assert books.spendable() == {0: 900, 1: 100}
    assert books.earned() == {"earned:7": 0, "earned:8": 100}
    assert books.rows("select stream_id, reason from dropped_event order by 1") == [
        ("test-1", "invalid_traffic"), ("test-2", "budget_gone"), ("test-3", "invalid_traffic"),
        ("test-5", "invalid_traffic"),
    ]
    assert books.ledger.bill(100) == 0
    books.check()


def test_reverse__again__nothing_more(books: Books) -> None:
    books.sell(Sale(1, 0, 7, 600))
    books.ledger.bill(100)
    books.flag(1)
    for _ in range(3):
        books.reversals.step()
    assert books.rows("select kind, epoch, amount_micro_usdc from ledger_transfer order by id") == [
        ("charge", 0, 600), ("reversal", 0, 600),
    ]


def test_reverse__epoch_closed__late_and_nothing_changes(books: Books) -> None:
    """L85."""
    books.sell(Sale(1, 0, 7, 600))
    books.ledger.bill(100)
    with books.engine.begin() as connection:
        connection.execute(text("update ledger_transfer set epoch = 1"))
    books.flag(1)
    books.reversals.step()
    assert books.states() == ["late"]
    assert books.spendable()[0] == 400
    assert books.rows("select status from event") == [("billed",)]


def test_reverse__whole_amount_spent_again__never_more_than_the_budget(books: Books) -> None:
    books.sell(Sale(1, 1, 7, 100))
    books.ledger.bill(100)
    books.flag(1)
    books.reversals.step()
    books.sell(Sale(2, 1, 7, 60), Sale(3, 1, 7, 60))
    books.ledger.bill(100)
    assert books.rows("select stream_id, status from event order by 1") == [
        ("test-1", "invalid"), ("test-2", "billed"), ("test-3", "dropped"),
    ]
    books.lift()
    assert books.states() == ["forgone"]
    books.check()


def test_lift__fits__charged_again_once_and_the_reason_is_taken_back(books: Books) -> None:
    """L84: the same event is charged, given back and charged again at most once each."""
    books.sell(Sale(1, 0, 7, 600), Sale(2, 0, 7, 0))
    books.ledger.bill(100)
    books.sell(Sale(3, 1, 7, 10))
    books.flag(1, 2, 3)
    books.reversals.step()
    books.lift()
    books.lift()
    books.ledger.bill(100)
    assert books.states() == ["reinstated", "cleared", "cleared"]
    assert books.rows("select status from event order by event_id") == [("billed",), ("unpaid",), ("billed",)]
    assert books.rows("select count(*) from dropped_event") == [(0,)]
    assert books.rows("select n from traffic_count where what = 'dropped'") == [(0,)]
    assert books.rows("select event_id is null, kind, epoch from ledger_transfer where amount_micro_usdc = 600"
                      " order by id") == [(False, "charge", None), (False, "reversal", 0), (False, "reinstatement", 0)]
    books.check()


def test_reverse__another_process_holds_the_ledger__nothing_happens(books: Books) -> None:
    books.sell(Sale(1, 0, 7, 1))
    books.flag(1)
    with books.engine.begin() as other:
        wait_for_lock(other)
        assert not books.reversals.step()
    assert books.states() == ["pending"]


def test_reverse__many_at_once_with_the_biller__each_event_one_fate(books: Books) -> None:
    """L84: whoever is first, the event ends invalid and nothing of it is owed."""
    books.sell(*[Sale(n, 0, 7, 2) for n in range(200)])
    books.flag(*range(0, 200, 2))
    stop = threading.Event()

    def loop(step: str) -> None:
        while not stop.is_set():
            books.ledger.bill(9) if step == "bill" else books.reversals.step(7)

    threads = [threading.Thread(target=loop, args=(step,)) for step in ("bill", "bill", "reverse", "reverse")]
    for thread in threads:
        thread.start()
    while books.rows("select 1 from event where status = 'accepted' limit 1") or "pending" in books.states():
        threading.Event().wait(0.02)
    stop.set()
    for thread in threads:
        thread.join(180)
    assert Counter(status for (status,) in books.rows("select status from event")) == {"invalid": 100, "billed": 100}
    assert books.earned() == {"earned:7": 200}
    books.check()


KILLED = """
import sys
from backend.db.engine import make_engine
from backend.ledger.reversal.service import ReversalService
service = ReversalService(make_engine(sys.argv[1]), 31337)
print("ready", flush=True)
while True:
    service.step(3)
"""


def test_reverse__killed_again_and_again__as_if_it_never_was(books: Books, fresh_database_url: str) -> None:
    """L84: kill -9 in the middle of batches; the sum of what is given back is exact."""
    books.sell(*[Sale(n, 0, 7, 3) for n in range(120)])
    books.ledger.bill(1_000)
    books.flag(*range(120))
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, fresh_database_url], cwd=ROOT, stdout=subprocess.PIPE, env=os.environ
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            left = books.states().count("pending")
            while books.states().count("pending") == left > 0:
                threading.Event().wait(0.002)
            child.send_signal(signal.SIGKILL)
    while books.reversals.step(50) or "pending" in books.states():
        pass
    assert books.spendable()[0] == 1_000
    given = "select count(*), sum(amount_micro_usdc)::bigint from ledger_transfer where kind = 'reversal'"
    assert books.rows(given) == [(120, 360)]
    books.check()


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["sell", "free", "bill", "flag", "reverse", "lift", "close"]), max_size=25))
def test_books__any_order__balance_and_nothing_is_owed_twice(books: Books, steps: list[str]) -> None:
    """L84, L32: after any sequence of sales, flags, reversals and closings."""
    with books.engine.begin() as connection:
        connection.execute(text("truncate event, dropped_event, ledger_transfer, ledger_account, line_item_spend,"
                                " flagged_event, traffic_flag, traffic_count"))
    number = 0
    for step in steps:
        if step in ("sell", "free"):
            number += 1
            books.sell(Sale(number, 0, 7, 300 if step == "sell" else 0, kind=EventKind.VIEWABLE))
        elif step == "bill":
            books.ledger.bill(2)
        elif step == "flag" and number:
            with books.engine.begin() as connection:
                taken = connection.execute(text("select 1 from flagged_event f join event e using (event_id)"
                                                " where e.stream_id = :id"), {"id": f"test-{number}"}).scalar()
            if not taken:
                books.flag(number)
        elif step == "reverse":
            books.reversals.step()
        elif step == "lift":
            books.lift()
        elif step == "close":
            with books.engine.begin() as connection:
                connection.execute(text("update ledger_transfer set epoch = 1 where epoch is null"))
        books.check()


def test_reverse__purse_in_redis__has_the_money_again_after_a_sync(books: Books, redis_client: redis.Redis) -> None:
    """L84, L31: what was given back can be held again; the hold of the charge is long gone."""
    def base() -> int:
        BudgetSync(books.engine, redis_client, CHAIN_ID).sync(time.time_ns() // 1_000_000)
        return int(redis_client.hget(keys(0)[0], "campaign") or -1)  # type: ignore[arg-type]

    books.sell(Sale(1, 0, 7, 600))
    books.ledger.bill(100)
    assert base() == 400
    books.flag(1)
    books.reversals.step()
    assert base() == 1_000
    books.lift()
    assert base() == 400
