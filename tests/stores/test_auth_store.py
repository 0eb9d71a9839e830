"""Nonces in real Redis: burnt once, forgotten in time. Sessions in real PostgreSQL: found by hash only (L46, L48)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from sqlalchemy import Connection, text

from backend.auth import store
from backend.auth.caller import Standing
from backend.auth.permissions import MemberRole, PlatformRole, Side
from backend.auth.session import Session, Visitor
from backend.core.ids import Address, address

ADVERTISER, ORGANISATION = address("0x" + "aa" * 20), address("0x" + "bb" * 20)
NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=24)
VISITOR = Visitor("203.0.113.0/24", "Firefox")


@pytest.fixture
def connection(connection: Connection) -> Connection:
    """In a transaction that is rolled back, where nobody else is signed in: other tests commit sessions."""
    connection.execute(text("delete from session"))
    return connection


def opened(
    connection: Connection, digest: str, now: datetime = NOW, *, until: datetime = LATER, wallet: Address = ADVERTISER
) -> Session:
    return store.insert_session(connection, digest, wallet, 31_337, VISITOR, now, until)


def test_nonce__burnt_by_many_at_once__belongs_to_one(redis_client: Redis) -> None:
    """L46, L50: a nonce works once."""
    store.save_nonce(redis_client, "n0nce", 300)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: store.burn_nonce(redis_client, "n0nce"), range(16)))
    assert taken.count(True) == 1
    assert not store.burn_nonce(redis_client, "n0nce")


def test_nonce__never_saved__cannot_be_burnt(redis_client: Redis) -> None:
    assert not store.burn_nonce(redis_client, "unknown")


def test_nonce__saved__expires(redis_client: Redis) -> None:
    store.save_nonce(redis_client, "n0nce", 300)
    assert 290 < redis_client.ttl("sl:siwe:nonce:n0nce") <= 300


def test_session__saved__comes_back_until_deleted(connection: Connection) -> None:
    session = opened(connection, "d1gest")
    assert (session.wallet, session.visitor, session.expires_at) == (ADVERTISER, VISITOR, LATER)
    assert store.session_of_digest(connection, "d1gest") == session
    assert store.sessions_of(connection, ADVERTISER) == [session]
    assert store.delete_session(connection, "d1gest") == session
    assert store.session_of_digest(connection, "d1gest") is None
    assert store.delete_session(connection, "d1gest") is None


def test_session__new_digest__old_one_is_nobody(connection: Connection) -> None:
    """L48."""
    session = opened(connection, "old")
    moved = store.replace_digest(connection, "old", "new", NOW)
    assert moved is not None
    assert moved.id == session.id
    assert store.session_of_digest(connection, "old") is None
    assert store.replace_digest(connection, "old", "newer", NOW) is None


def test_trim__more_than_allowed__ends_the_least_used(connection: Connection) -> None:
    for age in range(5):
        opened(connection, f"d{age}", NOW - timedelta(hours=age))
    store.trim_sessions(connection, ADVERTISER, 3)
    digests = connection.execute(text("select digest from session order by digest")).scalars().all()
    assert digests == ["d0", "d1", "d2"]


def test_sweep__expired_or_unused__is_gone_whoever_it_was(connection: Connection) -> None:
    opened(connection, "live")
    opened(connection, "expired", until=NOW, wallet=ORGANISATION)
    opened(connection, "unused", NOW - timedelta(hours=9))
    store.sweep_sessions(connection, NOW, NOW - timedelta(hours=8))
    assert connection.execute(text("select digest from session")).scalars().all() == ["live"]


def test_session_standing__of_a_member__is_read_at_once(connection: Connection) -> None:
    opened(connection, "d1gest")
    connection.execute(
        text("insert into organisation (wallet, name, advertiser, publisher) values (:o, 'Harbour', true, false)"),
        {"o": ORGANISATION},
    )
    connection.execute(
        text("insert into member (account, wallet, role) values (:o, :w, 'manager')"),
        {"o": ORGANISATION, "w": ADVERTISER},
    )
    connection.execute(
        text("insert into platform_role (wallet, role, granted_by) values (:w, 'auditor', 'system')"), {"w": ADVERTISER}
    )
    found = store.session_standing(connection, "d1gest", ORGANISATION)
    assert found is not None
    assert found[1] == Standing(
        ADVERTISER, ORGANISATION, frozenset({Side.ADVERTISER}), MemberRole.MANAGER, frozenset({PlatformRole.AUDITOR})
    )
    own = store.session_standing(connection, "d1gest", None)
    assert own is not None
    assert own[1] == Standing(ADVERTISER, ADVERTISER, None, None, frozenset({PlatformRole.AUDITOR}))
    assert store.session_standing(connection, "unknown", None) is None
