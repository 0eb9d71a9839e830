"""What several processes are put together from: Redis pools, the escrow, the bundles, loops."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import redis
import redis.asyncio
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from backend.api.access import Access
from backend.auth.service import AuthService
from backend.chain.signer import Signer
from backend.config import Settings
from backend.core.ids import address
from backend.db.engine import Engine
from backend.net.client import Dns, SafeFetcher
from backend.net.resp import Resp
from backend.serving.feed.service import CatalogueFeed
from backend.settlement.publication.store import BundleFiles

if TYPE_CHECKING:
    from backend.chain.client import EscrowClient

REDIS_CONNECTIONS_MAX = 64
REDIS_WAIT_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Loop:
    """One job of a process: `step` returns True when it wants to be called again at once."""

    name: str
    step: Callable[[], bool]
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class ServeParts:
    """What the areas of `sightline serve` share. `clock` gives Unix seconds; `redis` is synchronous."""

    settings: Settings
    engine: Engine
    redis: Redis
    fast_redis: AsyncRedis
    resp: Resp
    feed: CatalogueFeed
    auth: AuthService
    access: Access
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What the jobs of `sightline worker` share. `operator` signs with the operator's key."""

    settings: Settings
    engine: Engine
    redis: Redis
    operator: "EscrowClient"


def escrow(settings: Settings, *, signer: Signer | None = None) -> "EscrowClient":
    """The escrow of the deployment; writes need the `signer` of main/signing.py."""
    from backend.chain.client import Chain, EscrowClient

    contract = settings.contract("CampaignEscrow")
    chain = Chain(settings.rpc_url, settings.chain_id, signer=signer)
    return EscrowClient(chain, contract, since=settings.contract_block("CampaignEscrow"))


class SeldomAsked:
    """The escrow, for a process that may never ask it: web3 is loaded with the first question. It takes 13 MB."""

    def __init__(self, settings: Settings) -> None:
        self.address = address(settings.contract("CampaignEscrow"))
        self._settings = settings

    def is_attestor(self, account: str) -> bool:
        """Raises Unavailable without the chain."""
        return self._client.is_attestor(account)

    @cached_property
    def _client(self) -> "EscrowClient":
        return escrow(self._settings)


def safe_fetcher(settings: Settings) -> SafeFetcher:
    """For whatever a stranger's URL names: webhooks, proofs, lists."""
    return SafeFetcher(resolver=Dns(settings.dns_servers).addresses, allow_local=settings.fetch_local)


def bundles(settings: Settings) -> BundleFiles:
    return BundleFiles(settings.data_dir / "bundles")


def async_redis(settings: Settings) -> AsyncRedis:
    # the default pool raises when it is used up; this one waits
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        settings.redis_url, max_connections=REDIS_CONNECTIONS_MAX, timeout=REDIS_WAIT_SECONDS, socket_timeout=5
    )
    return AsyncRedis.from_pool(pool)          # which it then also closes


def sync_redis(settings: Settings) -> Redis:
    pool = redis.BlockingConnectionPool.from_url(
        settings.redis_url, max_connections=REDIS_CONNECTIONS_MAX, timeout=REDIS_WAIT_SECONDS, socket_timeout=5
    )
    return Redis(connection_pool=pool)
