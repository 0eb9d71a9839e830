"""The decision route as it is first written: FastAPI, pydantic models, a scan of all line items, redis-py call by call.

The same work on the same stores as `POST /v1/decisions`: every dimension of targeting, block lists, floors, click
rates, second price, budgets and caps with a hold, frequency caps, a signed token. `tests/load/test_naive.py` compares
the answers. What it spares itself: it never reads the market again, gives no reasons and counts nothing.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import redis.asyncio
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from backend.core.categories import DeviceClass
from backend.core.consent import allows_frequency_capping
from backend.core.decision_token import DecisionToken, decision_id, sign
from backend.core.events import BidKind
from backend.core.ruleset import Ruleset
from backend.core.week import hour_of_week
from backend.db.engine import make_engine
from backend.serving.decision import viewer_bytes
from bench.app import CHAIN_ID, TOKEN_KEY
from bench.naive_market import Item, Market, Surface, read_market
from bench.naive_purses import Purses


class Privacy(BaseModel):
    model_config = ConfigDict(extra="forbid")

    gpc: bool = False
    tcf: str | None = Field(default=None, max_length=8_192)


class AdRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    placement_id: int = Field(ge=1, le=2**63 - 1)
    viewer_key: str = Field(min_length=8, max_length=64)
    country: str | None = Field(default=None, pattern="^[A-Z]{2}$")
    language: str | None = Field(default=None, pattern="^[a-z]{2}$")
    device: DeviceClass | None = None
    privacy: Privacy = Privacy()


class Shown(BaseModel):
    id: int
    kind: str
    width: int
    height: int
    asset_url: str
    asset_sha256: str
    click_url: str


class Rules(BaseModel):
    visible_bp_min: int
    screen_bp_min: int
    angle_cdeg_below: int
    viewable_ms_min: int
    sample_gap_ms_max: int


class Answer(BaseModel):
    decision_id: str
    token: str
    expires_at_ms: int
    creative: Shown
    rules: Rules
    test: bool = False


@dataclass(frozen=True, slots=True)
class Bid:
    """A line item with what a thousand viewable impressions would bring, in nano-USDC."""

    item: Item
    ecpm: int
    rate_ppm: int


class NaiveDecisions:
    """One decision after the other, each check a question of its own."""

    def __init__(self, market: Market, client: redis.asyncio.Redis, ruleset: Ruleset) -> None:
        self._market = market
        self._purses = Purses(client)
        self._ruleset = ruleset

    async def decide(self, asked: AdRequest, gpc: bool, now_ms: int) -> Answer | None:
        """The ad, or None."""
        surface = self._market.surfaces.get(asked.placement_id)
        if surface is None:
            raise HTTPException(404)
        viewer = viewer_bytes(asked.viewer_key, TOKEN_KEY, now_ms)
        countable = allows_frequency_capping(gpc or asked.privacy.gpc, asked.privacy.tcf)
        bids = list(self._bids(surface, _known(surface, asked), countable, now_ms))
        bids.sort(key=lambda bid: -bid.ecpm)
        while True:
            found = await self._contenders(bids, viewer, now_ms)
            if not found:
                return None
            facts = self._facts(found, surface, viewer, now_ms)
            if await self._purses.take(found[0].item, facts, now_ms):
                return self._answer(found[0].item, facts)
            bids.remove(found[0])

    def _bids(
        self, surface: Surface, known: Mapping[str, int | str | None], countable: bool, now_ms: int
    ) -> Iterator[Bid]:
        """Who may be shown, of everybody."""
        floor = surface.floor_micro_usdc * 1_000_000
        for item in self._market.items:
            if not item.active or not item.starts_ms <= now_ms < item.ends_ms:
                continue
            for dimension, only, never in item.wanted:
                value = known[dimension]
                if (only and value not in only) or value in never or value is None:
                    break
            else:
                rate_ppm = 1_000_000 if item.bid_kind == "vcpm" else self._market.click_rate_ppm(item.id)
                ecpm = item.bid_micro_usdc * rate_ppm
                if ecpm >= floor and (countable or item.frequency is None) and _may_run(item, surface, now_ms):
                    yield Bid(item, ecpm, rate_ppm)

    async def _contenders(self, bids: Sequence[Bid], viewer: bytes, now_ms: int) -> list[Bid]:
        """The best that may be shown now, and the best of another owner, who sets the price."""
        found: list[Bid] = []
        for bid in bids:
            if found and bid.item.owner == found[0].item.owner:
                continue
            if not await self._purses.may_spend(bid.item, now_ms):
                continue
            if bid.item.frequency is not None and not await self._purses.may_see(bid.item, viewer, now_ms):
                continue
            found.append(bid)
            if len(found) == 2:
                break
        return found

    def _facts(self, found: Sequence[Bid], surface: Surface, viewer: bytes, now_ms: int) -> DecisionToken:
        winner = found[0]
        beaten = max(surface.floor_micro_usdc * 1_000_000, found[1].ecpm if len(found) > 1 else 0)
        creative = next(one for one in winner.item.creatives if _fits(one, surface))
        return DecisionToken(
            decision_id=decision_id(now_ms, os.urandom(10)), chain_id=CHAIN_ID,
            campaign=winner.item.chain_campaign, line_item=winner.item.id, creative=creative.id,
            placement=surface.id, publisher=surface.publisher,
            price_micro_usdc=max(1, -(-beaten // winner.rate_ppm)), bid_kind=BidKind(winner.item.bid_kind),
            expires_ms=now_ms + self._ruleset.token_seconds * 1000, viewer=viewer,
            video=surface.kind in ("video", "audio"),
        )

    def _answer(self, item: Item, facts: DecisionToken) -> Answer:
        rules, shown = self._ruleset, next(one for one in item.creatives if one.id == facts.creative)
        return Answer(
            decision_id=facts.decision_id.hex(), token=sign(facts, TOKEN_KEY), expires_at_ms=facts.expires_ms,
            creative=Shown(
                id=shown.id, kind=shown.kind, width=shown.width, height=shown.height, asset_url=shown.asset_url,
                asset_sha256=shown.asset_sha256, click_url=shown.click_url,
            ),
            rules=Rules(
                visible_bp_min=rules.visible_bp_min, screen_bp_min=rules.screen_bp_min,
                angle_cdeg_below=rules.angle_cdeg_below, sample_gap_ms_max=rules.sample_gap_ms_max,
                viewable_ms_min=rules.viewable_video_ms_min if facts.video else rules.viewable_ms_min,
            ),
        )


def _known(surface: Surface, asked: AdRequest) -> dict[str, int | str | None]:
    """What line items may ask for, by dimension."""
    return {
        "worlds": surface.world, "categories": surface.category, "placements": surface.id,
        "publishers": surface.publisher, "formats": surface.kind, "engines": surface.engine,
        "countries": asked.country, "languages": asked.language, "devices": asked.device,
    }


def _may_run(item: Item, surface: Surface, now_ms: int) -> bool:
    """What is left once its dimensions fit: the hour, the size, the publisher's lists, something to show."""
    if item.hours is not None and not item.hours >> hour_of_week(now_ms, item.time_zone) & 1:
        return False
    if item.size and not _right_size(item.size, surface):
        return False
    return not _blocked(item, surface) and any(_fits(creative, surface) for creative in item.creatives)


def _right_size(size: Mapping[str, int | None], surface: Surface) -> bool:
    sides = {"width_pixels": surface.width, "height_pixels": surface.height,
             "width_mm": surface.width_mm, "height_mm": surface.height_mm}
    for side, value in sides.items():
        least, most = size.get(f"{side}_min"), size.get(f"{side}_max")
        if value is None and (least is not None or most is not None):
            return False
        if value is not None and not (least or 0) <= value <= (value if most is None else most):
            return False
    return True


def _blocked(item: Item, surface: Surface) -> bool:
    """By the publisher, or because it is the publisher's own."""
    if item.owner == surface.owner or item.owner in surface.blocks["advertiser"]:
        return True
    if surface.accepts and item.category not in surface.accepts:
        return True
    return item.category in surface.blocks["category"]


def _fits(creative: Shown, surface: Surface) -> bool:
    """Same kind and shape, and not blocked."""
    if creative.kind != surface.kind or str(creative.id) in surface.blocks["creative"]:
        return False
    one, other = creative.width * surface.height, surface.width * creative.height
    return creative.kind in ("audio", "model") or abs(one - other) * 100 <= 2 * other


def create_app() -> FastAPI:
    """For the server: the stores are named by the environment."""
    client = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"], max_connections=1_000)
    service: list[NaiveDecisions] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        engine = make_engine(os.environ["DATABASE_URL"], pool_size=1)
        market = await asyncio.to_thread(read_market, engine, CHAIN_ID, Shown)
        service.append(NaiveDecisions(market, client, Ruleset()))
        yield
        await client.aclose()
        engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/decisions", response_model=None)
    async def decide(asked: AdRequest, request: Request) -> Answer | dict[str, dict[str, int]]:
        gpc = request.headers.get("sec-gpc") == "1"
        return await service[0].decide(asked, gpc, time.time_ns() // 1_000_000) or {"no_bid": {}}

    @app.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    return app
