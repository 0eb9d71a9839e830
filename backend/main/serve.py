"""`sightline serve`: the API and the pages."""

import contextlib
import logging
from collections.abc import AsyncIterator

import redis
import redis.asyncio
from fastapi import FastAPI

from backend.api import (
    auth,
    campaigns,
    clicks,
    decisions,
    docs,
    events,
    health,
    limits,
    pages,
    placements,
    problems,
    session,
    settlements,
    status,
)
from backend.auth.service import AuthService
from backend.campaigns.service import CampaignService
from backend.config import Settings
from backend.db.engine import Engine, make_engine
from backend.ingest.service import IngestService
from backend.main.parts import async_redis, bundles, escrow, sync_redis
from backend.placements.service import PlacementService
from backend.reports.status.client import BalanceReader
from backend.reports.status.service import StatusService
from backend.serving.service import CatalogueFeed, DecisionService
from backend.settlement.publication.service import PublicationService


def serve_app() -> FastAPI:
    """The application as granian's workers build it, from the environment."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname).1s %(name)s %(message)s")
    return create_app(Settings())


def create_app(settings: Settings) -> FastAPI:
    """The API and the pages over the stores that `settings` name. Opens connections when first used."""
    engine = make_engine(settings.database_url, application="sightline-serve")
    fast_redis = async_redis(settings)
    slow_redis = sync_redis(settings)
    chain_id = settings.chain_id
    feed = CatalogueFeed(engine, slow_redis, chain_id, refresh_seconds=settings.catalogue_seconds)
    decision_service = DecisionService(feed, fast_redis, chain_id, settings.token_key_bytes, settings.ruleset)
    ingest_service = IngestService(fast_redis, chain_id, settings.token_key_bytes, settings.ruleset)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await decision_service.start()
        yield
        await decision_service.stop()
        await fast_redis.aclose()
        engine.dispose()

    app = FastAPI(
        title="Sightline",
        summary="Advertising for virtual worlds that proves every cent",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,    # ours needs no other host: api/docs.py
        redoc_url=None,
    )
    problems.install(app)
    app.include_router(decisions.router(decision_service))
    app.include_router(events.router(ingest_service))
    app.include_router(clicks.router(ingest_service, feed))
    _include_accounts(app, settings, engine, slow_redis)
    _include_chain(app, settings, engine)
    app.include_router(health.router(engine, slow_redis, chain_id))
    app.include_router(pages.router())
    app.include_router(docs.router(app.title))
    limits.protect(app)
    return app


def _include_accounts(app: FastAPI, settings: Settings, engine: Engine, client: "redis.Redis") -> None:
    """Sign-in, and what advertisers and publishers describe."""
    chain_id = settings.chain_id
    auth_service = AuthService(
        client, public_url=settings.public_url, chain_id=chain_id, session_seconds=settings.session_hours * 3600
    )
    signed_in = session.signed_in(auth_service)
    app.include_router(auth.router(auth_service))
    campaign_service = CampaignService(engine, chain_id)
    escrow = settings.contract("CampaignEscrow")
    app.include_router(campaigns.router(campaign_service, signed_in, chain_id=chain_id, escrow=escrow))
    app.include_router(placements.router(PlacementService(engine, chain_id), signed_in))


def _include_chain(app: FastAPI, settings: Settings, engine: Engine) -> None:
    """What is settled and how it stands on chain."""
    publication_service = PublicationService(engine, escrow(settings), bundles(settings))
    app.include_router(settlements.router(publication_service))
    balances = BalanceReader(settings.rpc_url, settings.token)
    app.include_router(status.router(StatusService(engine, settings.chain_id, balances)))
