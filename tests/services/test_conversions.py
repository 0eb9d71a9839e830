"""Conversions over the API: goals, signed postbacks, attribution, and what is charged (L24, L26, L45, L53)."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from conversions_kit import (
    PRICE,
    Shop,
    World,
    bill,
    decided,
    name_of,
    open_shop,
    prepare,
    rows,
    signed,
)
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import Engine, text

from backend.api import limits, problems
from backend.config import Settings
from backend.conversions.service import WaitingConversions
from backend.core.decision_token import DecisionToken
from backend.core.events import BidKind
from backend.main import serve
from backend.main.areas import accounts, conversions

DAY_SECONDS = 86_400
SignIn = Callable[[FastAPI, str], Awaitable[httpx.AsyncClient]]


@dataclass
class Market:
    """Everybody who takes part in a conversion, and a clock."""

    app: FastAPI
    engine: Engine
    redis: Redis
    clock: Any
    advertiser: httpx.AsyncClient
    stranger: httpx.AsyncClient
    world: World
    shop: Shop
    other_shop: Shop

    @property
    def now(self) -> int:
        return int(self.clock())

    async def click(self, number: int = 1, *, shop: Shop | None = None, kind: BidKind = BidKind.CPA,
                    click: bool = True) -> DecisionToken:
        """An ad of the shop is seen and clicked now."""
        token = decided(shop or self.shop, number, self.now * 1_000 - 5_000, kind)
        await asyncio.to_thread(self.world.show, token, at_ms=self.now * 1_000, click=click)
        return token

    async def goal(self, **terms: object) -> dict[str, Any]:
        body = {"campaign_id": self.shop.campaign, "name": "Orders", "kind": "postback", "click_days": 7} | terms
        answer = await self.advertiser.post("/v1/conversion-goals", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def convert(self, goal: dict[str, Any], click: str, order: str = "order-1") -> dict[str, Any]:
        """The shop's server reports an order."""
        body, headers = signed(goal["secret"], self.now, goal_id=goal["id"], click_id=click, order_id=order)
        answer = await self.stranger.post("/v1/conversions", content=body, headers=headers)
        assert answer.status_code == 202, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def verdicts(self) -> list[tuple[str, str, int]]:
        answer = await self.advertiser.get(f"/v1/campaigns/{self.shop.campaign}/conversions")
        return [(one["order_id"], one["verdict"], one["price_micro_usdc"]) for one in answer.json()["items"]]


def small_app(settings: Settings, engine: Engine, clock: Any) -> FastAPI:
    """Sign-in and conversions only, wired as in production: the whole API takes a while to build."""
    parts = serve._parts(settings, engine, clock)
    app = FastAPI()
    problems.install(app)
    for area in (accounts, conversions):
        area.include(app, parts)
    limits.protect(app)
    return app


@pytest.fixture
async def market(
    fresh_database_url: str, fresh_engine: Engine, redis_client: Redis, redis_url: str, clock: Any, sign_in: SignIn,
    wallet: Any, make_settings: Callable[..., Settings], tmp_path: Path,
) -> AsyncIterator[Market]:
    prepare(fresh_database_url)
    app = small_app(make_settings(fresh_engine, redis_client, tmp_path), fresh_engine, clock)
    with fresh_engine.begin() as connection:
        shop = open_shop(connection, wallet("advertiser").address)
        other_shop = open_shop(connection, wallet("other advertiser").address, 1)
    advertiser = await sign_in(app, "advertiser")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as stranger:
        world = World(fresh_engine, redis_url)
        yield Market(app, fresh_engine, redis_client, clock, advertiser, stranger, world, shop, other_shop)
        world.close()
    await advertiser.aclose()


async def test_postback__after_a_click__charged_once_at_the_price_of_the_decision(market: Market) -> None:
    """L53, L24: the bid was changed since; what the decision fixed is charged."""
    goal = await market.goal()
    token = await market.click()
    with market.engine.begin() as connection:
        connection.execute(text("update line_item set bid_micro_usdc = 1"))
    assert (await market.convert(goal, name_of(token)))["verdict"] == "pending"
    bill(market.engine)
    again = await market.convert(goal, name_of(token))
    assert (again["verdict"], again["repeated"]) == ("charged", True)
    bill(market.engine)
    assert await market.verdicts() == [("order-1", "charged", PRICE)]
    assert rows(market.engine, "select account, debits, credits from ledger_account order by 1") == [
        ("campaign:0", PRICE, 0), ("earned:5", 0, PRICE),
    ]
    event = token.decision_id.hex() + "03"
    assert rows(market.engine, "select event_id, kind, status from event where price_micro_usdc > 0") == [
        (event, "conversion", "billed"),
    ]


async def test_postback__second_order_of_a_click__counted_once_unless_repeatable(market: Market) -> None:
    """L53: a goal that repeats counts every order, and pays for the first."""
    once, often = await market.goal(), await market.goal(repeatable=True)
    first, second = await market.click(1), await market.click(2)
    orders = ("a", "b", "c")
    assert [(await market.convert(once, name_of(first), order))["verdict"] for order in orders] == [
        "pending", "converted_before", "converted_before",
    ]
    assert [(await market.convert(often, name_of(second), order))["verdict"] for order in orders] == [
        "pending", "counted", "counted",
    ]
    assert (await market.convert(often, name_of(first), "d"))["verdict"] == "counted"      # the decision is charged
    bill(market.engine)
    assert rows(market.engine, "select debits from ledger_account where account = 'campaign:0'") == [(2 * PRICE,)]
    answer = await market.advertiser.get(f"/v1/campaigns/{market.shop.campaign}/conversion-counts")
    assert answer.json()["goals"] == [
        {"goal_id": once["id"], "verdicts": {"converted_before": 2, "charged": 1}},
        {"goal_id": often["id"], "verdicts": {"counted": 3, "charged": 1}},
    ]


async def test_postback__no_ad_to_be_due_to__refused_for_a_reason_and_counted(market: Market) -> None:
    """L26, L53."""
    goal = await market.goal()
    foreign = await market.click(1, shop=market.other_shop)
    seen = await market.click(2, click=False)
    old = await market.click(3)
    flagged = await market.click(4)
    with market.engine.begin() as connection:       # by the traffic job; the ledger has not seen it yet
        connection.execute(text("""
            with flag as (insert into traffic_flag (day, placement_id, publisher_index, level, rule, scope, ruleset)
                          values ('2026-01-05', 1, 5, 'viewer', 'test', 'all', '0x') returning id)
            insert into flagged_event (event_id, flag_id) select event_id, flag.id from event, flag
             where seq = (select max(seq) from event where kind = 'click')"""))
    market.clock.advance(300)
    assert (await market.convert(goal, name_of(flagged), "flagged"))["verdict"] == "not_attributed"
    assert (await market.convert(goal, name_of(foreign), "foreign"))["verdict"] == "not_attributed"
    assert (await market.convert(goal, name_of(seen), "seen"))["verdict"] == "not_attributed"
    assert (await market.convert(goal, "AY8D" * 11, "invented"))["verdict"] == "click_unknown"
    market.clock.advance(7 * DAY_SECONDS)
    assert (await market.convert(goal, name_of(old), "old"))["verdict"] == "lookback_over"
    assert bill(market.engine) > 0
    assert rows(market.engine, "select count(*) from ledger_transfer") == [(0,)]
    assert rows(market.engine, "select reason, kind, count(*) from dropped_event group by 1, 2 order by 1") == [
        ("click_unknown", "conversion", 1), ("lookback_over", "conversion", 1), ("not_attributed", "conversion", 3),
    ]


async def test_postback__view_within_the_view_lookback__due_to_the_view(market: Market) -> None:
    """L53."""
    goal = await market.goal(view_days=2)
    token = await market.click(click=False)
    market.clock.advance(2 * DAY_SECONDS)
    assert (await market.convert(goal, name_of(token)))["verdict"] == "pending"
    assert rows(market.engine, "select touch, line_item_id from conversion") == [("viewable", market.shop.line_item)]


async def test_postback__bid_is_for_views__counted_for_nothing(market: Market) -> None:
    """L53: reports know conversions of every line item; only cpa pays for them."""
    goal = await market.goal()
    token = await market.click(kind=BidKind.VCPM)
    assert (await market.convert(goal, name_of(token)))["verdict"] == "pending"
    bill(market.engine)
    assert await market.verdicts() == [("order-1", "counted", 0)]
    assert rows(market.engine, "select kind from event where status = 'billed'") == [("viewable",)]


async def test_postback__budget_is_gone__never_charged_beyond_it(market: Market) -> None:
    """L33, L53: the ledger has the last word."""
    with market.engine.begin() as connection:
        connection.execute(text("update chain_campaign set deposited = :some"), {"some": PRICE + PRICE // 2})
    goal = await market.goal()
    for number in (1, 2):
        token = await market.click(number)
        await market.convert(goal, name_of(token), f"order-{number}")
    bill(market.engine)
    assert await market.verdicts() == [("order-1", "charged", PRICE), ("order-2", "budget_gone", 0)]
    assert rows(market.engine, "select reason, kind from dropped_event") == [("budget_gone", "conversion")]


async def test_postback__before_its_click_is_stored__waits_and_is_charged(market: Market) -> None:
    """L53: a server is faster than our queue."""
    goal = await market.goal()
    token = decided(market.shop, 1, market.now * 1_000 - 5_000)
    await asyncio.to_thread(market.world.report, token, at_ms=market.now * 1_000)
    assert (await market.convert(goal, name_of(token)))["verdict"] == "waiting"
    waiting = WaitingConversions(market.engine, market.redis, 120, clock=market.clock)
    market.clock.advance(3)
    waiting.settle()
    assert await market.verdicts() == [("order-1", "waiting", 0)]
    market.world.store()
    waiting.settle()
    bill(market.engine)
    assert await market.verdicts() == [("order-1", "charged", PRICE)]


async def test_postback__click_never_came__refused_when_it_cannot_come_any_more(market: Market) -> None:
    goal = await market.goal()
    token = decided(market.shop, 1, market.now * 1_000 - 5_000)
    assert (await market.convert(goal, name_of(token)))["verdict"] == "waiting"
    market.clock.advance(145)
    WaitingConversions(market.engine, market.redis, 120, clock=market.clock).settle()
    assert await market.verdicts() == [("order-1", "not_attributed", 0)]


async def test_postback__click_waited_on_a_disk_for_redis__is_charged_when_it_comes(market: Market) -> None:
    """L53, L82: the order was refused before anybody could know of its click; nothing says so afterwards."""
    goal = await market.goal()
    clicked_ms = (market.now - 200) * 1_000     # longer ago than a click may be under way
    token, other = (decided(market.shop, number, clicked_ms - 5_000) for number in (1, 2))
    for number, one in enumerate((token, other), 1):
        assert (await market.convert(goal, name_of(one), f"order-{number}"))["verdict"] == "not_attributed"
    await asyncio.to_thread(market.world.show, token, at_ms=clicked_ms)
    market.clock.advance(3)
    WaitingConversions(market.engine, market.redis, 120, clock=market.clock).settle()
    bill(market.engine)
    assert await market.verdicts() == [("order-1", "charged", PRICE), ("order-2", "not_attributed", 0)]
    told = rows(market.engine, "select reason, count(*) from dropped_event group by 1")
    counted = rows(market.engine, "select name, n from traffic_count where what = 'dropped' and n > 0")
    assert told == counted == [("not_attributed", 1)]


async def test_postback__not_from_the_advertiser__refused_and_nothing_changed(market: Market) -> None:
    """L45, L53: a wrong secret, body, time or goal; each looks the same from outside."""
    goal = await market.goal()
    report = {"goal_id": goal["id"], "click_id": name_of(await market.click()), "order_id": "forged"}
    good_body, good = signed(goal["secret"], market.now, **report)
    other_body, _ = signed(goal["secret"], market.now, **(report | {"order_id": "other"}))
    attempts: list[tuple[bytes, Any]] = [
        signed("slcs_" + "0" * 64, market.now, **report),
        (other_body, good),
        (good_body, good | {"Sightline-Timestamp": str(market.now + 1)}),
        (good_body, good | {"Sightline-Signature": b"v1=\xe4"}),
        signed(goal["secret"], market.now, **(report | {"goal_id": 999_999})),
        signed(goal["secret"], market.now - 301, **report),
        signed(goal["secret"], market.now + 301, **report),
    ]
    codes = []
    for body, headers in attempts:
        answer = await market.stranger.post("/v1/conversions", content=body, headers=headers)
        assert answer.status_code == 401, answer.text
        codes.append(answer.json()["code"])
    assert codes == ["postback_not_signed"] * 5 + ["postback_too_old"] * 2
    assert rows(market.engine, "select count(*) from conversion") == [(0,)]


MALFORMED = {
    b"": 400, b"{": 400, b"\xff": 400, b"[]": 422, b"{}": 422, b'{"goal_id":1,"click_id":"x"}': 422,
    b'{"goal_id":0,"click_id":"x","order_id":"1"}': 422, b'{"goal_id":1,"click_id":"x","order_id":"a b"}': 422,
    b'{"goal_id":1,"click_id":"x","order_id":"1","more":1}': 422,
}


async def test_postback__malformed__told_before_anything_is_read(market: Market) -> None:
    """L45."""
    headers = {"Sightline-Timestamp": str(market.now), "Sightline-Signature": "v1=0"}
    for body, status in MALFORMED.items():
        answer = await market.stranger.post("/v1/conversions", content=body, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_secret__replaced__the_one_before_ends_when_it_should(market: Market) -> None:
    old = await market.goal()
    path = f"/v1/conversion-goals/{old['id']}/secret"
    new = (await market.advertiser.post(path, json={"overlap_hours": 1}, headers={"Idempotency-Key": "k"})).json()
    again = (await market.advertiser.post(path, json={"overlap_hours": 1}, headers={"Idempotency-Key": "k"})).json()
    assert new == again
    assert new["secret"] != old["secret"]
    token = await market.click()
    assert (await market.convert(old, name_of(token), "a"))["verdict"] == "pending"
    assert (await market.convert(new, name_of(token), "b"))["verdict"] == "converted_before"
    market.clock.advance(3_600)
    body, headers = signed(old["secret"], market.now, goal_id=old["id"], click_id=name_of(token), order_id="c")
    assert (await market.stranger.post("/v1/conversions", content=body, headers=headers)).status_code == 401
    shown = (await market.advertiser.get(f"/v1/conversion-goals/{old['id']}")).json()
    assert "secret" not in shown
    assert old["secret"] not in str(rows(market.engine, "select * from conversion_goal"))
    assert not rows(market.engine, "select 1 from idempotency_key where answer like '%slcs_%'")


async def test_goal__anothers__is_not_there(market: Market, sign_in: SignIn) -> None:
    """L46: neither goals nor conversions of somebody else's campaign."""
    goal = await market.goal()
    other = await sign_in(market.app, "other advertiser")
    body = {"campaign_id": market.shop.campaign, "name": "Mine", "kind": "postback"}
    answers = [
        await other.post("/v1/conversion-goals", json=body),
        await other.get(f"/v1/conversion-goals/{goal['id']}"),
        await other.patch(f"/v1/conversion-goals/{goal['id']}", json={"status": "archived"}),
        await other.post(f"/v1/conversion-goals/{goal['id']}/secret", json={}),
        await other.get(f"/v1/campaigns/{market.shop.campaign}/conversions"),
        await other.get(f"/v1/campaigns/{market.shop.campaign}/conversion-counts"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 6
    assert (await other.get("/v1/conversion-goals")).json()["items"] == []
    assert (await market.stranger.get("/v1/conversion-goals")).status_code == 401


async def test_goal__archived__reports_are_refused_and_pages_are_told_nothing(market: Market) -> None:
    goal = await market.goal()
    token = await market.click()
    answer = await market.advertiser.patch(f"/v1/conversion-goals/{goal['id']}", json={"status": "archived"})
    assert answer.json()["status"] == "archived"
    assert (await market.convert(goal, name_of(token)))["verdict"] == "goal_archived"
    actions = rows(market.engine, "select action from audit_entry where action like 'conversion_goal.%' order by id")
    assert actions == [("conversion_goal.create",), ("conversion_goal.change",)]


async def test_goals__pages__of_one_campaign_or_of_all(market: Market) -> None:
    made = [(await market.goal(name=f"Goal {number}"))["id"] for number in range(3)]
    page = (await market.advertiser.get("/v1/conversion-goals?limit=2")).json()
    assert ([item["id"] for item in page["items"]], page["next_after"]) == (made[:2], made[1])
    rest = (await market.advertiser.get(f"/v1/conversion-goals?limit=2&after={made[1]}")).json()
    assert ([item["id"] for item in rest["items"]], rest["next_after"]) == (made[2:], None)
    none = (await market.advertiser.get(f"/v1/conversion-goals?campaign_id={market.other_shop.campaign}")).json()
    assert none["items"] == []


async def test_postback__the_same_many_times_at_once__one_charge(market: Market) -> None:
    """L24, L53: 60 deliveries of 3 orders of one click by 12 threads."""
    goal = await market.goal(repeatable=True)
    token = await market.click()
    told: list[tuple[str, bool]] = []

    def deliver(number: int) -> None:
        told_now = asyncio.run(send(number))
        told.append((told_now["verdict"], told_now["repeated"]))

    async def send(number: int) -> dict[str, Any]:
        transport = httpx.ASGITransport(market.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            order = f"order-{number % 3}"
            body, headers = signed(
                goal["secret"], market.now, goal_id=goal["id"], click_id=name_of(token), order_id=order
            )
            answer = await client.post("/v1/conversions", content=body, headers=headers)
            assert answer.status_code == 202, answer.text
            found: dict[str, Any] = answer.json()
            return found

    def deliver_five(start: int) -> None:
        for number in range(start, start + 5):
            deliver(number)

    threads = [threading.Thread(target=deliver_five, args=(start,)) for start in range(12)]
    for thread in threads:
        thread.start()
    await asyncio.to_thread(lambda: [thread.join(180) for thread in threads])
    assert len(told) == 60
    assert [repeated for _, repeated in told].count(False) == 3
    bill(market.engine)
    assert sorted(verdict for _, verdict, _ in await market.verdicts()) == ["charged", "counted", "counted"]
    assert rows(market.engine, "select debits from ledger_account where account = 'campaign:0'") == [(PRICE,)]
