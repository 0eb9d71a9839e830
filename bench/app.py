"""Only the hot routes on real stores, and a hello route on the same server to compare with."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
import redis.asyncio
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from backend.api import clicks, decisions, events, limits, problems
from backend.api.front import Front, HotPaths
from backend.conversions.service import Landing
from backend.core.ruleset import Ruleset
from backend.db.engine import Engine, make_engine
from backend.ingest.service import IngestService
from backend.main.areas.clicks import links as click_links
from backend.main.interpreter import freeze_memory, tune_worker
from backend.net.resp import Resp
from backend.serving.feed.service import CatalogueFeed
from backend.serving.service import DecisionService

CHAIN_ID = 31337
TOKEN_KEY = bytes(range(32))
REDIS_SECONDS = 2.0     # tests have more patience: there, a slow Redis is not a dead one


@dataclass(frozen=True)
class Wiring:
    """The services behind the routes."""

    engine: Engine
    client: redis.Redis
    hot: redis.asyncio.Redis
    resp: Resp
    feed: CatalogueFeed
    decisions: DecisionService
    ingest: IngestService
    folder: Path


def wire(database_url: str, redis_url: str, ruleset: Ruleset | None = None) -> Wiring:
    """As in production: a synchronous client for the catalogue, an asynchronous pool for requests."""
    rules = ruleset or Ruleset()
    engine = make_engine(database_url, pool_size=2)
    client = redis.Redis.from_url(redis_url)
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        redis_url, max_connections=64, timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
    )
    hot = redis.asyncio.Redis(connection_pool=pool)
    resp = Resp(redis_url, timeout_seconds=REDIS_SECONDS, connect_seconds=REDIS_SECONDS)
    feed = CatalogueFeed(engine, client, CHAIN_ID)
    return Wiring(
        engine, client, hot, resp, feed,
        DecisionService(feed, resp, CHAIN_ID, TOKEN_KEY, rules), IngestService(resp, CHAIN_ID, TOKEN_KEY, rules),
        Path(tempfile.mkdtemp(prefix="sightline-clicks-")),
    )


async def unwire(wiring: Wiring) -> None:
    """Close what `wire` opened."""
    await wiring.hot.connection_pool.disconnect()
    await wiring.resp.aclose()
    wiring.client.close()
    wiring.engine.dispose()
    shutil.rmtree(wiring.folder, ignore_errors=True)


class Hello(Front):
    """Answers /hello as an ASGI application that does nothing else would: what the server itself can do."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/hello":
            await super().__call__(scope, receive, send)
            return
        head = [(b"content-type", b"application/json"), (b"content-length", b"17")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b'{"hello":"world"}'})


def routes(wiring: Wiring, loaded: Callable[[], None] = lambda: None) -> Front:
    """The app around the services; its lifespan keeps the catalogue fresh."""
    links = click_links(wiring.folder, TOKEN_KEY, wiring.feed, wiring.ingest, wiring.engine)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await wiring.decisions.start()
        await links.start()
        loaded()
        yield
        await links.stop()
        await wiring.decisions.stop()
        await unwire(wiring)

    app = Hello(lifespan=lifespan)
    app.include_router(decisions.router(wiring.decisions))
    app.include_router(events.router(wiring.ingest))
    app.include_router(clicks.router(wiring.ingest, links, Landing(wiring.engine, TOKEN_KEY)))
    problems.install(app)

    limits.protect(app)
    app.hot = HotPaths([decisions.Decide(wiring.decisions).hot(), events.Accept(wiring.ingest).hot()])
    return app


def create_app() -> FastAPI:
    """For the server: the stores are named by the environment."""
    tune_worker()
    return routes(wire(os.environ["DATABASE_URL"], os.environ["REDIS_URL"]), freeze_memory)
