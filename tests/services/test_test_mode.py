"""Surfaces in test mode show the house creative and charge nothing (L57); shared ones pay by a draw."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256

import httpx
import msgspec
import pytest
from sqlalchemy import Engine, text

from backend.core.decision_token import verify
from backend.core.reasons import DropReason, NoBidReason
from backend.core.shares import payee
from backend.ingest.service import IngestConsumer
from backend.serving.decision import AdRequest, Decision, NoBid
from backend.serving.feed.service import CatalogueFeed
from backend.serving.service import DecisionService
from backend.serving.sync.service import BudgetSync
from bench.app import CHAIN_ID, TOKEN_KEY, Wiring, unwire, wire
from bench.market import Market

NOW = 1_900_000_000_000
VIEWER = "viewer-key-1"
SEEN = [[t, 9_000, 500, 1_000, True, True] for t in range(0, 2_600, 200)]


def dice(number: int) -> bytes:
    return number.to_bytes(10, "big") + bytes(8)


@pytest.fixture
def market(fresh_engine: Engine, fresh_database_url: str) -> Market:
    return Market(fresh_engine, fresh_database_url, CHAIN_ID)


@pytest.fixture
async def wiring(fresh_database_url: str, redis_url: str) -> AsyncIterator[Wiring]:
    """As in production where proof is required."""
    wired = wire(fresh_database_url, redis_url)
    feed = CatalogueFeed(wired.engine, wired.client, CHAIN_ID, require_proof=True)
    decisions = DecisionService(
        feed, wired.resp, CHAIN_ID, TOKEN_KEY, wired.decisions.ruleset, public_url="https://sightline.example/"
    )
    yield replace(wired, feed=feed, decisions=decisions)
    await unwire(wired)


def refresh(wiring: Wiring, now_ms: int) -> None:
    BudgetSync(wiring.engine, wiring.client, CHAIN_ID).sync(now_ms)
    wiring.feed.refresh(now_ms)


def sold(market: Market, owner: str = "", **placement: object) -> int:
    """A surface on which an advertiser bids 5,000, in a world whose control is not proved."""
    market.line_item(
        market.campaign(1, 1_000_000, owner), 5_000, starts_at="2020-01-01T00:00Z", ends_at="2099-01-01T00:00Z"
    )
    return market.placement(market.world(4), **placement)


def prove(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("update world set proof_state = 'verified', proof_method = 'dns'"))


async def decide(wiring: Wiring, placement: int, number: int = 0) -> Decision | NoBid:
    return await wiring.decisions.decide(AdRequest(placement, VIEWER), NOW, dice(number))


async def test_decide__world_not_proved__house_creative_for_free_until_it_is(
    market: Market, wiring: Wiring, fresh_engine: Engine
) -> None:
    """L57."""
    placement = sold(market)
    refresh(wiring, NOW)
    tested = await decide(wiring, placement)
    assert isinstance(tested, Decision)
    facts = verify(tested.token, TOKEN_KEY)
    assert (facts.test, facts.campaign, facts.line_item, facts.price_micro_usdc) == (True, 0, 0, 0)
    assert tested.creative.asset_url == "https://sightline.example/house/512x256.png"
    prove(fresh_engine)
    refresh(wiring, NOW)
    paid = await decide(wiring, placement, 1)
    assert isinstance(paid, Decision)
    assert (paid.facts.test, paid.facts.campaign, paid.facts.price_micro_usdc) == (False, 1, 1_000)


async def test_decide__proof_not_required__sells(market: Market, fresh_database_url: str, redis_url: str) -> None:
    placement = sold(market)
    local = wire(fresh_database_url, redis_url)
    refresh(local, NOW)
    answer = await decide(local, placement)
    assert isinstance(answer, Decision)
    assert not answer.facts.test
    await unwire(local)


async def test_decide__test_mode__house_creative_though_it_is_proved(
    market: Market, wiring: Wiring, fresh_engine: Engine
) -> None:
    placement = sold(market, test_mode=True, kind="model")
    prove(fresh_engine)
    refresh(wiring, NOW)
    answer = await decide(wiring, placement)
    assert isinstance(answer, Decision)
    assert (answer.facts.test, answer.creative.kind) == (True, "model")
    assert answer.creative.asset_url.endswith("/house/cube.glb")


async def test_accept__events_of_a_test__checked_like_all_others_and_never_charged(
    market: Market, wiring: Wiring, fresh_engine: Engine
) -> None:
    placement = sold(market)
    refresh(wiring, NOW)
    answer = await decide(wiring, placement)
    assert isinstance(answer, Decision)
    hidden = [[t, 0, 500, 1_000, True, True] for t in range(0, 2_600, 200)]
    events = [{"kind": "viewable", "token": answer.token, "samples": samples} for samples in (SEEN, hidden)]
    body = msgspec.json.encode({"events": [*events, {"kind": "click", "token": answer.token}]})
    verdicts = await wiring.ingest.accept(body, NOW + 5_000, "Mozilla/5.0")
    assert verdicts == [DropReason.TEST, DropReason.NOT_VIEWABLE, DropReason.TEST]
    IngestConsumer(fresh_engine, wiring.client).consume()
    with fresh_engine.begin() as connection:
        assert connection.execute(text("select count(*) from event")).scalar_one() == 0
        rows = connection.execute(text("select reason, placement_id from dropped_event order by stream_index")).all()
    assert [tuple(row) for row in rows] == [("test", placement), ("not_viewable", placement), ("test", placement)]


async def test_decide__shared_placement__each_sale_pays_one_by_the_draw(
    market: Market, wiring: Wiring, fresh_engine: Engine
) -> None:
    placement = sold(market)
    market.world(7)
    prove(fresh_engine)
    with fresh_engine.begin() as connection:
        connection.execute(
            text("insert into placement_share values (:placement, 4, 2500), (:placement, 7, 7500)"),
            {"placement": placement},
        )
    refresh(wiring, NOW)
    paid: Counter[int] = Counter()
    for number in range(100):
        answer = await decide(wiring, placement, number * 100 << 16)     # the draw is in the upper eight bytes
        assert isinstance(answer, Decision)
        assert answer.facts.publisher == payee(((4, 2_500), (7, 7_500)), answer.facts.decision_id)
        paid[answer.facts.publisher] += 1
    assert paid == {4: 25, 7: 75}       # the draws are every hundredth of 10,000, in another order


async def test_decide__advertiser_has_a_share__own_campaign(
    market: Market, wiring: Wiring, fresh_engine: Engine
) -> None:
    """Nobody moves an advertising budget to himself through his share of another's surface."""
    owner = f"0xf{7:039x}"
    placement = sold(market, owner)
    market.world(7)
    prove(fresh_engine)
    with fresh_engine.begin() as connection:
        connection.execute(
            text("insert into placement_share values (:placement, 4, 9999), (:placement, 7, 1)"),
            {"placement": placement},
        )
    refresh(wiring, NOW)
    answer = await decide(wiring, placement)
    assert isinstance(answer, NoBid)
    assert answer.reasons == {NoBidReason.OWN_CAMPAIGN: 1}


async def test_house__asset_of_a_test__is_served_with_the_promised_hash(
    browse: httpx.AsyncClient, market: Market, wiring: Wiring
) -> None:
    placement = sold(market, width=1_000, height=300)
    refresh(wiring, NOW)
    answer = await decide(wiring, placement)
    assert isinstance(answer, Decision)
    asset = await browse.get(answer.creative.asset_url.removeprefix("https://sightline.example"))
    assert asset.headers["content-type"] == "image/png"
    assert sha256(asset.content).hexdigest() == answer.creative.asset_sha256
    for name in ("513x1.png", "0x1.png", "cube.png", "1x1.png.exe", "..%2Fetc"):
        assert (await browse.get(f"/house/{name}")).status_code == 404
