"""All stages that a budget goes through, on one simulated clock."""

import time

import msgspec
import redis
from sqlalchemy import Engine, text

from backend.core.reasons import NoBidReason
from backend.ingest.service import IngestConsumer
from backend.ledger.service import LedgerService
from backend.serving import store
from backend.serving.decision import AdRequest, Decision, NoBid
from backend.serving.sync.service import BudgetSync
from bench.app import CHAIN_ID, Wiring
from bench.market import Market

SEEN = [[t_ms, 10_000, 400, 1_000 + t_ms % 7, True, True] for t_ms in range(0, 1_200, 100)]
PRICE = 1_000


class Story:
    """All stages on one simulated clock: an ad request, its event, the consumer, the ledger, the sync."""

    def __init__(self, engine: Engine, client: redis.Redis, wiring: Wiring, market: Market) -> None:
        self.engine, self.client, self.wiring, self.market = engine, client, wiring, market
        self.consumer = IngestConsumer(engine, client)
        self.ledger = LedgerService(engine, CHAIN_ID)
        self.budgets = BudgetSync(engine, client, CHAIN_ID)
        self.now_ms = time.time_ns() // 1_000_000
        self.placement = market.placement(market.world(1), floor_micro_usdc=PRICE)
        self.decided: list[Decision] = []
        self._random = 0

    async def ask(self) -> Decision | NoBid:
        """An ad, which costs the floor, or why there is none."""
        self._random += 1
        random = self._random.to_bytes(10, "big") + bytes(8)
        self.wiring.feed.refresh(self.now_ms)
        request = AdRequest(self.placement, f"viewer-{self._random:04}")
        answer = await self.wiring.decisions.decide(request, self.now_ms, random)
        if isinstance(answer, Decision):
            self.decided.append(answer)
        return answer

    async def decide(self) -> bool:
        """Whether an ad was won."""
        return isinstance(await self.ask(), Decision)

    async def sold(self) -> int:
        """How many ads are won until none is."""
        count = 0
        while await self.decide():
            count += 1
        return count

    async def reasons(self) -> set[NoBidReason]:
        """Why there is no ad."""
        answer = await self.ask()
        assert isinstance(answer, NoBid)
        return set(answer.reasons)

    async def see(self, decision: Decision) -> bool:
        """Whether the event was accepted."""
        body = msgspec.json.encode({"events": [{"kind": "viewable", "token": decision.token, "samples": SEEN}]})
        return await self.wiring.ingest.accept(body, self.now_ms, "Mozilla/5.0") == [None]

    def consume(self) -> None:
        while self.consumer.consume():
            pass

    def sync(self) -> bool:
        return self.budgets.sync(self.now_ms)

    def purse(self, campaign: int = 1) -> tuple[int, int]:
        """(base, held) of the campaign in Redis."""
        purse = store.read_purses(self.client, [campaign])[campaign].campaign
        assert purse is not None
        return purse.base, purse.held

    def charged(self) -> int:
        with self.engine.connect() as connection:
            total = connection.execute(text("select coalesce(sum(amount_micro_usdc), 0) from ledger_transfer"))
            return int(total.scalar_one())

    def execute(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement))

    def bill(self) -> None:
        """All that is accepted is consumed and billed."""
        self.consume()
        while self.ledger.bill(100):
            pass

    def count(self, query: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(text(query)).scalar_one())
