"""A conversion from the ad request to the ledger: what one stage fixes, the others keep (L27, L53)."""

import time
from urllib.parse import parse_qs, urlsplit

import msgspec
import redis
from conversions_kit import SEEN, bill, rows, signed
from sqlalchemy import Engine

from backend.conversions.client import LogReader
from backend.conversions.goal import GoalKind, GoalTerms
from backend.conversions.service import GoalService, PostbackService
from backend.core.ids import Address, CampaignId
from backend.ingest.service import IngestConsumer
from backend.serving.decision import AdRequest, Decision
from backend.serving.sync.service import BudgetSync
from bench.app import CHAIN_ID, TOKEN_KEY, unwire, wire
from bench.market import Market

OWNER = Address("0x" + "ad" * 20)
BID = 2_000_000


async def test_conversion__from_ad_request_to_ledger__the_price_of_the_auction(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str, redis_client: redis.Redis
) -> None:
    """L27, L53: the second price, fixed when the ad was chosen, is what the order costs."""
    market = Market(fresh_engine, fresh_database_url, CHAIN_ID)
    campaign = market.campaign(1, 10 * BID, OWNER)
    item = market.line_item(campaign, BID, bid_kind="cpa")
    placement = market.placement(market.world(4), floor_micro_usdc=1)
    reader = LogReader("http://127.0.0.1:9")
    goals = GoalService(fresh_engine, TOKEN_KEY, reader, 0)
    goal = goals.create(OWNER, CampaignId(campaign), GoalTerms("Orders", GoalKind.POSTBACK, click_days=7))
    wiring, now_ms = wire(fresh_database_url, redis_url), time.time_ns() // 1_000_000
    BudgetSync(fresh_engine, redis_client, CHAIN_ID).sync(now_ms)
    wiring.feed.refresh(now_ms)

    ad = await wiring.decisions.decide(AdRequest(placement, "viewer-key"), now_ms - 3_000, bytes(18))
    assert isinstance(ad, Decision)
    assert ad.facts.line_item == item
    assert 0 < ad.facts.price_micro_usdc <= BID
    events = [{"kind": "viewable", "token": ad.token, "samples": SEEN}, {"kind": "click", "token": ad.token}]
    assert await wiring.ingest.accept(msgspec.json.encode({"events": events}), now_ms, "Mozilla/5.0") == [None, None]
    while IngestConsumer(fresh_engine, redis_client).consume():
        pass
    (click,) = parse_qs(urlsplit(ad.creative.click_url).query)["sl_click"]

    body, headers = signed(
        str(goal.secret), now_ms // 1_000, goal_id=goal.goal.id, click_id=click, order_id="order-1"
    )
    postbacks = PostbackService(fresh_engine, redis_client, TOKEN_KEY, 120)
    told = postbacks.receive(body, headers["Sightline-Timestamp"], headers["Sightline-Signature"])
    assert told.verdict == "pending"
    assert bill(fresh_engine) == 3
    assert rows(fresh_engine, "select kind, status, price_micro_usdc from event order by seq") == [
        ("viewable", "unpaid", 0), ("click", "unpaid", 0), ("conversion", "billed", ad.facts.price_micro_usdc),
    ]
    (shown,) = goals.conversions(OWNER, CampaignId(campaign))
    assert (shown.verdict, shown.price_micro_usdc) == ("charged", ad.facts.price_micro_usdc)
    await unwire(wiring)
    reader.close()
