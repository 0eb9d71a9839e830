"""Deciding on real stores: catalogue from SQL, holds in Redis, answers over HTTP."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from random import Random

import httpx
import msgspec
import pytest
import redis
from sqlalchemy import Engine, text

from backend.api.decisions import DecisionAnswer
from backend.api.openapi import extend
from backend.core.click_id import click_id
from backend.core.decision_token import verify
from backend.core.errors import Conflict, NotFound, Unavailable
from backend.core.reasons import NoBidReason
from backend.serving.decision import AdRequest, Decision, NoBid
from backend.serving.feed.service import CatalogueFeed
from backend.serving.sync.service import BudgetSync
from backend.serving.tally.service import TallyFlush
from bench.app import CHAIN_ID, TOKEN_KEY, Wiring, routes, unwire, wire
from bench.market import Market

VIEWER = "viewer-key-1"


def now() -> int:
    return time.time_ns() // 1_000_000


def dice(number: int) -> bytes:
    """Another decision id for each number; ties are always drawn the same."""
    return number.to_bytes(10, "big") + bytes(8)


@pytest.fixture
def market(fresh_engine: Engine, fresh_database_url: str) -> Market:
    return Market(fresh_engine, fresh_database_url, CHAIN_ID)


@pytest.fixture
def budgets(fresh_engine: Engine, redis_client: redis.Redis) -> BudgetSync:
    return BudgetSync(fresh_engine, redis_client, CHAIN_ID)


@pytest.fixture
async def wiring(fresh_database_url: str, redis_url: str) -> AsyncIterator[Wiring]:
    wired = wire(fresh_database_url, redis_url)
    yield wired
    await unwire(wired)


@pytest.fixture
async def http(wiring: Wiring) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(routes(wiring)), base_url="http://api") as client:
        yield client


def refresh(wiring: Wiring, budgets: BudgetSync) -> None:
    budgets.sync(now())
    wiring.feed.refresh(now())


async def decide(wiring: Wiring, placement: int, number: int = 0, now_ms: int | None = None) -> Decision | NoBid:
    return await wiring.decisions.decide(AdRequest(placement, VIEWER), now_ms or now(), dice(number))


async def test_decide__two_bidders__winner_pays_the_second_bid_from_a_signed_token(
    market: Market, wiring: Wiring, budgets: BudgetSync
) -> None:
    """L27, L30."""
    line_item = market.line_item(market.campaign(1, 1_000_000), 9_000)
    market.line_item(market.campaign(2, 1_000_000), 6_000)
    placement = market.placement(market.world(4), floor_micro_usdc=1_000)
    refresh(wiring, budgets)
    answer = await decide(wiring, placement)
    assert isinstance(answer, Decision)
    facts = verify(answer.token, TOKEN_KEY)
    assert facts == answer.facts
    assert (facts.campaign, facts.line_item, facts.placement, facts.publisher) == (1, line_item, placement, 4)
    assert (facts.price_micro_usdc, facts.chain_id, facts.creative) == (6_000, CHAIN_ID, answer.creative.id)
    assert facts.expires_ms - facts.decided_ms == wiring.decisions.ruleset.token_seconds * 1_000


async def test_decide__two_equal_line_items_with_two_creatives__each_shows_both(
    market: Market, wiring: Wiring, budgets: BudgetSync, fresh_engine: Engine
) -> None:
    """Whoever wins the draw between equal bids has not thereby drawn his creative."""
    for number in (1, 2):
        market.line_item(market.campaign(number, 1_000_000), 2_000)
    with fresh_engine.begin() as connection:
        connection.execute(text(
            "insert into creative (line_item_id, kind, width, height, asset_url, asset_sha256, click_url, status) "
            "select line_item_id, kind, width, height, asset_url, asset_sha256, click_url, status from creative"
        ))
    placement = market.placement(market.world(4), floor_micro_usdc=1_000)
    refresh(wiring, budgets)
    dice, shown = Random(5), Counter[tuple[int, int]]()
    for _ in range(64):
        answer = await wiring.decisions.decide(AdRequest(placement, VIEWER), now(), dice.randbytes(18))
        assert isinstance(answer, Decision)
        assert answer.facts.creative == answer.creative.id
        shown[answer.facts.line_item, answer.creative.id] += 1
    assert len(shown) == 4
    assert min(shown.values()) > 5


async def test_decide__campaign_has_a_goal__page_is_told_the_click_id(
    market: Market, wiring: Wiring, budgets: BudgetSync, fresh_engine: Engine
) -> None:
    """L53: worlds that open the page themselves hand the click id on, as the link /c/{token} does."""
    market.line_item(market.campaign(1, 1_000_000), 9_000)
    placement = market.placement(market.world(4), floor_micro_usdc=1_000)
    refresh(wiring, budgets)
    plain = await decide(wiring, placement)
    with fresh_engine.begin() as connection:
        connection.execute(text(
            "insert into conversion_goal (campaign_id, name, kind, click_days, view_days, repeatable, status, "
            "secret_version) select id, 'Orders', 'postback', 7, 0, false, 'active', 1 from campaign"
        ))
    refresh(wiring, budgets)
    told = await decide(wiring, placement, 1)
    assert isinstance(plain, Decision)
    assert isinstance(told, Decision)
    name = click_id(told.facts.decision_id, TOKEN_KEY)
    assert told.creative.click_url == f"{plain.creative.click_url}?sl_click={name}"


async def test_decide__budget_for_one_and_sixteen_deciders__exactly_one_gets_it(
    market: Market, fresh_database_url: str, redis_url: str, budgets: BudgetSync
) -> None:
    """L31: whoever asks, from however many processes."""
    market.line_item(market.campaign(1, 1_999), 5_000)
    placement = market.placement(market.world(1), floor_micro_usdc=1_000)
    wirings = [wire(fresh_database_url, redis_url) for _ in range(4)]
    for one in wirings:
        refresh(one, budgets)
    answers = await asyncio.gather(*(decide(wirings[number % 4], placement, number) for number in range(16)))
    won = [answer for answer in answers if isinstance(answer, Decision)]
    refused = Counter(reason for answer in answers if isinstance(answer, NoBid) for reason in answer.reasons)
    assert len(won) == 1
    assert refused == {NoBidReason.BUDGET: 15}
    for one in wirings:
        await unwire(one)


async def test_decide__cheaper_rival_cannot_pay__next_one_is_asked(
    market: Market, wiring: Wiring, budgets: BudgetSync, redis_client: redis.Redis
) -> None:
    rich = market.line_item(market.campaign(1, 1_000_000), 5_000)
    market.line_item(market.campaign(2, 1_500), 9_000)
    placement = market.placement(market.world(1), floor_micro_usdc=1_000)
    refresh(wiring, budgets)
    answer = await decide(wiring, placement)     # line item 2 would pay 5,000 and has 1,500
    assert isinstance(answer, Decision)
    assert answer.facts.line_item == rich
    assert answer.facts.price_micro_usdc == 1_000


async def test_decide__hold_lapses__budget_can_be_won_again(
    market: Market, wiring: Wiring, budgets: BudgetSync
) -> None:
    """L31."""
    market.line_item(market.campaign(1, 1_000), 5_000)
    placement = market.placement(market.world(1), floor_micro_usdc=1_000)
    refresh(wiring, budgets)
    first = await decide(wiring, placement)
    assert isinstance(first, Decision)
    assert isinstance(await decide(wiring, placement, 1), NoBid)
    for later_ms, outcome in ((29_999, NoBid), (30_001, Decision)):
        budgets.sync(first.facts.expires_ms + later_ms)
        wiring.feed.refresh(now())
        assert isinstance(await decide(wiring, placement, 2), outcome)


async def test_decide__even_pacing__never_ahead_of_time_however_fast_it_is_asked(
    market: Market, wiring: Wiring, budgets: BudgetSync
) -> None:
    market.line_item(market.campaign(1, 1_000_000), 1_000, pacing="even", total_cap_micro_usdc=100_000)
    placement = market.placement(market.world(1), floor_micro_usdc=1_000)
    refresh(wiring, budgets)
    answers = await asyncio.gather(*(decide(wiring, placement, number) for number in range(80)))
    won = sum(isinstance(answer, Decision) for answer in answers)
    assert won in (50, 51)                       # half of the flight is over: half of the cap, and one ahead
    last = [answer for answer in answers if isinstance(answer, NoBid)]
    assert all(answer.reasons == {NoBidReason.PACING: 1} for answer in last)


async def test_decide__caps__reasons_name_them(market: Market, wiring: Wiring, budgets: BudgetSync) -> None:
    """L26."""
    campaign = market.campaign(1, 1_000_000)
    market.line_item(campaign, 1_000, total_cap_micro_usdc=1_000)
    market.line_item(campaign, 1_001, daily_cap_micro_usdc=2_000)
    market.line_item(campaign, 999)
    placement = market.placement(market.world(1), floor_micro_usdc=1_000)
    refresh(wiring, budgets)
    for number in range(3):
        assert isinstance(await decide(wiring, placement, number), Decision)
    answer = await decide(wiring, placement, 3)
    assert isinstance(answer, NoBid)
    assert answer.reasons == {NoBidReason.TOTAL_CAP: 1, NoBidReason.DAILY_CAP: 1, NoBidReason.BELOW_FLOOR: 1}


async def test_decide__unfunded_or_taken_over_meta__not_funded(
    market: Market, wiring: Wiring, budgets: BudgetSync
) -> None:
    """L33: a deposit counts only for the owner who described the campaign."""
    market.line_item(market.campaign(1, 0), 5_000)
    victim = market.campaign(2, 1_000_000)
    with market.engine.begin() as connection:
        connection.execute(text("update campaign set owner = '0xstranger' where id = :id"), {"id": victim})
    market.line_item(victim, 5_000)
    placement = market.placement(market.world(1))
    refresh(wiring, budgets)
    answer = await decide(wiring, placement)
    assert isinstance(answer, NoBid)
    assert answer.reasons == {NoBidReason.NOT_FUNDED: 2}


async def test_decide__unknown_or_paused_placement__refused(
    market: Market, wiring: Wiring, budgets: BudgetSync
) -> None:
    world = market.world(1)
    paused = market.placement(world, status="paused")
    closed = market.placement(market.world(1, status="paused"))
    refresh(wiring, budgets)
    with pytest.raises(NotFound, match="placement_unknown"):
        await decide(wiring, 999_999)
    with pytest.raises(Conflict, match="placement_paused"):
        await decide(wiring, paused)
    with pytest.raises(Conflict, match="world_paused"):
        await decide(wiring, closed)


async def test_feed__sql_is_gone__last_catalogue_serves_thirty_seconds(
    market: Market, wiring: Wiring, budgets: BudgetSync
) -> None:
    """L44."""
    market.line_item(market.campaign(1, 1_000_000), 5_000)
    placement = market.placement(market.world(1))
    refresh(wiring, budgets)
    loaded_ms = wiring.feed.current(now()).loaded_ms
    assert isinstance(await decide(wiring, placement, now_ms=loaded_ms + 30_000), Decision)
    with pytest.raises(Unavailable, match="database_unavailable"):
        await decide(wiring, placement, now_ms=loaded_ms + 30_001)


async def test_http__decision__has_what_the_sdk_needs_and_no_price(
    market: Market, wiring: Wiring, budgets: BudgetSync, http: httpx.AsyncClient
) -> None:
    market.line_item(market.campaign(1, 1_000_000), 5_000)
    placement = market.placement(market.world(1))
    refresh(wiring, budgets)
    answer = await http.post("/v1/decisions", json={"placement_id": placement, "viewer_key": VIEWER})
    assert answer.status_code == 200
    content = answer.json()
    assert set(content) == {"decision_id", "token", "expires_at_ms", "creative", "rules", "test", "version"}
    assert msgspec.json.decode(answer.content, type=DecisionAnswer, strict=True).version > 0
    assert content["creative"]["asset_sha256"] == "ab" * 32
    assert content["rules"]["viewable_ms_min"] == 1_000
    assert VIEWER not in answer.text
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_http__no_bid__counts_per_reason(
    market: Market, wiring: Wiring, budgets: BudgetSync, http: httpx.AsyncClient
) -> None:
    market.line_item(market.campaign(1, 1_000_000), 10)
    placement = market.placement(market.world(1))
    refresh(wiring, budgets)
    answer = await http.post("/v1/decisions", json={"placement_id": placement, "viewer_key": VIEWER})
    assert (answer.status_code, answer.json()["no_bid"]) == (200, {"below_floor": 1})


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_json"), (b"\xff", 400, "malformed_json"), (b"[]", 422, "invalid_request"),
        (b'{"placement_id": 1}', 422, "invalid_request"),
        (b'{"placement_id": "1", "viewer_key": "12345678"}', 422, "invalid_request"),
        (b'{"placement_id": 0, "viewer_key": "12345678"}', 422, "invalid_request"),
        (b'{"placement_id": 1, "viewer_key": "1234567"}', 422, "invalid_request"),
        (b'{"placement_id": 1, "viewer_key": "12345678", "price": 1}', 422, "invalid_request"),
        (b'{"placement_id": 1, "viewer_key": "12345678", "country": "de"}', 422, "invalid_request"),
        (b'{"placement_id": 1, "viewer_key": "12345678", "language": "german"}', 422, "invalid_request"),
        (b'{"placement_id": 1, "viewer_key": "12345678", "device": "fridge"}', 422, "invalid_request"),
        (b'{"placement_id": 1, "viewer_key": "12345678", "privacy": {"gpc": "no"}}', 422, "invalid_request"),
        (b'{"placement_id": 424242, "viewer_key": "12345678"}', 404, "placement_unknown"),
    ],
)
async def test_http__bad_input__problem_with_code(
    wiring: Wiring, budgets: BudgetSync, http: httpx.AsyncClient, body: bytes, status: int, code: str
) -> None:
    """L45."""
    wiring.feed.refresh(now())
    answer = await http.post("/v1/decisions", content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_http__redis_is_down__503_and_retry_after(
    market: Market, budgets: BudgetSync, redis_client: redis.Redis, fresh_database_url: str, redis_url: str
) -> None:
    """L44."""
    market.line_item(market.campaign(1, 1_000_000), 5_000)
    placement = market.placement(market.world(1))
    budgets.sync(now())
    down = wire(fresh_database_url, "redis://127.0.0.1:1/0")
    feed = CatalogueFeed(down.engine, redis_client, CHAIN_ID)
    feed.refresh(now())
    down.decisions.feed = feed
    async with httpx.AsyncClient(transport=httpx.ASGITransport(routes(down)), base_url="http://api") as http:
        answer = await http.post("/v1/decisions", json={"placement_id": placement, "viewer_key": VIEWER})
    assert (answer.status_code, answer.json()["code"]) == (503, "redis_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    await unwire(down)


async def test_tallies__answers__counted_once_however_often_they_are_written(
    market: Market, wiring: Wiring, budgets: BudgetSync, redis_client: redis.Redis
) -> None:
    """L26."""
    winner = market.line_item(market.campaign(1, 2_000), 5_000)
    cheap = market.line_item(market.campaign(2, 1_000_000), 10)
    second = market.line_item(market.campaign(3, 2_000), 1_000)
    placement = market.placement(market.world(1), floor_micro_usdc=1_000)
    refresh(wiring, budgets)
    asked_ms = now()
    for number in range(5):
        await decide(wiring, placement, number, asked_ms)
        await wiring.decisions.flush()
    flush = TallyFlush(market.engine, redis_client)
    for now_ms in (asked_ms, asked_ms, asked_ms + 120 * 60_000):
        flush.flush(now_ms)
    with market.engine.connect() as connection:
        of_line_items, of_placements = (
            connection.execute(text(
                f"select {side}, outcome, sum(n) from serving_tally where {side} > 0 group by 1, 2"
            )).all() for side in ("line_item_id", "placement_id")
        )
        counted = connection.execute(text("select name, n from traffic_count where what = 'answered'")).all()
    assert {tuple(row) for row in of_line_items} == {
        (winner, "decision", 2), (winner, "budget", 3), (cheap, "below_floor", 5),
        (second, "outbid", 2), (second, "decision", 2), (second, "budget", 1),
    }
    by_reason = {"decision": 4, "budget": 4, "below_floor": 5, "outbid": 2, "no_bid": 1}
    assert {tuple(row) for row in of_placements} == {(placement, outcome, n) for outcome, n in by_reason.items()}
    assert {name: n for name, n in counted if n} == by_reason
    assert redis_client.keys("sl:{tally}:*") == []


async def test_start__sql_is_down__starts_and_answers_503_until_it_is_back(
    market: Market, fresh_database_url: str, redis_url: str
) -> None:
    """L44."""
    down = wire("postgresql+psycopg://nobody@127.0.0.1:1/none", redis_url)
    app = routes(down)
    async with app.router.lifespan_context(app):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as http:
            answer = await http.post("/v1/decisions", json={"placement_id": 1, "viewer_key": VIEWER})
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")


async def test_openapi__hot_routes__every_reference_resolves(wiring: Wiring) -> None:
    schema = extend(routes(wiring).openapi())
    known = {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}
    assert set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(schema))) <= known
    body = schema["paths"]["/v1/decisions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"placement_id", "viewer_key", "country", "language", "device", "privacy"}
