"""`sightline worker`: all jobs."""

from collections.abc import Callable
from dataclasses import replace

from backend.chain.client import PayoutClient
from backend.config import Settings
from backend.core.errors import Unavailable
from backend.db.engine import make_engine
from backend.db.failures import DATABASE_UNAVAILABLE, REDIS_UNAVAILABLE
from backend.ingest.service import IngestConsumer
from backend.jobs.budgets import BudgetsJob
from backend.jobs.epochs import EpochJob
from backend.jobs.ingest import IngestJob
from backend.jobs.keeper import KeeperJob
from backend.jobs.ledger import LedgerJob
from backend.jobs.pacing import PacingJob
from backend.jobs.rates import RatesJob
from backend.jobs.tallies import TalliesJob
from backend.ledger.service import LedgerService
from backend.main.areas import billing, cards, conversions, creatives, operation, placements, privacy, traffic
from backend.main.parts import Loop, WorkerParts, bundles, escrow, sync_redis
from backend.main.signing import signer
from backend.pctr.service import RateCounting
from backend.serving.steering.service import Pacing
from backend.serving.sync.service import BudgetSync
from backend.serving.tally.service import TallyFlush
from backend.settlement.keeper.service import KeeperService
from backend.settlement.service import EpochService

PACING_SECONDS = 5.0
BUDGETS_SECONDS = 0.2           # a change waits so long at most before it is looked at
AREAS = (creatives, placements, conversions, cards, billing, privacy, operation, traffic)


def worker_loops(settings: Settings) -> list[Loop]:
    """Every job of `sightline worker`, over one engine and one Redis pool. Needs the operator's key."""
    return [replace(loop, step=_patient(loop.step)) for loop in _loops(settings)]


def _patient(step: Callable[[], bool]) -> Callable[[], bool]:
    """`step`, which tells a store that is away in a line of the log instead of a traceback."""

    def patient() -> bool:
        try:
            return step()
        except DATABASE_UNAVAILABLE as error:
            raise Unavailable("database_unavailable", _first_line(error)) from error
        except REDIS_UNAVAILABLE as error:
            raise Unavailable("redis_unavailable", _first_line(error)) from error

    return patient


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _loops(settings: Settings) -> list[Loop]:
    engine = make_engine(settings.database_url, pool_size=8, application="sightline-worker")
    client = sync_redis(settings)
    chain_id = settings.chain_id
    operator = escrow(settings, signer=signer(settings, "operator"))
    payout = PayoutClient(operator.chain, settings.contract("PublisherPayout"))
    files = bundles(settings)
    parts = WorkerParts(settings, engine, client, operator)
    epochs = EpochService(
        engine, operator, files, settings.ruleset, settings.epoch_seconds, settings.confirmations
    )
    keeper = KeeperService(engine, operator, payout, files)
    return [
        Loop("ingest", IngestJob(IngestConsumer(engine, client, admins=settings.admins)).step, idle_seconds=0.1),
        Loop("ledger", LedgerJob(LedgerService(engine, chain_id)).step, idle_seconds=0.1),
        Loop("budgets", BudgetsJob(BudgetSync(engine, client, chain_id)).step, idle_seconds=BUDGETS_SECONDS),
        Loop("pacing", PacingJob(Pacing(engine, client, chain_id)).step, idle_seconds=PACING_SECONDS),
        Loop("epochs", EpochJob(epochs).step, idle_seconds=0.5),
        Loop("keeper", KeeperJob(keeper).step, idle_seconds=1.0),
        *(loop for area in AREAS for loop in area.loops(parts)),
        Loop("tallies", TalliesJob(TallyFlush(engine, client)).step, idle_seconds=2.0),
        Loop("rates", RatesJob(RateCounting(engine)).step, idle_seconds=10.0),
    ]
