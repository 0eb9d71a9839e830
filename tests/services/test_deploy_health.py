"""The health checks of the containers, run as the containers run them."""

import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from backend.ingest.stream import STREAM
from backend.local.ports import free_port
from backend.serving.store import FRESH_KEY, take_ticket
from indexer import schema

HEALTH = Path(__file__).parents[2] / "deploy" / "health.py"


def health(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The check's exit code and what it says."""
    command = [sys.executable, str(HEALTH), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


def test_health__unknown_check__says_what_exists() -> None:
    answer = health("postgres")
    assert answer.returncode == 2
    assert "api|worker|indexer|attestor" in answer.stderr


@pytest.mark.parametrize("check", ["worker", "indexer", "attestor"])
def test_health__address_missing__names_the_variable(check: str) -> None:
    answer = health(check)
    assert answer.returncode == 1
    assert "_URL is not set" in answer.stderr


def test_health__nothing_listens__is_unhealthy() -> None:
    port = free_port()
    for check in ("api", "worker", "indexer", "attestor"):
        answer = health(
            check,
            SIGHTLINE_PORT=str(port),
            REDIS_URL=f"redis://127.0.0.1:{port}/0",
            DATABASE_URL=f"postgresql+psycopg://postgres@127.0.0.1:{port}/sightline",
            RPC_URL=f"http://127.0.0.1:{port}",
            SIGHTLINE_SETTLEMENT_URL=f"http://127.0.0.1:{port}",
        )
        assert answer.returncode == 1
        assert answer.stderr.startswith(f"{check}: ")


def test_health__worker_that_never_worked__is_unhealthy(redis_url: str) -> None:
    assert "never refreshed" in health("worker", REDIS_URL=redis_url).stderr


def test_health__worker__is_healthy_until_an_event_waits_too_long(redis_url: str, redis_client: "redis.Redis") -> None:
    take_ticket(redis_client)
    assert 0 < redis_client.ttl(FRESH_KEY) <= 60
    redis_client.delete(FRESH_KEY)  # as it goes by itself after a minute
    assert "not refreshed for a minute" in health("worker", REDIS_URL=redis_url).stderr
    take_ticket(redis_client)
    assert health("worker", REDIS_URL=redis_url).returncode == 0
    redis_client.xadd(STREAM, {"e": b"1"})
    assert health("worker", REDIS_URL=redis_url).returncode == 0
    redis_client.delete(STREAM)
    redis_client.xadd(STREAM, {"e": b"1"}, id=f"{(redis_client.time()[0] - 600) * 1000}-0")
    assert re.search(r"has waited 6\d\d", health("worker", REDIS_URL=redis_url).stderr)


def test_health__indexer_before_its_tables__is_unhealthy(fresh_database_url: str) -> None:
    answer = health("indexer", DATABASE_URL=fresh_database_url)
    assert answer.returncode == 1
    assert "chain_cursor" in answer.stderr


def test_health__indexer__is_healthy_while_its_cursor_moves(fresh_database_url: str) -> None:
    schema.create_schema(fresh_database_url)
    assert "no cursor yet" in health("indexer", DATABASE_URL=fresh_database_url).stderr
    cursor = "31337, 7, '0x07', 5, '0x00', '0xe5', '0xa1', 1"
    columns = "chain_id, number, hash, confirmed_number, genesis_hash, escrow, payout, schema_version"
    with psycopg.connect(fresh_database_url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(f"insert into chain_cursor ({columns}) values ({cursor})")
        assert health("indexer", DATABASE_URL=fresh_database_url).returncode == 0
        connection.execute("update chain_cursor set updated_at = now() - interval '5 minutes'")
        assert re.search(r"has not moved for 3\d\d", health("indexer", DATABASE_URL=fresh_database_url).stderr)
        connection.execute("update chain_cursor set updated_at = now(), halted = 'debits do not add up'")
        assert "debits do not add up" in health("indexer", DATABASE_URL=fresh_database_url).stderr
