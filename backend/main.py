"""Composition root: opens the stores, builds the services, hands them to the routes and to the loops."""

import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import redis
import redis.asyncio
from fastapi import FastAPI
from pydantic import SecretStr

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
from backend.chain.client import Chain, EscrowClient, PayoutClient
from backend.config import MissingSetting, Settings
from backend.db.engine import Engine, make_engine
from backend.ingest.service import IngestConsumer, IngestService
from backend.jobs.attest import AttestJob
from backend.jobs.budgets import BudgetsJob
from backend.jobs.epochs import EpochJob
from backend.jobs.ingest import IngestJob
from backend.jobs.keeper import KeeperJob
from backend.jobs.ledger import LedgerJob
from backend.jobs.tallies import TalliesJob
from backend.ledger.service import LedgerService
from backend.placements.service import PlacementService
from backend.reports.status.client import BalanceReader
from backend.reports.status.service import StatusService
from backend.serving.service import BudgetSync, CatalogueFeed, DecisionService, TallyFlush
from backend.settlement.attestor.client import SettlementClient
from backend.settlement.attestor.service import AttestorService
from backend.settlement.keeper.service import KeeperService
from backend.settlement.publication.service import PublicationService
from backend.settlement.publication.store import BundleFiles
from backend.settlement.service import EpochService
from indexer.config import Config as IndexerConfig
from indexer.config import Proof, load_deployment
from indexer.main import run as index

REDIS_CONNECTIONS_MAX = 64
REDIS_WAIT_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Loop:
    """One job of a process: `step` returns True when it wants to be called again at once."""

    name: str
    step: Callable[[], bool]
    idle_seconds: float


def serve_app() -> FastAPI:
    """The application as granian's workers build it, from the environment."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname).1s %(name)s %(message)s")
    return create_app(Settings())


def create_app(settings: Settings) -> FastAPI:
    """The API and the pages over the stores that `settings` name. Opens connections when first used."""
    engine = make_engine(settings.database_url, application="sightline-serve")
    fast_redis = _async_redis(settings)
    slow_redis = _sync_redis(settings)
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
    publication_service = PublicationService(engine, _escrow(settings), _bundles(settings))
    app.include_router(settlements.router(publication_service))
    balances = BalanceReader(settings.rpc_url, settings.token)
    app.include_router(status.router(StatusService(engine, settings.chain_id, balances)))


def worker_loops(settings: Settings) -> list[Loop]:
    """Every job of `sightline worker`, over one engine and one Redis pool. Needs the operator's key."""
    engine = make_engine(settings.database_url, pool_size=8, application="sightline-worker")
    client = _sync_redis(settings)
    chain_id = settings.chain_id
    escrow = _escrow(settings, key=_secret(settings.operator_key, "SIGHTLINE_OPERATOR_KEY"))
    payout = PayoutClient(escrow.chain, settings.contract("PublisherPayout"))
    bundles = _bundles(settings)
    epochs = EpochService(engine, escrow, bundles, settings.ruleset, settings.epoch_seconds)
    keeper = KeeperService(engine, escrow, payout, bundles)
    return [
        Loop("ingest", IngestJob(IngestConsumer(engine, client)).step, idle_seconds=0.1),
        Loop("ledger", LedgerJob(LedgerService(engine, chain_id)).step, idle_seconds=0.1),
        Loop("budgets", BudgetsJob(BudgetSync(engine, client, chain_id)).step, idle_seconds=settings.catalogue_seconds),
        Loop("epochs", EpochJob(epochs).step, idle_seconds=0.5),
        Loop("keeper", KeeperJob(keeper).step, idle_seconds=1.0),
        Loop("tallies", TalliesJob(TallyFlush(engine, client)).step, idle_seconds=2.0),
    ]


def attestor_loop(settings: Settings) -> Loop:
    """The one job of `sightline attest`: its own key, its own RPC, and what is published over HTTP."""
    key = _secret(settings.attestor_key, "SIGHTLINE_ATTESTOR_KEY")
    client = SettlementClient(settings.settlement_url)
    service = AttestorService(client, _escrow(settings), key, settings.data_dir / "attestors")
    return Loop("attest", AttestJob(service).step, idle_seconds=0.5)


def run_indexer(settings: Settings, *, proof: Proof, stop: threading.Event) -> None:
    """Follow the chain until `stop` is set."""
    config = IndexerConfig(
        database_url=settings.database_url,
        rpc_url=settings.rpc_url,
        deployment=load_deployment(settings.deployment),
        confirmations=settings.confirmations,
        poll_seconds=0.25,
        proof=proof,
    )
    index(config, stop)


def _escrow(settings: Settings, *, key: str | None = None) -> EscrowClient:
    contract = settings.contract("CampaignEscrow")
    chain = Chain(settings.rpc_url, settings.chain_id, key=key)
    return EscrowClient(chain, contract, since=settings.contract_block("CampaignEscrow"))


def _bundles(settings: Settings) -> BundleFiles:
    return BundleFiles(settings.data_dir / "bundles")


def _secret(value: SecretStr | None, name: str) -> str:
    """The secret's text. Raises MissingSetting when the environment lacks it."""
    if value is None:
        raise MissingSetting(name)
    return value.get_secret_value()


def _async_redis(settings: Settings) -> "redis.asyncio.Redis":
    # the default pool raises when it is used up; this one waits
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        settings.redis_url, max_connections=REDIS_CONNECTIONS_MAX, timeout=REDIS_WAIT_SECONDS, socket_timeout=5
    )
    return redis.asyncio.Redis(connection_pool=pool)


def _sync_redis(settings: Settings) -> "redis.Redis":
    pool = redis.BlockingConnectionPool.from_url(
        settings.redis_url, max_connections=REDIS_CONNECTIONS_MAX, timeout=REDIS_WAIT_SECONDS, socket_timeout=5
    )
    return redis.Redis(connection_pool=pool)
