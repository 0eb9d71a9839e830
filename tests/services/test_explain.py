"""POST /v1/decisions?explain=1: the whole trace, to whom it concerns, and nothing is held."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import redis
from fastapi import FastAPI
from sqlalchemy import Engine, text

from backend.serving.sync.service import BudgetSync
from bench.market import Market
from tests.services.conftest import CHAIN_ID, ORIGIN, Clock, Wallet

BODY = {"viewer_key": "viewer-key-1", "country": "DE"}


@pytest.fixture
async def app(
    fresh_engine: Engine, redis_client: redis.Redis, clock: Clock, make_app: Callable[..., FastAPI], market: Any
) -> AsyncIterator[FastAPI]:
    app = make_app(fresh_engine, redis_client, clock)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def market(fresh_engine: Engine, fresh_database_url: str, redis_client: redis.Redis) -> dict[str, int]:
    """A placement of the publisher; three bids: the advertiser's is the second, and another one too low."""
    there = Market(fresh_engine, fresh_database_url, CHAIN_ID)
    advertiser = Wallet("advertiser").address
    best = there.line_item(there.campaign(1, 10**6, Wallet("winner").address), 9_000)
    own = there.campaign(2, 10**6, advertiser)
    second, low = there.line_item(own, 6_000), there.line_item(own, 10)
    abroad = there.line_item(there.campaign(3, 10**6), 7_000, targeting='{"countries": ["FR"]}')
    world = there.world(4)
    with fresh_engine.begin() as connection:
        connection.execute(text("update publisher set wallet = :wallet"), {"wallet": Wallet("publisher").address})
    placement, test = there.placement(world), there.placement(world)
    with fresh_engine.begin() as connection:
        connection.execute(text("update placement set test_mode = true where id = :id"), {"id": test})
    BudgetSync(fresh_engine, redis_client, CHAIN_ID).sync(1_790_000_000_000)
    return {"placement": placement, "best": best, "second": second, "low": low, "abroad": abroad, "test": test}


SignIn = Callable[[FastAPI, str], Awaitable[httpx.AsyncClient]]


async def explained(app: FastAPI, sign_in: SignIn, role: str, placement: int) -> dict[str, Any]:
    client = await sign_in(app, role)
    answer = await client.post("/v1/decisions?explain=1", json={"placement_id": placement, **BODY})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_explain__each_side__sees_counts_and_what_is_its_own(
    app: FastAPI, sign_in: SignIn, market: dict[str, int], redis_client: redis.Redis
) -> None:
    counts = {
        "standing": {"below_floor": 1}, "moment": {}, "audience": {"targeting_country": 1}, "auction": {"outbid": 1},
    }
    advertiser = await explained(app, sign_in, "advertiser", market["placement"])
    publisher = await explained(app, sign_in, "publisher", market["placement"])
    stranger = await explained(app, sign_in, "stranger", market["placement"])
    assert advertiser["refused"] == publisher["refused"] == stranger["refused"] == counts
    assert advertiser["version"] == publisher["version"] > 0
    assert [(one["line_item"], one["step"], one["reason"]) for one in advertiser["seen"]] == [
        (market["second"], "auction", "outbid"), (market["low"], "standing", "below_floor"),
    ]
    assert advertiser["price_micro_usdc"] is None
    assert publisher["price_micro_usdc"] == 6_000
    winner = await explained(app, sign_in, "winner", market["placement"])
    assert [(one["line_item"], one["reason"]) for one in winner["seen"]] == [(market["best"], None)]
    assert winner["price_micro_usdc"] is None, "it is what somebody else bids"
    assert [(one["line_item"], one["ecpm_nano_usdc"]) for one in publisher["seen"]] == [
        (None, 9_000_000_000), (None, 6_000_000_000),
    ]
    assert (stranger["seen"], stranger["price_micro_usdc"]) == ([], None)
    assert redis_client.keys("sl:{1}:holds") == []


async def test_explain__placement_in_test_mode__says_so_beside_what_would_be_sold(
    app: FastAPI, sign_in: SignIn, market: dict[str, int]
) -> None:
    real = await explained(app, sign_in, "publisher", market["placement"])
    test = await explained(app, sign_in, "publisher", market["test"])
    assert (real["test"], test["test"]) == (False, True)
    assert (test["price_micro_usdc"], test["refused"]) == (real["price_micro_usdc"], real["refused"])


@pytest.fixture
def joined(fresh_engine: Engine, market: dict[str, int]) -> dict[str, int]:
    """The same market, where the publisher is a member of the advertiser's organisation."""
    there = {"advertiser": Wallet("advertiser").address, "publisher": Wallet("publisher").address}
    with fresh_engine.begin() as connection:
        for statement in (
            "insert into organisation (wallet, name, advertiser, publisher) values (:advertiser, 'a', true, false)",
            "insert into member (account, wallet, role) values (:advertiser, :advertiser, 'owner'),"
            " (:advertiser, :publisher, 'reporter')",
        ):
            connection.execute(text(statement), there)
    return market


async def test_explain__publisher_belongs_to_the_advertiser__told_to_the_advertiser_and_counted_for_all(
    joined: dict[str, int], app: FastAPI, sign_in: SignIn
) -> None:
    """Nobody is told through whom: neither the other side, nor whoever else asks."""
    found = {role: await explained(app, sign_in, role, joined["placement"])
             for role in ("advertiser", "publisher", "stranger")}
    assert [(one["line_item"], one["step"], one["reason"]) for one in found["advertiser"]["seen"]] == [
        (joined["second"], "standing", "own_campaign"), (joined["low"], "standing", "own_campaign"),
    ]
    assert {str(one["refused"]["standing"]) for one in found.values()} == {"{'own_campaign': 2}"}
    assert [one["reason"] for one in found["publisher"]["seen"]] == [None]
    assert found["stranger"]["seen"] == []
    assert not any(Wallet(role).address in str(found) for role in ("advertiser", "publisher"))


async def test_explain__nobody_signed_in__refused_and_the_plain_route_still_answers(
    app: FastAPI, market: dict[str, int]
) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        refused = await client.post("/v1/decisions?explain=1", json={"placement_id": market["placement"], **BODY})
        plain = await client.post("/v1/decisions?explain=0", json={"placement_id": market["placement"], **BODY})
    assert (refused.status_code, refused.json()["code"]) == (401, "not_signed_in")
    assert plain.json()["creative"]["click_url"].endswith(f"/{market['best']}")


@pytest.mark.parametrize("value", ["2", "true", "yes", ""])
async def test_explain__neither_1_nor_0__is_refused_and_holds_nothing(
    app: FastAPI, sign_in: SignIn, market: dict[str, int], redis_client: redis.Redis, value: str
) -> None:
    client = await sign_in(app, "advertiser")
    answer = await client.post(f"/v1/decisions?explain={value}", json={"placement_id": market["placement"], **BODY})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert redis_client.keys("sl:*:holds") == []
