"""The routes of advertisers and publishers on real stores, and wallets that sign in to them."""

import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import Engine

from backend.config import Settings
from backend.core.keccak import keccak256
from backend.db.engine import make_engine
from backend.main.serve import create_app
from bench import app as bench_app

bench_app.REDIS_SECONDS = 60.0      # how busy this machine is decides no test

sys.path.insert(0, str(Path(__file__).parent))      # the kits

CHAIN_ID = 31_337
ESCROW, PAYOUT, TOKEN = "0x" + "e5" * 20, "0x" + "9a" * 20, "0x" + "05" * 20
ORIGIN = "http://127.0.0.1:8000"
NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that stands until a test moves it."""

    now: datetime = NOW

    def __call__(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Wallet:
    """An account of somebody in the story, named by role."""

    role: str
    account: LocalAccount = field(init=False)

    def __post_init__(self) -> None:
        self.account = Account.from_key(keccak256(self.role.encode()))

    @property
    def address(self) -> str:
        return self.account.address.lower()

    def message(self, nonce: str, **changes: str | None) -> str:
        """An EIP-4361 message; a change of None leaves the line out."""
        stamp = "%Y-%m-%dT%H:%M:%SZ"
        lines = {
            "URI": ORIGIN, "Version": "1", "Chain ID": str(CHAIN_ID), "Nonce": nonce,
            "Issued At": NOW.strftime(stamp), "Expiration Time": (NOW + timedelta(minutes=5)).strftime(stamp),
        }
        domain = changes.pop("domain", "127.0.0.1:8000")
        lines |= {name.replace("_", " "): value for name, value in changes.items()}  # type: ignore[misc]
        head = f"{domain} wants you to sign in with your Ethereum account:\n{self.account.address}\n\nSign in.\n\n"
        return head + "\n".join(f"{name}: {value}" for name, value in lines.items() if value is not None)

    def sign(self, message: str) -> str:
        return "0x" + self.account.sign_message(encode_defunct(text=message)).signature.hex().removeprefix("0x")


def settings_of(engine: Engine, redis: Redis, folder: Path, **more: object) -> Settings:
    """Settings of a `sightline serve` on these stores, with a deployment that no chain knows."""
    deployment = folder / f"{CHAIN_ID}.json"
    contract = {"block": 1}
    deployment.write_text(json.dumps({"chain_id": CHAIN_ID, "contracts": {
        "CampaignEscrow": {"address": ESCROW, **contract}, "PublisherPayout": {"address": PAYOUT, **contract},
        "MockUSDC": {"address": TOKEN, **contract},
    }}))
    pool = redis.connection_pool.connection_kwargs
    return Settings(**{
        "database_url": engine.url.render_as_string(hide_password=False),
        "redis_url": f"redis://{pool['host']}:{pool['port']}/{pool['db']}", "rpc_url": "http://127.0.0.1:9",
        "token_key": "5a" * 32, "deployment": deployment, "data_dir": folder, "public_url": ORIGIN, **more,
    })


def build_app(
    engine: Engine, redis: Redis, clock: Callable[[], float], **more: object
) -> FastAPI:
    """The whole API, wired as in production; `more` are settings."""
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(engine, redis, Path(folder), **more)
        return create_app(settings, engine=engine, clock=clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wallet() -> type[Wallet]:
    """Makes the wallet of a role."""
    return Wallet


@pytest.fixture
def make_settings() -> Callable[..., Settings]:
    """Makes settings on given stores, for tests that put an app together from few areas."""
    return settings_of


@pytest.fixture
def make_app() -> Callable[..., FastAPI]:
    return build_app


class _LentClock:
    """The clock of the test that runs now, for apps that outlive a test."""

    lender: Callable[[], float]

    def __call__(self) -> float:
        return self.lender()


_lent_clock = _LentClock()
_kept_apps: dict[tuple[object, ...], FastAPI] = {}
_fresh_engines: dict[tuple[object, ...], Engine] = {}


@pytest.fixture
def keep_app(engine: Engine, redis_client: Redis, clock: Clock) -> Callable[..., FastAPI]:
    """As `make_app` on this worker's stores, but tests that want the same settings share one app: it takes a while."""
    _lent_clock.lender = clock

    def kept(**more: object) -> FastAPI:
        pool = redis_client.connection_pool.connection_kwargs
        key = (str(engine.url), pool["port"], pool["db"], *sorted(more.items()))
        if key not in _kept_apps:
            _kept_apps[key] = build_app(engine, redis_client, _lent_clock, **more)
        return _kept_apps[key]

    return kept


@pytest.fixture
def fresh_app(fresh_database_url: str, redis_client: Redis, clock: Clock) -> Iterator[FastAPI]:
    """As `keep_app` on the test's own database: an app outlives the database, its connections do not."""
    _lent_clock.lender = clock
    pool = redis_client.connection_pool.connection_kwargs
    key = (fresh_database_url, pool["port"], pool["db"])
    if key not in _kept_apps:
        _fresh_engines[key] = make_engine(fresh_database_url)
        _kept_apps[key] = build_app(_fresh_engines[key], redis_client, _lent_clock)
    yield _kept_apps[key]
    _fresh_engines[key].dispose()


@pytest.fixture
def accounts_app(keep_app: Callable[..., FastAPI]) -> FastAPI:
    """The routes on the worker's database."""
    return keep_app()


@pytest.fixture
async def browse(accounts_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has not signed in."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(accounts_app), base_url=ORIGIN) as client:
        yield client


@pytest.fixture
def sign_in() -> Callable[[FastAPI, str], Awaitable[httpx.AsyncClient]]:
    """Signs a role in to an app; the client sends the session as a bearer token."""

    async def client_of(app: FastAPI, role: str) -> httpx.AsyncClient:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)
        person = Wallet(role)
        message = person.message((await client.get("/v1/auth/nonce")).json()["nonce"])
        answer = await client.post("/v1/auth/verify", json={"message": message, "signature": person.sign(message)})
        assert answer.status_code == 200, answer.text
        client.cookies.clear()
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return client

    return client_of


@pytest.fixture
async def advertiser(accounts_app: FastAPI, sign_in: Callable[..., Awaitable[httpx.AsyncClient]]) -> httpx.AsyncClient:
    return await sign_in(accounts_app, "advertiser")


@pytest.fixture
async def publisher(accounts_app: FastAPI, sign_in: Callable[..., Awaitable[httpx.AsyncClient]]) -> httpx.AsyncClient:
    return await sign_in(accounts_app, "publisher")


@pytest.fixture
async def stranger(accounts_app: FastAPI, sign_in: Callable[..., Awaitable[httpx.AsyncClient]]) -> httpx.AsyncClient:
    return await sign_in(accounts_app, "stranger")
