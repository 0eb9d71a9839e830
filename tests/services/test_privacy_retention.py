"""Nothing outlives its term, nothing younger goes, and no money row is touched (L66).

step
├── every kind of TERMS                 → what is older is gone, what is younger stays
├── exposure samples                    → only after their epoch is final on chain, and never of an open charge
├── more than a batch                   → goes on until all is done
├── killed between batches              → the next one does the rest
└── twenty years later                  → money, trail and accounts are as they were
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Connection, Engine, text
from sqlmodel import SQLModel

from backend.core.ids import Address
from backend.db import sealed
from backend.db.sealed import seal
from backend.privacy.holdings import BY_TABLE, Erase
from backend.privacy.record import markdown, retention
from backend.privacy.retention import store
from backend.privacy.retention.service import RetentionService
from backend.privacy.retention.terms import TERMS, Kept
from indexer import schema

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from privacy_kit import fill, table_of

CHAIN_ID = 31_337
ACCOUNT = Address("0x" + "a1" * 20)
KEPT = {term.what: term.kept for term in TERMS}


def ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def ago(days: float, now: datetime) -> datetime:
    return now - timedelta(days=days)


@pytest.fixture
def service(fresh_engine: Engine, redis_client: Redis, clock: Any) -> RetentionService:
    sealed.unlock(bytes(range(32)))
    return RetentionService(fresh_engine, redis_client, CHAIN_ID, clock, batch_rows=3)


def finish(service: RetentionService) -> int:
    """Steps until nothing is left; how many."""
    steps = 1
    while service.step():
        steps += 1
    return steps


def put(connection: Connection, table: str, **row: Any) -> None:
    connection.execute(table_of(table).insert().values(**row))


def event(connection: Connection, name: str, received: datetime, status: str = "billed", **more: Any) -> None:
    row = {
        "event_id": name, "decision_id": name, "kind": "viewable", "bid_kind": "vcpm", "chain_campaign": 1,
        "line_item_id": 1, "creative_id": 1, "placement_id": 1, "publisher_index": 1, "price_micro_usdc": 5,
        "occurred_ms": ms(received), "received_ms": ms(received), "stream_id": f"{ms(received)}-0", "stream_index": 0,
        "samples": [[0, 9_000, 500, 0, True, True]], "status": status, "action_price_micro_usdc": 0,
    }
    put(connection, "event", **(row | more))


# how to write a row of each kind that is as old as given, and the table it is in
WRITE: dict[Kept, tuple[str, Callable[[Connection, str, datetime], None]]] = {
    Kept.DROPPED_EVENTS: ("dropped_event", lambda c, name, when: put(
        c, "dropped_event", stream_id=f"{ms(when)}-0", stream_index=0, reason=name, received_ms=ms(when))),
    Kept.REFUSED_CONVERSIONS: ("conversion", lambda c, name, when: put(
        c, "conversion", goal_id=goal(c), campaign_id=1, order_id=name, state="refused", reason="late",
        occurred_ms=0, received_ms=ms(when), created_at=when)),
    Kept.TALLIES: ("serving_tally", lambda c, name, when: put(
        c, "serving_tally", minute=when, placement_id=1, line_item_id=1, outcome=name, n=1)),
    Kept.LANDSCAPE: ("serving_landscape", lambda c, name, when: put(
        c, "serving_landscape", hour=when, placement_id=1, line_item_id=1, bid_bucket=1, price_bucket=1, n=1)),
    Kept.AUDIENCE: ("serving_audience", lambda c, name, when: put(
        c, "serving_audience", hour=when, placement_id=1, dimension="country", value=name, n=1)),
    Kept.SESSIONS: ("session", lambda c, name, when: put(
        c, "session", digest=name, wallet=ACCOUNT, chain_id=1, ip_prefix="", agent="", created_at=when,
        last_used_at=when, expires_at=when)),
    Kept.INVITATIONS: ("invitation", lambda c, name, when: put(
        c, "invitation", account=organisation(c), wallet=name, role="reporter", invited_by=ACCOUNT, expires_at=when)),
    Kept.IDEMPOTENCY_KEYS: ("idempotency_key", lambda c, name, when: put(
        c, "idempotency_key", wallet=ACCOUNT, key=name, fingerprint="", answer="", created_at=when)),
    Kept.NOTICES: ("notice", lambda c, name, when: put(
        c, "notice", account=ACCOUNT, kind=name, content={}, created_at=when, fanned_at=when)),
    Kept.DELIVERIES: ("webhook_delivery", lambda c, name, when: put(
        c, "webhook_delivery", webhook_id=webhook(c), notice_id=notice(c), status="delivered", attempts=1,
        next_at=when, created_at=when, finished_at=when, error=name)),
    Kept.LAW_KEYS: ("subject_key", lambda c, name, when: put(
        c, "subject_key", id=name, subject=name, purpose="law", keep_until=when.date(), wrapped="")),
}


def organisation(connection: Connection) -> str:
    connection.execute(text("insert into organisation values (:me, 'x', true, true) on conflict do nothing"),
                       {"me": ACCOUNT})
    return ACCOUNT


def goal(connection: Connection) -> int:
    found = connection.execute(text("select id from conversion_goal")).scalar()
    return int(found or fill(connection, ACCOUNT, "Kept", 1)["conversion_goal"]["id"])


def webhook(connection: Connection) -> int:
    found = connection.execute(text("select id from webhook")).scalar()
    return int(found or connection.execute(text(
        "insert into webhook (account, url, kinds, status, secret_nonce) values ('x', 'x', '[]', 'active', 'x')"
        " returning id")).scalar_one())


def notice(connection: Connection) -> int:
    return int(connection.execute(text(
        "insert into notice (account, kind, content) values ('x', 'x', '{}') returning id")).scalar_one())


def count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f'select count(*) from "{table}"')).scalar_one())


def test_terms__each__has_a_statement_a_reason_and_a_test() -> None:
    """L66: what has a term is deleted by somebody, and is in the table of docs/privacy.md."""
    by_hand = {Kept.UNREADABLE_REPORTS, Kept.EXPORTS}
    assert set(KEPT) == set(Kept) == set(store.STATEMENTS) | by_hand
    assert set(WRITE) == set(Kept) - by_hand - {Kept.SAMPLES, Kept.CLICK_REFERENCES}
    page = (Path(__file__).resolve().parents[2] / "docs" / "privacy.md").read_text()
    assert markdown(retention()) in page


@pytest.mark.parametrize("what", WRITE)
def test_step__older_and_younger__only_what_is_over_goes(
    service: RetentionService, fresh_engine: Engine, clock: Any, what: Kept
) -> None:
    """L66: with rows on both sides of the term; then the clock moves on."""
    table, write = WRITE[what]
    days = KEPT[what].days
    with fresh_engine.begin() as connection:
        for number in range(7):
            write(connection, f"old {number}", ago(days + 1.5 + number, clock.now))
        before = count(connection, table)
        for number in range(2):
            write(connection, f"young {number}", ago(days - 1.5 - number, clock.now))
    assert finish(service) >= 3
    with fresh_engine.begin() as connection:
        young = count(connection, table)
        kept = before - 7
    assert young == kept + 2
    clock.advance(86_400 * 5)
    finish(service)
    with fresh_engine.begin() as connection:
        assert count(connection, table) == kept


def test_step__reports_that_could_not_be_read__go_after_a_month(
    service: RetentionService, redis_client: Redis, clock: Any
) -> None:
    """L66"""
    for days in (31, 29):
        redis_client.xadd(store.UNREADABLE_STREAM, {"batch": b"x"}, id=f"{ms(ago(days, clock.now))}-0")
    service.step()
    assert redis_client.xlen(store.UNREADABLE_STREAM) == 1


# --- exposure samples -----------------------------------------------------------------------------------------------


def epoch(connection: Connection, number: int, end: datetime, status: str, final: datetime | None) -> None:
    """An epoch up to `end`; `final`: when its block on chain was."""
    put(connection, "epoch", epoch=number, attempt=0, status=status, from_ms=0, to_ms=ms(end))
    finalized = number if final else None
    connection.execute(schema.chain_epoch.insert().values(
        chain_id=CHAIN_ID, epoch=number, attempt=0, status="finalized" if final else "proposed", publishers_root="0x",
        debits_hash="0x", total=0, publishers=0, ruleset="0x", data_hash="0x", active_at=int(end.timestamp()),
        proposed_number=1, proposed_tx="0x", finalized_number=finalized,
    ))
    if final:
        connection.execute(schema.chain_block.insert().values(
            chain_id=CHAIN_ID, number=number, hash="0x", parent_hash="0x", timestamp=int(final.timestamp()),
            proven=True,
        ))


def charged(connection: Connection, name: str, number: int | None) -> None:
    put(connection, "ledger_transfer", kind="charge", debit_account="campaign:1", credit_account="earned:1",
        amount_micro_usdc=5, event_id=name, epoch=number)


def with_samples(connection: Connection) -> set[str]:
    return set(connection.execute(text("select event_id from event where samples::text <> '[]'")).scalars())


def test_step__samples__go_two_weeks_after_their_epoch_is_final(
    service: RetentionService, fresh_engine: Engine, clock: Any
) -> None:
    """L66: not before, however old they are; an event that is not settled keeps them."""
    schema.metadata.create_all(fresh_engine)
    now = clock.now
    with fresh_engine.begin() as connection:
        epoch(connection, 1, ago(30, now), "finalised", ago(15, now))
        epoch(connection, 2, ago(20, now), "finalised", ago(13, now))
        epoch(connection, 3, ago(10, now), "proposed", None)
        event(connection, "settled", ago(31, now))
        charged(connection, "settled", 1)
        event(connection, "unpaid", ago(32, now), "unpaid")
        event(connection, "left over", ago(33, now))
        charged(connection, "left over", 3)
        event(connection, "open", ago(34, now))
        charged(connection, "open", None)
        event(connection, "waiting", ago(35, now), "accepted")
        event(connection, "final last week", ago(25, now))
        charged(connection, "final last week", 2)
        money = connection.execute(text("select * from ledger_transfer order by id")).all()
    finish(service)
    with fresh_engine.begin() as connection:
        assert with_samples(connection) == {"left over", "open", "waiting", "final last week"}
    clock.advance(86_400 * 2)
    finish(service)
    with fresh_engine.begin() as connection:
        assert with_samples(connection) == {"left over", "open", "waiting"}
        assert count(connection, "event") == 6
        assert connection.execute(text("select * from ledger_transfer order by id")).all() == money


def test_step__no_chain_yet__keeps_all_samples(service: RetentionService, fresh_engine: Engine, clock: Any) -> None:
    with fresh_engine.begin() as connection:
        event(connection, "old", ago(4_000, clock.now))
    service.step()
    with fresh_engine.begin() as connection:
        assert with_samples(connection) == {"old"}


def test_step__click_ids__are_forgotten_after_45_days(
    service: RetentionService, fresh_engine: Engine, clock: Any
) -> None:
    """L66"""
    with fresh_engine.begin() as connection:
        for name, days in (("old", 46), ("young", 44)):
            event(connection, name, ago(days, clock.now), click_ref=name, kind="click", samples=[])
    finish(service)
    with fresh_engine.begin() as connection:
        left = dict(connection.execute(text("select event_id, click_ref from event")).all())
    assert left == {"old": None, "young": "young"}


# --- money ----------------------------------------------------------------------------------------------------------

STAY = sorted(
    {name for name, holding in BY_TABLE.items() if holding.erase is not Erase.DELETE}
    | {"organisation", "member", "api_key", "webhook", "asset"}
)
ENDS = {"dropped_event", "serving_tally", "serving_landscape", "serving_audience", "subject_key"}


def test_step__twenty_years_later__money_and_accounts_are_as_they_were(
    service: RetentionService, fresh_engine: Engine, clock: Any
) -> None:
    """L66: every table but those with a term; the personal key of a subject has none."""
    schema.metadata.create_all(fresh_engine)
    with fresh_engine.begin() as connection:
        fill(connection, ACCOUNT, "Kept", 7)
        event(connection, "charged", clock.now, samples=[])
        epoch(connection, 1, clock.now, "finalised", clock.now)
        charged(connection, "charged", 1)
        put(connection, "ledger_account", account="campaign:1", debits=5, credits=0)
        put(connection, "epoch_publisher", epoch=1, publisher_index=1, recipient="0x", gross_micro_usdc=5,
            net_micro_usdc=5, cumulative_micro_usdc=5)
        put(connection, "epoch_debit", epoch=1, chain_campaign=1, amount_micro_usdc=5)
        law = seal(connection, ACCOUNT, "Studio GmbH", keep_until=datetime(2036, 1, 1, tzinfo=UTC).date())
    with fresh_engine.begin() as connection:        # the trail is linked when it is committed
        before = contents(connection)
    clock.advance(86_400 * 365 * 20)
    finish(service)
    with fresh_engine.begin() as connection:
        assert contents(connection) == before
        assert connection.execute(text("select purpose from subject_key")).scalars().all() == ["personal"]
        assert sealed.open_sealed(connection, ACCOUNT, law) is None


def contents(connection: Connection) -> dict[str, list[str]]:
    return {
        name: sorted(json.dumps(dict(row), default=str) for row in connection.execute(
            SQLModel.metadata.tables[name].select()).mappings())
        for name in STAY if name not in ENDS
    }
