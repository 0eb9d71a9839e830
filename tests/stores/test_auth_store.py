"""Nonces and sessions in real Redis: burnt once, forgotten in time, stored without the token (L46)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from redis import Redis

from backend.auth import store
from backend.auth.session import Session
from backend.core.ids import address

SESSION = Session(address("0x" + "aa" * 20), 31_337, datetime(2026, 11, 3, 10, 0, tzinfo=UTC))


def test_nonce__burnt_by_many_at_once__belongs_to_one(redis_client: Redis) -> None:
    """L46: a nonce works once."""
    store.save_nonce(redis_client, "n0nce", 300)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: store.burn_nonce(redis_client, "n0nce"), range(16)))
    assert taken.count(True) == 1
    assert not store.burn_nonce(redis_client, "n0nce")


def test_nonce__never_saved__cannot_be_burnt(redis_client: Redis) -> None:
    assert not store.burn_nonce(redis_client, "unknown")


def test_nonce__and_session__expire(redis_client: Redis) -> None:
    store.save_nonce(redis_client, "n0nce", 300)
    store.save_session(redis_client, "d1gest", SESSION, 60)
    assert 290 < redis_client.ttl("sl:siwe:nonce:n0nce") <= 300
    assert 50 < redis_client.ttl("sl:session:d1gest") <= 60


def test_session__saved__comes_back_until_deleted(redis_client: Redis) -> None:
    store.save_session(redis_client, "d1gest", SESSION, 60)
    assert store.load_session(redis_client, "d1gest") == SESSION
    store.delete_session(redis_client, "d1gest")
    assert store.load_session(redis_client, "d1gest") is None
    store.delete_session(redis_client, "d1gest")


def test_session__client_that_decodes_answers__reads_it_too(redis_url: str, redis_client: Redis) -> None:
    store.save_session(redis_client, "d1gest", SESSION, 60)
    with Redis.from_url(redis_url, decode_responses=True) as client:
        assert store.load_session(client, "d1gest") == SESSION
