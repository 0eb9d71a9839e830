"""Exchanges, bidders and the files of sellers, over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis import Redis
from roles_kit import appoint
from sqlalchemy import Engine

from backend.auth.permissions import PlatformRole
from backend.core.ids import address

SignIn = Callable[[FastAPI, str], Awaitable[httpx.AsyncClient]]
LINE_ITEM = {
    "name": "Boards", "bid_kind": "vcpm", "bid_vcpm_micro_usdc": 4_000_000, "starts_at": "2026-11-02T00:00:00Z",
    "ends_at": "2026-12-02T00:00:00Z",
}
WORLD = {"name": "Exchange", "engine": "other", "category": "other", "url": "https://exchange.example/"}
BIDDER = {"name": "DSP", "endpoint": "https://bidder.example/rtb", "seat": "dsp-1"}


@pytest.fixture
async def admin(accounts_app: FastAPI, engine: Engine, sign_in: SignIn) -> httpx.AsyncClient:
    client = await sign_in(accounts_app, "admin")
    wallet = (await client.get("/v1/auth/me")).json()["wallet"]
    appoint(engine, address(wallet), PlatformRole.ADMIN)
    return client


async def world_of(client: httpx.AsyncClient) -> int:
    made = await client.post("/v1/worlds", json=WORLD)
    return int(made.json()["id"])


async def line_item_of(client: httpx.AsyncClient, **changes: Any) -> int:
    campaign = (await client.post("/v1/campaigns", json={"name": "Autumn", "category": "games"})).json()["id"]
    made = await client.post(f"/v1/campaigns/{campaign}/line-items", json={**LINE_ITEM, **changes})
    assert made.status_code == 201, made.text
    return int(made.json()["id"])


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def ask(browse: httpx.AsyncClient, token: str) -> int:
    request = {"id": "1", "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}]}
    headers = {"Authorization": f"Bearer {token}"}
    return (await browse.post("/openrtb2/bid", json=request, headers=headers)).status_code


async def test_exchange__registered_renewed_and_paused__its_token_opens_the_door(
    admin: httpx.AsyncClient, publisher: httpx.AsyncClient, browse: httpx.AsyncClient
) -> None:
    world = await world_of(publisher)
    body = {"world_id": world, "name": "Exchange", "domain": "exchange.example", "seat": "sightline"}
    made = await admin.post("/v1/admin/exchanges", json=body)
    assert made.status_code == 201, made.text
    number, token = made.json()["id"], made.json()["token"]
    assert await ask(browse, token) == 204
    assert code(await admin.post("/v1/admin/exchanges", json=body)) == (409, "exchange_exists")
    assert code(await admin.post("/v1/admin/exchanges", json=body | {"world_id": 2**60})) == (404, "world_unknown")
    bad = await admin.post("/v1/admin/exchanges", json=body | {"networks": ["192.0.2.1/24"]})
    assert code(bad) == (422, "network_malformed")
    renewed = await admin.patch(f"/v1/admin/exchanges/{number}", json={"new_token": True, "needs_schain": True})
    assert [await ask(browse, one) for one in (token, renewed.json()["token"])] == [401, 200]
    paused = await admin.patch(f"/v1/admin/exchanges/{number}", json={"status": "paused"})
    assert (paused.json()["status"], paused.json()["token"]) == ("paused", None)
    assert await ask(browse, renewed.json()["token"]) == 401
    (listed,) = (await admin.get("/v1/admin/exchanges")).json()["items"]
    assert (listed["world_id"], listed["token"], listed["needs_schain"]) == (world, None, True)
    assert (await browse.get("/sellers.json")).json()["sellers"] == [
        {"seller_id": str(listed["publisher_index"]), "seller_type": "INTERMEDIARY", "is_confidential": 1}
    ]
    await publisher.post("/v1/worlds", json={**WORLD, "url": "https://own.example/"})
    (both,) = (await browse.get("/sellers.json")).json()["sellers"]
    assert both["seller_type"] == "BOTH"


async def test_bidder__of_a_line_item__is_asked_once_the_operator_has_approved_its_endpoint(
    admin: httpx.AsyncClient, advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    item = await line_item_of(advertiser)
    body = {**BIDDER, "line_item_id": item}
    assert code(await stranger.post("/v1/external-bidders", json=body)) == (404, "line_item_unknown")
    for endpoint in ("http://bidder.example/", "https://bidder.example:8443/", "https://u:p@bidder.example/"):
        refused = await advertiser.post("/v1/external-bidders", json=body | {"endpoint": endpoint})
        assert code(refused) == (422, "endpoint_not_allowed")
    made = await advertiser.post("/v1/external-bidders", json=body)
    assert made.status_code == 201, made.text
    assert (made.json()["approved"], made.json()["today"]) == (False, {})
    path = f"/v1/external-bidders/{made.json()['id']}"
    assert code(await advertiser.post("/v1/external-bidders", json=body)) == (409, "bidder_exists")
    assert code(await stranger.patch(path, json={"qps_max": 1})) == (404, "bidder_unknown")
    approved = await admin.patch(path.replace("/v1/", "/v1/admin/"), json={"approved": True})
    assert approved.json()["approved"] is True
    assert (await advertiser.patch(path, json={"timeout_ms": 80})).json()["approved"] is True
    moved = await advertiser.patch(path, json={"endpoint": "https://other.example/rtb"})
    assert moved.json()["approved"] is False
    assert [one["endpoint"] for one in (await admin.get("/v1/admin/external-bidders")).json()["items"]] == [
        "https://other.example/rtb"
    ]
    clicks = await line_item_of(advertiser, bid_kind="cpc", bid_vcpm_micro_usdc=None, bid_micro_usdc=50_000)
    wrong = await advertiser.post("/v1/external-bidders", json={**BIDDER, "line_item_id": clicks})
    assert code(wrong) == (422, "bid_kind_not_allowed")


async def test_placement__asks_outside__only_when_its_publisher_says_so(
    publisher: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    world = await world_of(publisher)
    placement = (await publisher.post(f"/v1/worlds/{world}/placements", json={
        "name": "Board", "kind": "image", "width": 300, "height": 250, "floor_vcpm_micro_usdc": 1_000_000,
    })).json()["id"]
    path = f"/v1/placements/{placement}/external-demand"
    assert (await publisher.get(path)).json() == {"asked": False}
    assert code(await stranger.put(path, json={"asked": True})) == (404, "placement_unknown")
    assert (await publisher.put(path, json={"asked": True})).json() == {"asked": True}
    assert (await publisher.get(path)).json() == {"asked": True}


async def test_files__of_sellers__agree_with_each_other(
    publisher: httpx.AsyncClient, stranger: httpx.AsyncClient, browse: httpx.AsyncClient
) -> None:
    """L89."""
    await world_of(publisher)
    lines = (await publisher.get("/v1/publisher/ads-txt")).text.splitlines()
    (seller,) = (await browse.get("/sellers.json")).json()["sellers"]
    assert lines[-1] == f"127.0.0.1, {seller['seller_id']}, DIRECT"
    assert code(await stranger.get("/v1/publisher/ads-txt")) == (404, "publisher_unknown")
    answers = await asyncio.gather(browse.get("/ads.txt"), browse.get("/app-ads.txt"))
    assert all("placeholder.example.com, placeholder, DIRECT, placeholder" in answer.text for answer in answers)


async def test_video_events__of_a_day__are_for_who_owns_the_line_item(
    advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient, redis_client: Redis
) -> None:
    path = f"/v1/line-items/{await line_item_of(advertiser)}/video-events?day=2026-11-02"
    redis_client.hset(f"sl:rtb:video:20759:{path.split('/')[3]}", mapping={"start": 7, "complete": 3})
    assert (await advertiser.get(path)).json() == {"day": "2026-11-02", "events": {"complete": 3, "start": 7}}
    assert (await advertiser.get(path.partition("?")[0])).json() == (await advertiser.get(path)).json()   # today
    assert code(await stranger.get(path)) == (404, "line_item_unknown")
