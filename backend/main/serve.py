"""`sightline serve`: the API and the pages."""

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Protocol

from fastapi import FastAPI

from backend.api import (
    clicks,
    decisions,
    docs,
    events,
    health,
    limits,
    openapi,
    pages,
    problems,
    settlements,
    status,
)
from backend.api.access import Access
from backend.api.conditional import ConditionalRequests
from backend.api.front import Front, HotPaths, HotRoute
from backend.api.rates import RateLimits
from backend.auth.client import ContractWallets
from backend.auth.service import AuthService
from backend.auth.session import SessionTimes
from backend.config import Settings
from backend.core.client_ip import networks
from backend.db.engine import Engine, make_engine
from backend.ingest.service import IngestService
from backend.main.areas import (
    accounts,
    billing,
    campaigns,
    cards,
    conversions,
    creatives,
    openrtb,
    operation,
    placements,
    privacy,
    traffic,
)
from backend.main.areas import clicks as click_links
from backend.main.interpreter import freeze_memory, tune_worker
from backend.main.parts import SeldomAsked, ServeParts, async_redis, bundles, sync_redis
from backend.net.resp import Resp
from backend.operation.rates.service import RateService
from backend.operation.rates.store import SharedCounters
from backend.pctr.quality import Bounds
from backend.reports.status.client import BalanceReader
from backend.reports.status.service import StatusService
from backend.serving.feed.service import CatalogueFeed
from backend.serving.service import DecisionService
from backend.settlement.publication.service import PublicationService


def serve_app() -> FastAPI:
    """The application as workers build it, from the environment."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname).1s %(name)s %(message)s")
    tune_worker()
    settings = Settings()
    settings.check()
    return create_app(settings, loaded=freeze_memory)


AREAS = (accounts, campaigns, creatives, placements, conversions, cards, billing, privacy, operation, traffic)


def create_app(
    settings: Settings, *, engine: Engine | None = None, clock: Callable[[], float] = time.time,
    loaded: Callable[[], None] = lambda: None,
) -> FastAPI:
    """The API and the pages over the stores that `settings` name. Opens connections when first used.

    `loaded` is called once the catalogue is in memory and before the first request.
    """
    parts = _parts(settings, engine or make_engine(settings.database_url, application="sightline-serve"), clock)
    demand = openrtb.demand(parts)
    decision_service = DecisionService(
        parts.feed, parts.resp, settings.chain_id, settings.token_key_bytes, settings.ruleset,
        public_url=settings.public_url, tcf_vendor=settings.tcf_vendor, ask_demand=demand.ask,
    )
    lists = traffic.lists(parts)
    ingest_service = IngestService(
        parts.resp, settings.chain_id, settings.token_key_bytes, settings.ruleset, lists=lists
    )

    links = click_links.links(
        settings.data_dir / "clicks", settings.token_key_bytes, parts.feed, ingest_service, parts.engine
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with _running(decision_service, lists, links):
            loaded()
            yield
        await demand.stop()
        await _close(parts)

    app = _front(lifespan)
    app.include_router(decisions.router(decision_service, parts.access))
    app.include_router(events.router(ingest_service))
    app.include_router(clicks.router(ingest_service, links, conversions.landing(parts)))
    for area in AREAS:
        area.include(app, parts)
    openrtb.include(app, parts, decision_service, ingest_service, demand, conversions.landing(parts), links, lists)
    _include_chain(app, settings, parts.engine)
    app.include_router(health.router(parts.engine, parts.redis, settings.chain_id))
    app.include_router(pages.router(operator=settings.seller_name, contact=settings.contact_email))
    app.include_router(docs.router(app.title))
    app.add_middleware(ConditionalRequests, client=parts.fast_redis)
    _protect(app, parts, [decisions.Decide(decision_service).hot(), events.Accept(ingest_service).hot()])
    return app


class _Runs(Protocol):
    """What works beside the requests."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


@contextlib.asynccontextmanager
async def _running(*services: _Runs) -> AsyncIterator[None]:
    """Started in this order, stopped in the other."""
    for service in services:
        await service.start()
    yield
    for service in reversed(services):
        await service.stop()


async def _close(parts: ServeParts) -> None:
    await parts.resp.aclose()
    await parts.fast_redis.aclose()
    parts.engine.dispose()


def _front(lifespan: Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]) -> Front:
    """The application without its routes."""
    app = Front(
        title="Sightline",
        summary="Advertising for virtual worlds that proves every cent",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,    # ours needs no other host: api/docs.py
        redoc_url=None,
        generate_unique_id_function=openapi.operation_id,
    )
    problems.install(app)
    openapi.install(app)
    return app


def _protect(app: Front, parts: ServeParts, hot: Sequence[HotRoute]) -> None:
    """The outer layers; the outermost is added last, and the hot paths pass by all of them."""
    settings = parts.settings
    https, proxies = settings.public_url.startswith("https://"), networks(settings.trusted_proxies)
    counts = None
    if settings.counts_requests:
        counts = RateService(SharedCounters(parts.fast_redis), clock=parts.clock)
        app.add_middleware(RateLimits, service=counts)
    limits.protect(app, https=https, trusted_proxies=proxies)
    app.hot = HotPaths(hot, counts=counts, https=https, trusted_proxies=proxies)


def _parts(settings: Settings, engine: Engine, clock: Callable[[], float]) -> ServeParts:
    client = sync_redis(settings)
    auth = AuthService(
        client, engine, ContractWallets(settings.rpc_url, settings.chain_id), public_url=settings.public_url,
        chain_id=settings.chain_id, admins=settings.admins, clock=clock,
        times=SessionTimes(timedelta(hours=settings.session_hours), timedelta(hours=settings.session_idle_hours)),
    )
    return ServeParts(
        settings=settings, engine=engine, redis=client, fast_redis=async_redis(settings), resp=Resp(settings.redis_url),
        feed=CatalogueFeed(
            engine, client, settings.chain_id, refresh_seconds=settings.catalogue_seconds,
            stale_seconds_max=settings.catalogue_stale_seconds, require_proof=settings.proof_required,
            quality=Bounds(settings.quality_permille_min, settings.quality_permille_max),
        ),
        auth=auth, access=Access(auth), clock=clock,
    )


def _include_chain(app: FastAPI, settings: Settings, engine: Engine) -> None:
    """What is settled and how it stands on chain."""
    publication_service = PublicationService(engine, settings.chain_id, SeldomAsked(settings), bundles(settings))
    app.include_router(settlements.router(publication_service))
    balances = BalanceReader(settings.rpc_url, settings.token)
    app.include_router(status.router(StatusService(engine, settings.chain_id, balances)))
