"""Cards over the whole API: our application, and a fake Stripe in a process of its own."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from backend.db.engine import make_engine

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cards_kit.desk import TREASURY, Desk
from cards_kit.stripe import KEY, SECRET, FakeStripe, start

ORIGIN = "http://127.0.0.1:8000"


@pytest.fixture(scope="session")
def fake_stripe() -> Iterator[FakeStripe]:
    process, fake = start()
    yield fake
    fake.http.close()
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def cards_database_url(servers: Any, worker: str) -> Iterator[str]:
    """A migrated database of these tests' own; each leaves it empty."""
    url = make_url(servers.database_url)
    name = f"sightline_test_{worker}_cards"
    maintenance = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)")
        connection.execute(f"create database {name} template sightline_test_template")
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def cards_engine(cards_database_url: str) -> Iterator[Engine]:
    engine = make_engine(cards_database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def _shared() -> Any:
    """The application that all these tests share, and the clock of the present one."""
    return SimpleNamespace(app=None, clock=None)


@pytest.fixture
def stripe(fake_stripe: FakeStripe, clock: Any) -> FakeStripe:
    """Stripe at the time of the test's clock, without events of other tests."""
    fake_stripe.begin(clock())
    return fake_stripe


@pytest.fixture
def cards_app(
    cards_engine: Engine, redis_client: Redis, clock: Any, stripe: FakeStripe, make_app: Callable[..., FastAPI],
    _shared: Any,
) -> Iterator[FastAPI]:
    """The API with cards set up: one application for all tests, with this test's clock and an empty database."""
    _shared.clock = clock
    if _shared.app is None:
        _shared.app = make_app(
            cards_engine, redis_client, lambda: _shared.clock(), stripe_key=KEY, stripe_webhook_secret=SECRET,
            stripe_url=stripe.url, treasury_address=TREASURY, onramp_network="polygon",
        )
    yield _shared.app
    with cards_engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))      # audit entries are append-only
        names = connection.execute(text(
            "select string_agg(quote_ident(relname), ', ') from pg_class where relkind = 'r' "
            "and relnamespace = 'public'::regnamespace and relname <> 'alembic_version'"
        )).scalar()
        connection.execute(text(f"truncate {names} restart identity cascade"))


@pytest.fixture
def sign_in(wallet: Any, clock: Any) -> Callable[[FastAPI, str], Awaitable[httpx.AsyncClient]]:
    """Signs a role in at the time of the test's clock."""

    async def client_of(app: FastAPI, role: str) -> httpx.AsyncClient:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)
        issued, expires = (
            (clock.now + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ") for minutes in (0, 5)
        )
        message = wallet(role).message(
            (await client.get("/v1/auth/nonce")).json()["nonce"], Issued_At=issued, Expiration_Time=expires
        )
        answer = await client.post(
            "/v1/auth/verify", json={"message": message, "signature": wallet(role).sign(message)}
        )
        assert answer.status_code == 200, answer.text
        client.cookies.clear()
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return client

    return client_of


@pytest.fixture
async def desk(
    cards_app: FastAPI, stripe: FakeStripe, cards_engine: Engine, clock: Any,
    sign_in: Callable[..., Awaitable[httpx.AsyncClient]],
) -> AsyncIterator[Desk]:
    """The advertiser with a campaign, before the API and Stripe."""
    advertiser = await sign_in(cards_app, "advertiser")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cards_app), base_url=ORIGIN) as anybody:
        desk = Desk(cards_app, advertiser, anybody, stripe, cards_engine, clock, sign_in)
        await desk.create_campaign()
        yield desk


@pytest.fixture
def admin(cards_app: FastAPI, cards_engine: Engine, wallet: Any) -> str:
    """The name of a person of the operator, to sign in with."""
    with cards_engine.begin() as connection:
        connection.execute(
            text("insert into platform_role (wallet, role, granted_by) values (:wallet, 'admin', 'test')"),
            {"wallet": wallet("admin").address},
        )
    return "admin"
