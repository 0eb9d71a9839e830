"""Asks external bidders for a placement: all at once, each within its time, none that failed too often."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable

import redis
import redis.asyncio

from backend.core.errors import BadRequest
from backend.core.exchange import DemandBid, DemandOffer, DemandRequest
from backend.db.engine import Engine
from backend.openrtb.bidder import Bidder, Bucket, Circuit, Outcome, WorldNames
from backend.openrtb.demand import store
from backend.openrtb.demand.client import BidderClient, BidderUnreachable
from backend.openrtb.kept import Kept
from backend.openrtb.outgoing import KINDS, bid_in, request_of
from backend.openrtb.reading import VERSION, VERSION_HEADER

ASKED_MAX = 32                  # bidders of one ad request
FRESH_SECONDS, STALE_SECONDS = 1.0, 30.0
FLUSH_SECONDS = 1.0
SECONDS_PER_DAY = 86_400
HEADERS = {"Content-Type": "application/json", VERSION_HEADER: VERSION}


class DemandService:
    """State of circuits and rates is of this process alone: each finds out by itself who is down."""

    def __init__(
        self, engine: Engine, client: redis.asyncio.Redis, bidders: BidderClient, domain: str, bid_seconds: int, *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._engine = engine
        self._redis = client
        self._client = bidders
        self._domain = domain
        self._bid_seconds = bid_seconds
        self._kept = Kept(self._load, time.monotonic, fresh=FRESH_SECONDS, stale=STALE_SECONDS)
        self._circuits: dict[int, Circuit] = {}
        self._buckets: dict[int, Bucket] = {}
        self._counts: Counter[tuple[int, str]] = Counter()
        self._flushing: asyncio.Task[None] | None = None
        self.forget = self._kept.forget

    async def ask(self, asked: DemandRequest) -> list[DemandBid]:
        """Bids that may compete, within the bidders' times (300 ms at most). Never raises: whoever fails has no bid."""
        if asked.kind not in KINDS:
            return []
        try:
            known = await self._kept.get()
        except Exception:               # without SQL nobody outside is asked
            return []
        bidders, named = known.bidders, known.worlds.get(asked.world)
        pairs = [(offer, bidders[offer.line_item]) for offer in asked.offers if offer.line_item in bidders][:ASKED_MAX]
        answers = await asyncio.gather(*(self._ask(asked, offer, bidder, named) for offer, bidder in pairs))
        self._count(pairs, answers)
        return [answer for answer in answers if isinstance(answer, DemandBid)]

    async def _ask(
        self, asked: DemandRequest, offer: DemandOffer, bidder: Bidder, named: WorldNames | None
    ) -> DemandBid | Outcome:
        circuit = self._circuits.setdefault(bidder.id, Circuit())
        bucket = self._buckets.setdefault(bidder.id, Bucket(bidder.qps_max))
        bucket.per_second = bidder.qps_max
        if not bucket.take(time.monotonic()):
            return Outcome.OVER_QPS
        if not circuit.admits(time.monotonic()):
            return Outcome.RESTING
        answer: DemandBid | Outcome = Outcome.UNREACHABLE
        try:
            answer = await self._exchanged(asked, offer, bidder, named)
        finally:                        # cancelled, too: or a circuit would wait for an answer for ever
            circuit.record(answer if isinstance(answer, Outcome) else Outcome.BID, time.monotonic())
        return answer

    async def _exchanged(
        self, asked: DemandRequest, offer: DemandOffer, bidder: Bidder, named: WorldNames | None
    ) -> DemandBid | Outcome:
        body = request_of(asked, offer, bidder, self._domain, self._bid_seconds, named)
        try:
            answer = await self._client.post(bidder.endpoint, body, HEADERS, bidder.timeout_ms / 1_000)
            if answer.status == 204:
                return Outcome.NO_BID
            return bid_in(answer.body, asked, offer, self._bid_seconds) if answer.status == 200 else Outcome.BAD_STATUS
        except TimeoutError:
            return Outcome.TIMEOUT
        except BidderUnreachable:
            return Outcome.UNREACHABLE
        except BadRequest:
            return Outcome.MALFORMED

    def _load(self) -> store.Outside:
        with self._engine.connect() as connection:
            return store.read_outside(connection)

    def _count(self, pairs: list[tuple[DemandOffer, Bidder]], answers: list[DemandBid | Outcome]) -> None:
        """For information: added to Redis a second later, away from the ad request."""
        for (_, bidder), answer in zip(pairs, answers, strict=True):
            self._counts[bidder.id, answer if isinstance(answer, Outcome) else Outcome.BID] += 1
        if self._counts and (self._flushing is None or self._flushing.done()):
            self._flushing = asyncio.get_running_loop().create_task(self._soon())

    async def _soon(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        await self.flush()

    async def stop(self) -> None:
        """Hand over what is counted and let go of the connections."""
        if self._flushing is not None:
            self._flushing.cancel()
        await self.flush()
        await self._client.aclose()

    async def flush(self) -> None:
        """Add everything counted so far to the shared counters."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        with contextlib.suppress(redis.RedisError):
            await store.add_counts(self._redis, int(self._clock()) // SECONDS_PER_DAY, counts)
