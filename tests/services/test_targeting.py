"""Deciding for viewers on real stores: what they say and have seen, who is blocked, who has the placement (L52)."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import redis
from sqlalchemy import Engine, text

from backend.core.reasons import NoBidReason
from backend.core.sponsored_hour import HOUR_MS, hour_id
from backend.ledger.service import LedgerService
from backend.ledger.sponsorship.service import SponsorshipService
from backend.serving.decision import AdRequest, Decision, NoBid
from backend.serving.sync.service import BudgetSync
from backend.serving.tally.service import TallyFlush
from bench.app import CHAIN_ID, Wiring, routes, unwire, wire
from bench.market import Market
from tests.consent_kit import COUNTING_ALLOWED, COUNTING_REFUSED

NOW_MS = time.time_ns() // 1_000_000
MIDDAY_MS = NOW_MS - NOW_MS % 86_400_000 + 86_400_000 + 43_200_000     # tomorrow: no midnight comes between


@pytest.fixture
def market(fresh_engine: Engine, fresh_database_url: str) -> Market:
    return Market(fresh_engine, fresh_database_url, CHAIN_ID)


@pytest.fixture
async def wiring(fresh_database_url: str, redis_url: str) -> AsyncIterator[Wiring]:
    wired = wire(fresh_database_url, redis_url)
    yield wired
    await unwire(wired)


class Stage:
    """Line items and requests at a moment of the test's own."""

    def __init__(self, market: Market, wiring: Wiring, client: redis.Redis) -> None:
        self.market, self.wiring = market, wiring
        self.budgets = BudgetSync(market.engine, client, CHAIN_ID)
        self.asked = 0

    def refresh(self, now_ms: int = MIDDAY_MS) -> None:
        self.budgets.sync(now_ms)
        self.wiring.feed.refresh(now_ms)

    async def ask(
        self, placement: int, now_ms: int = MIDDAY_MS, viewer: str = "viewer-1", **said: Any
    ) -> Decision | NoBid:
        self.asked += 1
        random = self.asked.to_bytes(10, "big") + bytes(8)
        return await self.wiring.decisions.decide(AdRequest(placement, viewer, **said), now_ms, random)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.market.engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture
def stage(market: Market, wiring: Wiring, redis_client: redis.Redis) -> Stage:
    return Stage(market, wiring, redis_client)


def running(**columns: Any) -> dict[str, Any]:
    """A flight that is running at midday."""
    midday = datetime.fromtimestamp(MIDDAY_MS / 1000, UTC)
    return {"starts_at": midday - timedelta(hours=6), "ends_at": midday + timedelta(days=2), **columns}


def reasons(answer: Decision | NoBid) -> dict[str, int]:
    assert isinstance(answer, NoBid)
    return {str(reason): n for reason, n in answer.reasons.items()}


@pytest.mark.parametrize(
    ("targeting", "said", "reason"),
    [
        ('{"countries": ["DE"]}', {"country": "DE"}, None),
        ('{"countries": ["DE"]}', {"country": "FR"}, "targeting_country"),
        ('{"exclude_countries": ["FR"]}', {}, "targeting_country"),
        ('{"languages": ["de"]}', {"language": "fr"}, "targeting_language"),
        ('{"devices": ["vr"]}', {"device": "mobile"}, "targeting_device"),
        ('{"engines": ["unity"]}', {}, "targeting_engine"),
        ('{"formats": ["video"]}', {}, "targeting_format"),
        ('{"exclude_publishers": [4]}', {}, "targeting_publisher"),
        ('{"size": {"width_mm_min": 2000}}', {}, None),
        ('{"size": {"width_mm_min": 2001}}', {}, "targeting_size"),
        ('{"size": {"height_pixels_max": 511}}', {}, "targeting_size"),
    ],
)
async def test_decide__targeting__is_kept_and_named(
    stage: Stage, market: Market, targeting: str, said: dict[str, Any], reason: str | None
) -> None:
    """L52."""
    market.line_item(market.campaign(1, 10**6), 5_000, targeting=targeting, **running())
    placement = market.placement(market.world(4), width_mm=2_000, height_mm=1_000)
    stage.refresh()
    answer = await stage.ask(placement, **said)
    assert isinstance(answer, Decision) if reason is None else reasons(answer) == {reason: 1}


async def test_decide__hours_of_the_week__on_the_clocks_of_the_zone(stage: Stage, market: Market) -> None:
    """L52: from 17:00 to 18:00 in Kathmandu, which is 11:15 to 12:15 UTC."""
    midday = datetime.fromtimestamp(MIDDAY_MS / 1000, UTC)
    hours = f"{1 << midday.weekday() * 24 + 17:042x}"
    market.line_item(market.campaign(1, 10**6), 5_000, hours=hours, time_zone="Asia/Kathmandu", **running())
    placement = market.placement(market.world(4))
    stage.refresh()
    for minutes, expected in ((-46, NoBid), (-44, Decision), (14, Decision), (16, NoBid)):
        stage.refresh(MIDDAY_MS + minutes * 60_000)
        assert isinstance(await stage.ask(placement, MIDDAY_MS + minutes * 60_000), expected)
    assert reasons(await stage.ask(placement, MIDDAY_MS + 16 * 60_000)) == {"day_parts": 1}


@pytest.mark.parametrize(
    ("scope", "kind", "value"),
    [
        ("everywhere", "advertiser", "0x" + "0" * 39 + "1"), ("here", "advertiser", "0x" + "0" * 39 + "1"),
        ("everywhere", "category", "other"), ("here", "creative", "the first"),
    ],
)
async def test_decide__publisher_blocks__nothing_of_it_is_shown_there(
    stage: Stage, market: Market, scope: str, kind: str, value: str
) -> None:
    market.line_item(market.campaign(1, 10**6), 5_000, **running())
    here, there = market.world(4), market.world(4)
    placements = [market.placement(here), market.placement(there)]
    creative = str(stage.rows("select min(id) from creative")[0][0])
    market._insert(
        "publisher_block", publisher_index=4, world_id=here if scope == "here" else None, kind=kind,
        value=creative if value == "the first" else value,
    )
    stage.refresh()
    assert reasons(await stage.ask(placements[0])) == {"blocked_by_publisher": 1}
    elsewhere = await stage.ask(placements[1])
    assert isinstance(elsewhere, Decision) if scope == "here" else reasons(elsewhere) == {"blocked_by_publisher": 1}


# --- frequency caps ---------------------------------------------------------------------------------------------


async def test_decide__frequency_cap__holds_for_a_viewer_however_many_ask_at_once(
    stage: Stage, market: Market, redis_client: redis.Redis
) -> None:
    """L52: three ads each, then the next line item's turn; what was counted ends with the day."""
    capped = market.line_item(
        market.campaign(1, 10**9), 9_000, frequency_impressions=3, frequency_hours=24, **running()
    )
    other = market.line_item(market.campaign(2, 10**9), 5_000, **running())
    placement = market.placement(market.world(4))
    stage.refresh()
    for viewer in ("viewer-1", "viewer-2"):
        answers = await asyncio.gather(
            *(stage.ask(placement, viewer=viewer, tcf=COUNTING_ALLOWED) for _ in range(12))
        )
        won = Counter(answer.facts.line_item for answer in answers if isinstance(answer, Decision))
        assert won == {capped: 3, other: 9}
    keys = redis_client.keys("sl:views:*:????????????????")
    assert len(keys) == 2
    assert all(0 < redis_client.pttl(key) <= 86_400_000 for key in keys)


@pytest.mark.usefixtures("own_redis_url")
async def test_decide__scripts_are_flushed__are_loaded_again(
    stage: Stage, market: Market, redis_client: redis.Redis
) -> None:
    """With a frequency cap and without one; nothing is held twice."""
    market.line_item(market.campaign(1, 10**9), 9_000, frequency_impressions=3, frequency_hours=24, **running())
    market.line_item(market.campaign(2, 10**9), 5_000, **running())
    placement = market.placement(market.world(4))
    stage.refresh()
    for said in ({"tcf": COUNTING_ALLOWED}, {}):
        assert isinstance(await stage.ask(placement, **said), Decision)
        redis_client.script_flush()
        assert isinstance(await stage.ask(placement, **said), Decision)
    assert [redis_client.zcard(f"sl:{{{campaign}}}:holds") for campaign in (1, 2)] == [2, 2]


async def test_decide__no_consent__capped_line_items_are_not_shown_and_nothing_is_counted(
    stage: Stage, market: Market, redis_client: redis.Redis
) -> None:
    """L52."""
    market.line_item(market.campaign(1, 10**9), 9_000, frequency_impressions=3, frequency_hours=1, **running())
    placement = market.placement(market.world(4))
    stage.refresh()
    for said in ({}, {"tcf": COUNTING_REFUSED}, {"tcf": COUNTING_ALLOWED, "gpc": True}, {"tcf": "nonsense"}):
        assert reasons(await stage.ask(placement, **said)) == {"no_consent": 1}
    assert redis_client.keys("sl:views:*") == []


async def test_decide__budget_cannot_pay__the_view_is_not_counted(
    stage: Stage, market: Market, redis_client: redis.Redis
) -> None:
    market.line_item(market.campaign(1, 999), 9_000, frequency_impressions=1, frequency_hours=1, **running())
    placement = market.placement(market.world(4), floor_micro_usdc=1_000)
    stage.refresh()
    assert reasons(await stage.ask(placement, tcf=COUNTING_ALLOWED)) == {"budget": 1}
    assert [redis_client.hvals(key) for key in redis_client.keys("sl:views:*:????????????????")] == [[b"0"]]


async def test_decide__recency_cap__the_next_ad_waits_for_its_minutes(stage: Stage, market: Market) -> None:
    """L52, L80: then another line item has its turn, and where the other has none, the reason is told."""
    spaced = market.line_item(market.campaign(1, 10**9), 9_000, recency_minutes=10, **running())
    placement = market.placement(market.world(4))
    stage.refresh()
    first = await stage.ask(placement, tcf=COUNTING_ALLOWED)
    assert isinstance(first, Decision)
    assert first.facts.line_item == spaced
    for minutes, shown in ((0, False), (10, False), (11, True), (21, False), (22, True)):
        stage.refresh(MIDDAY_MS + minutes * 60_000)
        answer = await stage.ask(placement, MIDDAY_MS + minutes * 60_000, tcf=COUNTING_ALLOWED)
        assert isinstance(answer, Decision) if shown else reasons(answer) == {"recency_cap": 1}
    assert isinstance(await stage.ask(placement, viewer="viewer-2", tcf=COUNTING_ALLOWED), Decision)


async def test_http__sec_gpc_header__counts_as_said(
    stage: Stage, market: Market, wiring: Wiring
) -> None:
    now_ms = time.time_ns() // 1_000_000
    market.line_item(market.campaign(1, 10**9), 9_000, frequency_impressions=3, frequency_hours=1)
    placement = market.placement(market.world(4))
    stage.refresh(now_ms)
    body = {"placement_id": placement, "viewer_key": "viewer-1", "privacy": {"tcf": COUNTING_ALLOWED}}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(routes(wiring)), base_url="http://api") as http:
        refused = await http.post("/v1/decisions", json=body, headers={"Sec-GPC": "1"})
        shown = await http.post("/v1/decisions", json=body | {"country": "DE", "language": "de", "device": "vr"})
    assert refused.json()["no_bid"] == {"no_consent": 1}
    assert "token" in shown.json()


# --- sponsorships -----------------------------------------------------------------------------------------------


def sponsorship(market: Market, campaign: int, placement: int, price: int, hours: int = 2) -> int:
    begins = datetime.fromtimestamp(MIDDAY_MS / 1000, UTC)
    return market.line_item(
        campaign, price, bid_kind="sponsorship", targeting=f'{{"placements": [{placement}]}}', starts_at=begins,
        ends_at=begins + timedelta(hours=hours), booked_placement_id=placement,
    )


async def test_decide__sponsored_hour__wins_every_request_for_one_held_price(
    stage: Stage, market: Market, redis_client: redis.Redis
) -> None:
    """L31, L52: the ads are free, the hour is held once under the name by which it will be charged."""
    rich = market.line_item(market.campaign(2, 10**9), 10**6, **running())
    placement, elsewhere = (market.placement(market.world(4)) for _ in range(2))
    item = sponsorship(market, market.campaign(1, 150_000), placement, 100_000)
    stage.refresh()
    answers = await asyncio.gather(*(stage.ask(placement, MIDDAY_MS + 1_000, viewer=f"viewer-{n}") for n in range(8)))
    won = [answer for answer in answers if isinstance(answer, Decision)]
    assert [(one.facts.line_item, one.facts.price_micro_usdc, one.facts.bid_kind) for one in won] == [
        (item, 0, "sponsorship")
    ] * 8
    name = hour_id(CHAIN_ID, item, MIDDAY_MS).hex()
    assert redis_client.zrange("sl:{1}:holds", 0, -1) == [f"{item}:{MIDDAY_MS // 86_400_000}:100000:{name}".encode()]
    for place, now_ms in ((elsewhere, MIDDAY_MS), (placement, MIDDAY_MS - 1)):
        answer = await stage.ask(place, now_ms)
        assert isinstance(answer, Decision)
        assert answer.facts.line_item == rich


async def test_decide__hour_is_charged__its_hold_goes_and_is_not_taken_again(
    stage: Stage, market: Market, wiring: Wiring, redis_client: redis.Redis
) -> None:
    """L31: also in a process that has not seen the hour begin, and with nothing left."""
    placement = market.placement(market.world(4))
    item = sponsorship(market, market.campaign(1, 100_000), placement, 100_000)
    stage.refresh()
    assert isinstance(await stage.ask(placement), Decision)
    await wiring.decisions.flush()
    TallyFlush(market.engine, redis_client).flush(MIDDAY_MS)
    SponsorshipService(market.engine, CHAIN_ID).charge_hours(MIDDAY_MS + 1_000)
    assert LedgerService(market.engine, CHAIN_ID).bill(100) == 1
    stage.refresh()
    assert redis_client.zcard("sl:{1}:holds") == 0
    wiring.decisions._held_hours.clear()
    answer = await stage.ask(placement, MIDDAY_MS + 2_000)
    assert isinstance(answer, Decision)
    assert answer.facts.line_item == item
    assert redis_client.zcard("sl:{1}:holds") == 0


async def test_decide__next_hour_cannot_be_paid__the_auction_goes_on(stage: Stage, market: Market) -> None:
    """The second hour would cost more than is left."""
    rich = market.line_item(market.campaign(2, 10**9), 9_000, **running())
    placement = market.placement(market.world(4))
    item = sponsorship(market, market.campaign(1, 150_000), placement, 100_000)
    stage.refresh()
    for now_ms, winner in ((MIDDAY_MS, item), (MIDDAY_MS + HOUR_MS, rich), (MIDDAY_MS + HOUR_MS + 1, rich)):
        stage.wiring.feed.refresh(now_ms)
        answer = await stage.ask(placement, now_ms)
        assert isinstance(answer, Decision)
        assert answer.facts.line_item == winner


async def test_tallies__sponsored_hour__others_are_sponsored_away(
    stage: Stage, market: Market, wiring: Wiring, redis_client: redis.Redis
) -> None:
    """L26."""
    rich = market.line_item(market.campaign(2, 10**9), 9_000, **running())
    placement = market.placement(market.world(4))
    item = sponsorship(market, market.campaign(1, 10**6), placement, 100_000)
    stage.refresh()
    for _ in range(3):
        await stage.ask(placement, country="DE")
    await wiring.decisions.flush()
    TallyFlush(market.engine, redis_client).flush(MIDDAY_MS)
    assert set(stage.rows("select placement_id, line_item_id, outcome, n from serving_tally")) == {
        (placement, item, "decision", 3), (0, rich, str(NoBidReason.SPONSORED), 3),
        (placement, 0, str(NoBidReason.SPONSORED), 3),
    }
    assert stage.rows("select line_item_id, bid_bucket, price_bucket, n from serving_landscape") == [(item, -1, -1, 3)]
    assert stage.rows("select dimension, value, n from serving_audience") == [("country", "DE", 3)]
