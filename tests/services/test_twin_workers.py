"""Two workers at one job, stepped through the moments at which they meet: none raises, and nothing is lost (L24).

Each test holds a lock or a transaction open until PostgreSQL says that the other worker waits for it, or is done.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from sqlalchemy import Connection, Engine, create_engine, text

from backend.conversions.service import WaitingConversions
from backend.core.ids import Address
from backend.core.ruleset import Ruleset
from backend.db.decision_locks import DECISION_LOCK
from backend.db.ledger import wait_for_lock
from backend.ingest import store as ingest
from backend.ingest.reports import AcceptedRecord, Written, encode_entry
from backend.ingest.sequence import Row
from backend.ingest.service import IngestConsumer
from backend.ingest.stream import FIELD, STREAM
from backend.onramp import store as cards
from backend.onramp.book import heard
from backend.onramp.payment import FeeHeard, Paid
from backend.operation.webhooks import store as webhooks
from backend.pctr.service import RateCounting
from backend.serving.tally.counting import Tally
from backend.serving.tally.store import write_tallies
from backend.settlement import store as settlement
from backend.settlement.attestor.store import AttestorFiles, EquivocationRefused
from backend.settlement.bundle import ChargedEvent
from backend.settlement.publication.store import BundleFiles
from backend.settlement.recovery.store import insert_events
from backend.settlement.verify import Bundle
from backend.traffic import store as traffic
from backend.traffic.flags import store as flags
from backend.traffic.flags.flag import FlagStatus
from backend.traffic.service import TrafficService

sys.path.insert(0, str(Path(__file__).resolve().parent))
from settlement_kit.stage import Sale, insert_sales

SECONDS = 60.0
MODERATOR = Address("0x" + "d0" * 20)
THEN_MS = 1_790_000_000_000
WAITS = "select 1 from pg_stat_activity where application_name = :name and wait_event_type = 'Lock'"
FIRST, SECOND = "first worker", "second worker"
LOCK_DECISION = text("select pg_advisory_xact_lock(:lock, hashtext(:decision))")
GOAL = """
insert into conversion_goal (campaign_id, name, kind, click_days, view_days, repeatable, status, secret_version)
values (:campaign, 'Orders', 'postback', 7, 0, true, 'active', 1) returning id
"""
CONVERSION = """
insert into conversion (goal_id, campaign_id, order_id, decision_id, state, occurred_ms, received_ms)
select id, campaign_id, :decision, :decision, 'waiting', :at, :at from conversion_goal
"""
CLICK = """
insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id, placement_id,
                   publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id, stream_index, status)
select :decision || '02', :decision, 'click', 'cpa', 0, id, 1, 1, 1, 0, :at, :at, :decision, 0, 'unpaid' from line_item
"""
FLAG = """
insert into traffic_flag (day, placement_id, publisher_index, level, rule, scope, ruleset)
values ('2026-01-05', 3, 7, 'viewer', 'test', 'all', '0x') returning id
"""


class Twins:
    """Two workers, each known to PostgreSQL by its name, and a third party that holds them up."""

    def __init__(self, engine: Engine, pool: ThreadPoolExecutor) -> None:
        self.engine = engine
        self._pool = pool
        self.engines = {
            name: create_engine(engine.url, connect_args={"application_name": name}) for name in (FIRST, SECOND)
        }

    def start(self, name: str, work: Callable[[Engine], Any]) -> "Future[Any]":
        """Returns when the work is done, or waits for a lock."""
        future = self._pool.submit(work, self.engines[name])
        deadline = time.monotonic() + SECONDS
        while not future.done() and not self.rows(WAITS, name=name):
            assert time.monotonic() < deadline
        return future

    def begin(self, name: str, work: Callable[[Connection], Any]) -> "Future[Any]":
        """The same, of work in a transaction of its own."""
        def run(engine: Engine) -> Any:
            with engine.begin() as connection:
                return work(connection)

        return self.start(name, run)

    def rows(self, query: str, **bound: object) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), bound)]

    def run(self, query: str, **bound: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(query), bound)


@pytest.fixture
def twins(fresh_engine: Engine) -> Iterator[Twins]:
    with ThreadPoolExecutor(2) as pool:
        twins = Twins(fresh_engine, pool)
        yield twins
    for engine in twins.engines.values():
        engine.dispose()


def decision(number: int) -> str:
    return f"{THEN_MS:012x}{number:020x}"


def in_order_of_locks(twins: Twins, count: int) -> list[str]:
    """Decisions whose names and whose locks have one order."""
    found: list[tuple[str, int]] = []
    for name, key in twins.rows(
        "select d, hashtext(d) from unnest(cast(:names as text[])) d order by d",
        names=[decision(number) for number in range(64)],
    ):
        if not found or key > found[-1][1]:
            found.append((name, key))
    assert len(found) >= count
    return [name for name, _ in found[:count]]


# --- conversions ------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(twins: Twins) -> None:
    """A campaign with a line item and a goal."""
    with twins.engine.begin() as connection:
        campaign = connection.execute(text(
            "insert into campaign (owner, name, category, meta, status) values ('0x1', 'x', 'other', '0x', 'active')"
            " returning id"
        )).scalar_one()
        connection.execute(text(
            "insert into line_item (campaign_id, name, bid_kind, bid_micro_usdc, pacing, starts_at, ends_at, targeting,"
            " status) values (:campaign, 'x', 'cpa', 5, 'asap', '2026-01-01Z', '2027-01-01Z', '{}', 'active')"
        ), {"campaign": campaign})
        connection.execute(text(GOAL), {"campaign": campaign})


def settling(client: redis.Redis) -> Callable[[Engine], bool]:
    return lambda engine: WaitingConversions(engine, client, 60, clock=lambda: THEN_MS / 1_000 + 3_600).settle()


@pytest.mark.usefixtures("shop")
def test_settle__two_workers_count_and_refuse_in_other_orders__neither_waits_in_a_circle(
    twins: Twins, redis_client: redis.Redis
) -> None:
    """L53: the first counts, then refuses; the second refuses, then counts. Both change the same two counters."""
    early, held, later, last = in_order_of_locks(twins, 4)
    for clicked in (early, last):
        twins.run(CLICK, decision=clicked, at=THEN_MS)
    for name in (early, held):
        twins.run(CONVERSION, decision=name, at=THEN_MS)
    with twins.engine.begin() as holder:
        holder.execute(LOCK_DECISION, {"lock": DECISION_LOCK, "decision": held})
        first = twins.start(FIRST, settling(redis_client))
        for name in (later, last):
            twins.run(CONVERSION, decision=name, at=THEN_MS)
        second = twins.start(SECOND, settling(redis_client))
    assert (first.result(SECONDS), second.result(SECONDS)) == (False, False)
    assert twins.rows("select decision_id, state from conversion order by decision_id") == [
        (early, "counted"), (held, "refused"), (later, "refused"), (last, "counted")
    ]


def record(name: str) -> AcceptedRecord:
    return AcceptedRecord(
        name + "01", name, "viewable", "cpa", 0, 1, 1, 1, 1, 0, THEN_MS, msgspec.Raw(b"[]"), action_price_micro_usdc=5
    )


@pytest.mark.usefixtures("shop")
def test_consume__late_events_of_decisions_that_conversions_decide__neither_waits_in_a_circle(
    twins: Twins, redis_client: redis.Redis
) -> None:
    """The consumer has one of the decisions and wants the other, whose owner wants the first."""
    early, held, last = in_order_of_locks(twins, 3)
    for name in (early, held, last):
        twins.run(CONVERSION, decision=name, at=THEN_MS)
    for name in (last, early):      # long after they were received
        entry = encode_entry(Written(THEN_MS, [record(name)]))
        redis_client.xadd(STREAM, {FIELD: entry}, id=f"{THEN_MS + 100_000 + int(name == early)}-1")

    def consume(engine: Engine) -> None:
        consumer = IngestConsumer(engine, redis_client, bytes_per_part=1)
        while consumer.consume():
            pass

    with twins.engine.begin() as holder:
        holder.execute(LOCK_DECISION, {"lock": DECISION_LOCK, "decision": held})
        first = twins.start(FIRST, settling(redis_client))
        second = twins.start(SECOND, consume)
    first.result(SECONDS)
    second.result(SECONDS)
    assert twins.rows("select decision_id from event order by seq") == [(last,), (early,)]


def test_restore__events_that_are_being_stored_too__neither_waits_in_a_circle(twins: Twins) -> None:
    """The consumer has the counter and wants an event; recovery has the event and would want the counter."""
    names = [decision(number) for number in (1, 2)]
    stored = [Row(f"{number}-1", 0, THEN_MS, record(name)) for number, name in enumerate(names)]
    lost = ChargedEvent(names[1] + "01", 0, 1, 1, 1, 1, 5)

    def restore(connection: Connection) -> None:
        wait_for_lock(connection)
        insert_events(connection, 1, [lost])

    with twins.engine.begin() as consumer:
        assert ingest.lock_ingest(consumer)
        ingest.copy_rows(consumer, stored[:1])
        restored = twins.begin(FIRST, restore)
        ingest.copy_rows(consumer, stored[1:])
    restored.result(SECONDS)
    assert twins.rows("select status from event order by event_id") == [("accepted",), ("billed",)]


# --- counters and lists -----------------------------------------------------------------------------------------


def test_write_tallies__two_workers_in_other_orders__neither_waits_in_a_circle(twins: Twins) -> None:
    tallies = [Tally(placement, 1, "decision", 1) for placement in (1, 2, 3)]

    def write(found: list[Tally]) -> Callable[[Connection], None]:
        return lambda connection: write_tallies(connection, 0, [replace(one, n=5) for one in found])

    with twins.engine.begin() as connection:
        write_tallies(connection, 0, tallies)
    with twins.engine.begin() as holder:
        holder.execute(text("select from serving_tally where placement_id = 2 for update"))
        first = twins.begin(FIRST, write(tallies))
        second = twins.begin(SECOND, write([tallies[2], tallies[0]]))
    first.result(SECONDS)
    second.result(SECONDS)
    assert twins.rows("select placement_id, n from serving_tally order by 1") == [(1, 5), (2, 5), (3, 5)]


def test_lists__two_workers_fetched_different_versions__one_is_in_force(twins: Twins) -> None:
    """L86."""
    def write(digest: str) -> Callable[[Connection], None]:
        def run(connection: Connection) -> None:
            traffic.lock_lists(connection)
            traffic.write_list(connection, "cloud", digest, [digest])

        return run

    with twins.engine.begin() as connection:
        write("one")(connection)
        second = twins.begin(SECOND, write("two"))
        assert not second.done()
    second.result(SECONDS)
    with twins.engine.connect() as connection:
        assert traffic.read_lists(connection) == {"cloud": ("two", ["two"])}


def test_forget__another_worker_forgets__is_left_to_it(twins: Twins) -> None:
    with twins.engine.begin() as connection:
        assert traffic.lock_forgetting(connection)
        other = twins.start(SECOND, lambda engine: TrafficService(engine, Ruleset()).forget())
        assert other.result(SECONDS) is False


def test_count_rates__somebody_asks_for_a_new_count_meanwhile__everything_is_counted_anew(twins: Twins) -> None:
    """A restored epoch brings events that no pass has seen: the pass that is under way must not keep its position."""
    twins.run("insert into rate_delta (line_item_id, placement_id, views, clicks, conversions) values (1, 1, 1, 0, 0)")
    with twins.engine.begin() as recovery:
        recovery.execute(text("delete from rate_cursor"))
        counting = twins.start(SECOND, lambda engine: RateCounting(engine).step())
        assert not counting.done()
        recovery.execute(text(CLICK.replace("from line_item", "from (values (1)) item (id)")),
                         {"decision": decision(1), "at": THEN_MS})
    counting.result(SECONDS)
    assert RateCounting(twins.engine).step()
    assert twins.rows("select views, clicks from rate_count") == [(0, 1)]


# --- flags ------------------------------------------------------------------------------------------------------


def test_reopen__flag_is_lifted_at_that_moment__its_late_event_stays_late(twins: Twins) -> None:
    """L84, L85: who lifts has seen that nothing is pending, and nobody else can lift it again."""
    with twins.engine.begin() as connection:
        insert_sales(connection, [Sale(1, 0, 7, 5)])
        flag = connection.execute(text(FLAG)).scalar_one()
        for statement in (
            "insert into flagged_event (event_id, flag_id, state) select event_id, :flag, 'late' from event",
            "insert into ledger_transfer (kind, debit_account, credit_account, amount_micro_usdc, event_id, epoch)"
            " select 'charge', 'campaign:0', 'earned:7', 5, event_id, 1 from event",
        ):
            connection.execute(text(statement), {"flag": flag})
    with twins.engine.begin() as moderator:
        flags.flag_of(moderator, flag, lock=True)
        flags.write_decision(moderator, flag, FlagStatus.LIFTED, MODERATOR, None, datetime.now(UTC))
        reopened = twins.begin(SECOND, lambda connection: settlement.delete_epoch(connection, 1))
        assert not flags.has_pending(moderator, flag)
        flags.lift_events(moderator, flag)
    reopened.result(SECONDS)
    assert twins.rows("select state from flagged_event") == [("late",)]
    assert twins.rows("select epoch from ledger_transfer") == [(None,)]


# --- what has an end --------------------------------------------------------------------------------------------


def test_forget_deliveries__one_is_being_deleted__the_others_go_without_it(twins: Twins) -> None:
    twins.run("insert into webhook (account, url, kinds, status, secret_nonce) values ('x', 'x', '[]', 'active', 'x')")
    twins.run("insert into notice (account, kind, content) select 'x', kind, '{}' from (values ('a'), ('b')) n (kind)")
    twins.run("insert into webhook_delivery (webhook_id, notice_id, status, attempts, next_at, created_at, finished_at,"
              " error) select w.id, n.id, 'delivered', 1, now(), now(), '2026-01-01Z', n.kind from webhook w, notice n")
    before = datetime(2026, 2, 1, tzinfo=UTC)
    with twins.engine.begin() as other:
        other.execute(text("delete from webhook_delivery where error = 'a'"))
        sweep = twins.begin(SECOND, lambda connection: webhooks.forget(connection, before, 10))
        assert sweep.result(SECONDS) == 1
    assert twins.rows("select count(*) from webhook_delivery") == [(0,)]


# --- money by card ----------------------------------------------------------------------------------------------


def test_books__two_campaigns_come_to_the_shared_accounts_in_other_orders__neither_waits_in_a_circle(
    twins: Twins
) -> None:
    """L61: one transaction applies a payment and then the fee that was parked, the other one both at once."""
    paid, fee = Paid(1_000, datetime(2026, 11, 1, tzinfo=UTC)), FeeHeard(59)
    payments: list[tuple[int, int]] = []
    for number in (1, 2):
        with twins.engine.begin() as connection:
            campaign = connection.execute(text(
                "insert into campaign (owner, name, category, meta, status)"
                " values ('0x1', 'x', 'other', :meta, 'active') returning id"
            ), {"meta": str(number)}).scalar_one()
            made = cards.insert_payment(
                connection, cards.lock_campaign(connection, campaign), f"r{number}", 1_000, "new", 60, paid.at
            )
            payments.append((campaign, made.id))
    (campaign, payment), (other_campaign, other_payment) = payments
    with twins.engine.begin() as connection:
        cards.change_book(connection, campaign, lambda book: heard(book, payment, paid))
        second = twins.begin(SECOND, lambda other: cards.change_book(
            other, other_campaign, lambda book: heard(heard(book, other_payment, paid), other_payment, fee)
        ))
        cards.change_book(connection, campaign, lambda book: heard(book, payment, fee))
    second.result(SECONDS)
    assert twins.rows("select debits, credits from ledger_account where account = 'stripe:balance'") == [
        (20_000_000, 1_180_000)
    ]


# --- files ------------------------------------------------------------------------------------------------------


class Turns:
    """`os.fsync` of two threads: the first to come waits there until the second has come as well."""

    def __init__(self, synced: Callable[[int], None]) -> None:
        self._synced = synced
        self.first = threading.Event()
        self._second = threading.Event()

    def fsync(self, descriptor: int) -> None:
        if not self.first.is_set():
            self.first.set()
            assert self._second.wait(SECONDS)
        else:
            self._second.set()
        self._synced(descriptor)


def test_promise__two_processes_of_one_number_share_the_disk__one_digest_is_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers: each has its own process 1. The drafts of both are written before one of them gets its name."""
    turns = Turns(os.fsync)
    monkeypatch.setattr(os, "fsync", turns.fsync)

    def promise(digest: bytes) -> bytes | None:
        try:
            AttestorFiles(tmp_path, 31_337, "0x" + "11" * 32, "0x" + "22" * 20).promise(1, 0, digest)
        except EquivocationRefused:
            return None
        return digest

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(promise, b"\x01")
        assert turns.first.wait(SECONDS)
        two = pool.submit(promise, b"\x02")
        signed = [one.result(SECONDS), two.result(SECONDS)]
    assert signed.count(None) == 1
    kept = next(digest for digest in signed if digest)
    assert [path.read_text() for path in tmp_path.glob("*/signed/1-0")] == [kept.hex()]
    assert len(list(tmp_path.glob("*/signed/*"))) == 1


def test_write_bundle__another_process_writes_the_same_meanwhile__it_is_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, bundle = BundleFiles(tmp_path), Bundle(b"{}", b"events")
    synced, written = os.fsync, threading.Event()

    def fsync(descriptor: int) -> None:
        if not written.is_set():
            written.set()
            files.write(31_337, 1, 0, bundle)
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write(31_337, 1, 0, bundle)
    assert files.read(31_337, 1, 0) == bundle
    assert [path.name for path in (tmp_path / "31337").iterdir()] == ["1-0"]
