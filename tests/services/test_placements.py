"""Publishers, worlds and placements over HTTP on real PostgreSQL: the way through, refusals (L45), ownership (L46)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import Engine, text

from indexer.schema import create_schema

WORLD = {"name": "Harbour", "engine": "three", "category": "games", "url": "https://harbour.example/"}
PLACEMENT = {"name": "Gate", "kind": "image", "width": 1_024, "height": 512, "floor_vcpm_micro_usdc": 1_500_000}


async def created(client: httpx.AsyncClient, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await client.post(path, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    content: dict[str, Any] = answer.json()
    return content


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


async def world_id(client: httpx.AsyncClient) -> int:
    return int((await created(client, "/v1/worlds", WORLD))["id"])


async def placement_id(client: httpx.AsyncClient) -> int:
    return int((await created(client, f"/v1/worlds/{await world_id(client)}/placements", PLACEMENT))["id"])


def rows(engine: Engine) -> dict[str, int]:
    with engine.begin() as connection:
        return {
            table: connection.execute(text(f"select count(*) from {table}")).scalar_one()
            for table in ("publisher", "world", "placement", "idempotency_key")
        }


# --- publishers -------------------------------------------------------------------------------------------------


async def test_publisher__before_the_first_world__is_unknown(publisher: httpx.AsyncClient) -> None:
    assert refusal(await publisher.get("/v1/publisher")) == (404, "publisher_unknown")
    assert refusal(await publisher.patch("/v1/publisher", json={"payout_mode": "auto"})) == (404, "publisher_unknown")


async def test_publisher__after_the_first_world__has_an_index_for_life(
    publisher: httpx.AsyncClient, stranger: httpx.AsyncClient, wallet: Any
) -> None:
    first = await created(publisher, "/v1/worlds", WORLD)
    second = await created(publisher, "/v1/worlds", WORLD)
    other = await created(stranger, "/v1/worlds", WORLD)
    assert first["publisher_index"] == second["publisher_index"] >= 1
    assert other["publisher_index"] == first["publisher_index"] + 1
    assert (await publisher.get("/v1/publisher")).json() == {
        "index": first["publisher_index"], "wallet": wallet("publisher").address, "payout_mode": "auto",
        "earned_micro_usdc": 0, "payable_micro_usdc": 0, "paid_micro_usdc": 0,
    }


async def test_publisher__many_first_worlds_at_once__get_one_index_each_wallet(
    accounts_app: FastAPI, sign_in: Callable[..., Awaitable[httpx.AsyncClient]]
) -> None:
    clients = [await sign_in(accounts_app, f"publisher {number}") for number in range(6)]
    worlds = await asyncio.gather(*(created(client, "/v1/worlds", WORLD) for client in clients * 3))
    by_wallet = [{world["publisher_index"] for world in worlds[number::6]} for number in range(6)]
    assert all(len(indexes) == 1 for indexes in by_wallet)
    indexes = sorted(set.union(*by_wallet))
    assert indexes == list(range(indexes[0], indexes[0] + 6))


async def test_publisher__payout_mode__can_be_changed(publisher: httpx.AsyncClient) -> None:
    await world_id(publisher)
    assert (await publisher.patch("/v1/publisher", json={"payout_mode": "manual"})).json()["payout_mode"] == "manual"
    assert (await publisher.get("/v1/publisher")).json()["payout_mode"] == "manual"
    for body in ({}, {"payout_mode": "never"}, {"payout_mode": "auto", "index": 7}, {"wallet": "0x" + "bb" * 20}):
        assert refusal(await publisher.patch("/v1/publisher", json=body)) == (422, "invalid_request")


async def test_publisher__money__comes_from_the_ledger_and_the_chain(
    fresh_engine: Engine, redis_client: Redis, clock: Any, make_app: Callable[..., FastAPI],
    sign_in: Callable[..., Awaitable[httpx.AsyncClient]], wallet: Any,
) -> None:
    create_schema(fresh_engine.url.render_as_string(hide_password=False))
    with fresh_engine.begin() as connection:
        connection.execute(
            text("""insert into chain_publisher (chain_id, publisher_index, recipient, paid, last_number)
                    values (31337, 1, :other, 0, 1), (31337, 41, :other, 5, 1), (1, 99, :other, 5, 1)"""),
            {"other": wallet("stranger").address},
        )
    publisher = await sign_in(make_app(fresh_engine, redis_client, clock), "publisher")
    index = (await created(publisher, "/v1/worlds", WORLD))["publisher_index"]
    assert index == 42     # what was paid on chain under an index is never given to somebody else
    with fresh_engine.begin() as connection:
        connection.execute(
            text("""insert into ledger_account (account, debits, credits)
                    values ('earned:42', 900, 1000), ('payable:42', 0, 810), ('earned:4', 0, 5)""")
        )
        connection.execute(
            text("""insert into chain_publisher (chain_id, publisher_index, recipient, paid, last_number)
                    values (31337, 42, :wallet, 300, 1)"""),
            {"wallet": wallet("publisher").address},
        )
    found = (await publisher.get("/v1/publisher")).json()
    assert (found["earned_micro_usdc"], found["payable_micro_usdc"], found["paid_micro_usdc"]) == (100, 510, 300)


# --- worlds -----------------------------------------------------------------------------------------------------


async def test_world__created_changed_and_listed(publisher: httpx.AsyncClient) -> None:
    world = await created(publisher, "/v1/worlds", WORLD)
    assert {name: world[name] for name in WORLD} == WORLD
    path = f"/v1/worlds/{world['id']}"
    changes = {"name": "Old harbour", "url": "https://old.example/", "category": "art", "status": "paused"}
    assert (await publisher.patch(path, json=changes)).json() == world | changes
    assert (await publisher.get(path)).json() == world | changes
    assert (await publisher.get("/v1/worlds")).json() == {"items": [world | changes], "next_after": None}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"engine": "doom"}, "invalid_request"), ({"category": "food"}, "invalid_request"),
        ({"name": ""}, "invalid_request"),
        ({"url": "http://harbour.example"}, "url_not_allowed"), ({"url": "not a url"}, "url_not_allowed"),
        ({"url": None}, "invalid_request"), ({"publisher_index": 1}, "invalid_request"),
    ],
)
async def test_create_world__breaks_a_rule__creates_neither_world_nor_publisher(
    publisher: httpx.AsyncClient, engine: Engine, changes: dict[str, Any], code: str
) -> None:
    before = rows(engine)
    assert refusal(await publisher.post("/v1/worlds", json=WORLD | changes)) == (422, code)
    assert rows(engine) == before


async def test_change_world__to_an_unsafe_url__changes_nothing(publisher: httpx.AsyncClient) -> None:
    path = f"/v1/worlds/{await world_id(publisher)}"
    before = (await publisher.get(path)).json()
    answer = await publisher.patch(path, json={"name": "New", "url": "javascript:alert(1)"})
    assert refusal(answer) == (422, "url_not_allowed")
    assert (await publisher.get(path)).json() == before


async def test_worlds__pages__show_each_once_in_order(publisher: httpx.AsyncClient) -> None:
    ids = [await world_id(publisher) for _ in range(3)]
    first = (await publisher.get("/v1/worlds?limit=2")).json()
    second = (await publisher.get(f"/v1/worlds?limit=2&after={first['next_after']}")).json()
    assert [item["id"] for item in first["items"] + second["items"]] == ids
    assert second["next_after"] is None


# --- placements -------------------------------------------------------------------------------------------------


async def test_placement__floor_per_thousand__is_kept_per_impression(publisher: httpx.AsyncClient) -> None:
    world = await world_id(publisher)
    placement = await created(publisher, f"/v1/worlds/{world}/placements", PLACEMENT)
    assert (placement["floor_micro_usdc"], placement["world_id"], placement["status"]) == (1_500, world, "active")
    path = f"/v1/placements/{placement['id']}"
    assert (await publisher.get(path)).json() == placement
    changes = {"name": "Big gate", "status": "paused", "floor_micro_usdc": 0}
    assert (await publisher.patch(path, json=changes)).json() == placement | changes
    assert (await publisher.get(f"/v1/worlds/{world}/placements")).json()["items"] == [placement | changes]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"floor_vcpm_micro_usdc": 1_500_001}, "floor_not_whole"), ({"floor_vcpm_micro_usdc": None}, "floor_missing"),
        ({"floor_micro_usdc": 1}, "floor_missing"), ({"floor_vcpm_micro_usdc": -1}, "invalid_request"),
        ({"floor_vcpm_micro_usdc": 1_000.0}, "invalid_request"), ({"kind": "sound"}, "invalid_request"),
        ({"width": 0}, "invalid_request"), ({"height": 10_000}, "invalid_request"),
        ({"name": "\u0000"}, "invalid_request"),
    ],
)
async def test_create_placement__breaks_a_rule__is_refused_and_changes_nothing(
    publisher: httpx.AsyncClient, engine: Engine, changes: dict[str, Any], code: str
) -> None:
    path = f"/v1/worlds/{await world_id(publisher)}/placements"
    before = rows(engine)
    assert refusal(await publisher.post(path, json=PLACEMENT | changes)) == (422, code)
    assert rows(engine) == before


async def test_change_placement__result_breaks_a_rule__changes_nothing(publisher: httpx.AsyncClient) -> None:
    path = f"/v1/placements/{await placement_id(publisher)}"
    before = (await publisher.get(path)).json()
    for changes, code in (
        ({"floor_vcpm_micro_usdc": 7}, "floor_not_whole"), ({"floor_micro_usdc": None}, "floor_missing"),
        ({"kind": "video"}, "invalid_request"), ({"status": "gone"}, "invalid_request"),
    ):
        assert refusal(await publisher.patch(path, json=changes)) == (422, code)
    assert (await publisher.get(path)).json() == before


# --- ownership and idempotency ----------------------------------------------------------------------------------


async def test_routes__without_a_session__are_refused(browse: httpx.AsyncClient) -> None:
    """L46."""
    tries = [
        browse.get("/v1/publisher"), browse.patch("/v1/publisher", json={"payout_mode": "auto"}),
        browse.get("/v1/worlds"), browse.post("/v1/worlds", json=WORLD), browse.patch("/v1/worlds/1", json={}),
        browse.post("/v1/worlds/1/placements", json=PLACEMENT), browse.get("/v1/placements/1"),
        browse.patch("/v1/placements/1", json={"status": "paused"}),
    ]
    for attempt in tries:
        assert refusal(await attempt) == (401, "not_signed_in")


async def test_routes__of_somebody_else__look_like_unknown_ids(
    publisher: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    """L46: not even another publisher can change or see them."""
    placement = await placement_id(publisher)
    world = (await publisher.get(f"/v1/placements/{placement}")).json()["world_id"]
    await world_id(stranger)

    async def answers(world: int, placement: int) -> list[tuple[int, str]]:
        tries = [
            stranger.get(f"/v1/worlds/{world}"), stranger.patch(f"/v1/worlds/{world}", json={"status": "paused"}),
            stranger.get(f"/v1/worlds/{world}/placements"),
            stranger.post(f"/v1/worlds/{world}/placements", json=PLACEMENT),
            stranger.get(f"/v1/placements/{placement}"),
            stranger.patch(f"/v1/placements/{placement}", json={"floor_micro_usdc": 0}),
        ]
        return [refusal(await attempt) for attempt in tries]

    assert await answers(world, placement) == await answers(2**62, 2**62)
    assert {status for status, _ in await answers(world, placement)} == {404}
    assert (await publisher.get(f"/v1/placements/{placement}")).json()["floor_micro_usdc"] == 1_500


async def test_create__same_key_and_body__creates_once(publisher: httpx.AsyncClient, engine: Engine) -> None:
    world = await created(publisher, "/v1/worlds", WORLD, **{"Idempotency-Key": "one"})
    assert await created(publisher, "/v1/worlds", WORLD, **{"Idempotency-Key": "one"}) == world
    path = f"/v1/worlds/{world['id']}/placements"
    placement = await created(publisher, path, PLACEMENT, **{"Idempotency-Key": "two"})
    assert await created(publisher, path, PLACEMENT, **{"Idempotency-Key": "two"}) == placement
    assert rows(engine) == {"publisher": 1, "world": 1, "placement": 1, "idempotency_key": 2}
    answer = await publisher.post("/v1/worlds", json=WORLD | {"name": "Other"}, headers={"Idempotency-Key": "one"})
    assert refusal(answer) == (409, "idempotency_key_reused")
