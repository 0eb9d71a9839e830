"""An exchange, bidders and our own side, put together as `sightline serve` does, on real stores."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine, text

from backend.api import limits, problems
from backend.config import Settings
from backend.ingest.links.service import ClickLinks
from backend.ingest.service import IngestConsumer, IngestService
from backend.ledger.service import LedgerService
from backend.main.areas import clicks as click_links
from backend.main.areas import openrtb
from backend.main.areas.conversions import landing
from backend.main.parts import ServeParts
from backend.main.serve import _parts
from backend.net.client import Dns
from backend.openrtb.demand.client import Answer, BidderClient
from backend.openrtb.demand.service import DemandService
from backend.openrtb.partners.partner import ExchangeTerms
from backend.openrtb.partners.service import PartnerService
from backend.serving.service import DecisionService
from backend.serving.sync.service import BudgetSync
from bench.market import Market

CHAIN_ID = 31_337
PUBLIC_URL = "https://ads.example"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class PatientClient(BidderClient):
    """Gives a bidder so many times what it is promised: how busy this machine is decides no test."""

    patience = 100.0

    async def post(self, endpoint: str, body: bytes, headers: Mapping[str, str], seconds_max: float) -> Answer:
        return await super().post(endpoint, body, headers, seconds_max * self.patience)


@dataclass
class Stand:
    """Everything that a test of OpenRTB needs. `http` asks our server, `bidders` asks others'."""

    parts: ServeParts
    decisions: DecisionService
    ingest: IngestService
    links: ClickLinks
    demand: DemandService
    bidders: PatientClient
    partners: PartnerService
    http: httpx.AsyncClient
    market: Market = field(init=False)
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        return self.parts.engine

    def exchange(self, **changes: Any) -> int:
        """An exchange whose world has boards of 300 x 250 and a screen of 16:9; gives its world."""
        world = self.market.world(9, engine="other")
        self.market.placement(world, floor_micro_usdc=1_000, width=300, height=250, name="300x250")
        self.market.placement(world, floor_micro_usdc=1_000, width=1_280, height=720, kind="video", name="video")
        terms = ExchangeTerms(**{"name": "Exchange", "domain": "exchange.example", "seat": "sightline", **changes})
        _, self.token = self.partners.add_exchange(world, terms)
        self.headers = {"Authorization": f"Bearer {self.token}"}
        return world

    def buyer(self, number: int, bid_micro_usdc: int, *, deposit: int = 1_000_000, **columns: Any) -> int:
        """A funded line item with an image of 300 x 250 and a video of 16:9 and 15 seconds."""
        item = self.market.line_item(self.market.campaign(number, deposit), bid_micro_usdc, **columns)
        self.picture(item, number)
        self.run("update creative set status = 'withdrawn' where line_item_id = :id and width = 1024", id=item)
        self.run(
            """insert into creative (line_item_id, kind, width, height, duration_ms, asset_url, asset_sha256,
                                     click_url, status)
               values (:item, 'video', 1920, 1080, 15000, :url, :sha, :click, 'approved')""",
            item=item, url=f"https://assets.example/{item}.mp4", sha="cd" * 32, click=f"https://shop{number}.example/v",
        )
        return item

    def picture(self, item: int, number: int, width: int = 300, height: int = 250) -> int:
        return self.run(
            """insert into creative (line_item_id, kind, width, height, asset_url, asset_sha256, click_url, status)
               values (:item, 'image', :width, :height, :url, :sha, :click, 'approved') returning id""",
            item=item, width=width, height=height, url=f"https://assets.example/{item}.png", sha="ab" * 32,
            click=f"https://www.shop{number}.example/autumn",
        )

    def run(self, statement: str, **values: Any) -> Any:
        with self.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return result.scalar() if result.returns_rows else None

    def refresh(self) -> None:
        """What SQL says now is what is sold now."""
        BudgetSync(self.engine, self.parts.redis, CHAIN_ID).sync(now_ms())
        self.parts.feed.refresh(now_ms())

    async def ask(self, request: dict[str, Any] | bytes, **headers: str) -> httpx.Response:
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        sent = {"Content-Type": "application/json", **self.headers, **headers}
        return await self.http.post("/openrtb2/bid", content=body, headers=sent)

    async def bid(self, request: dict[str, Any], **headers: str) -> dict[str, Any]:
        """The only bid of the answer."""
        answer = await self.ask(request, **headers)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        (seat,) = answer.json()["seatbid"]
        (bid,) = seat["bid"]
        found: dict[str, Any] = bid
        return found

    async def call(self, url: str, price: str = "", method: str = "GET") -> httpx.Response:
        """A notice, as an exchange sends it: with the macros replaced."""
        address = url.replace("${AUCTION_PRICE}", price).replace("${AUCTION_LOSS}", "102")
        return await self.http.request(method, address.removeprefix(PUBLIC_URL))

    @asynccontextmanager
    async def again(self) -> AsyncIterator["Stand"]:
        """Another process on the same stores, which knows what SQL says now."""
        async with stand(self.parts.settings, self.engine) as other:
            other.headers = self.headers
            yield other

    def settle(self) -> None:
        """What is in the stream becomes events, and those are billed."""
        consumer = IngestConsumer(self.engine, self.parts.redis)
        while consumer.consume():
            pass
        while LedgerService(self.engine, CHAIN_ID).bill(1_000):
            pass

    def charged(self) -> list[int]:
        """Prices of billed events."""
        with self.engine.begin() as connection:
            return list(connection.execute(
                text("select price_micro_usdc from event where status = 'billed' order by seq")
            ).scalars())

    def held(self, campaign: int = 1) -> int:
        """Micro-USDC in open holds of a campaign."""
        return int(self.parts.redis.hget(f"sl:{{{campaign}}}:held", "campaign") or 0)  # type: ignore[arg-type]


@asynccontextmanager
async def stand(settings: Settings, engine: Engine) -> AsyncIterator[Stand]:
    """As `create_app`, with services that a test can reach."""
    parts = _parts(settings, engine, time.time)
    key, rules = settings.token_key_bytes, settings.ruleset
    demand = openrtb.demand(parts)
    demand._client = bidders = PatientClient(Dns(settings.dns_servers).addresses, allow_local=settings.fetch_local)
    decisions = DecisionService(
        parts.feed, parts.resp, CHAIN_ID, key, rules, public_url=settings.public_url, ask_demand=demand.ask
    )
    ingest = IngestService(parts.fast_redis, CHAIN_ID, key, rules)
    app = FastAPI()
    problems.install(app)
    links = click_links.links(settings.data_dir / "clicks", key, parts.feed, ingest, engine)
    openrtb.include(app, parts, decisions, ingest, demand, landing(parts), links)
    limits.protect(app)
    partners = PartnerService(
        engine, parts.redis, allow_local=True, domain="ads.example", clock=time.time, changed=demand.forget
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC_URL) as http:
        yield Stand(parts, decisions, ingest, links, demand, bidders, partners, http)
    await demand.stop()
    await parts.resp.aclose()
    await parts.fast_redis.aclose()
