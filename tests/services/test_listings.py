"""Terms of placements, shares, blocks, and the public lists of sellers over HTTP: refusals change nothing (L45)."""

from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

WORLD = {"name": "Harbour", "engine": "three", "category": "games", "url": "https://harbour.example/"}
PLACEMENT = {"name": "Gate", "kind": "image", "width": 1_024, "height": 512, "floor_vcpm_micro_usdc": 1_500_000}
A, B = "0x" + "a1" * 20, "0x" + "B2" * 20


async def world_of(client: httpx.AsyncClient, **terms: Any) -> dict[str, Any]:
    answer = await client.post("/v1/worlds", json=WORLD | terms)
    assert answer.status_code == 201, answer.text
    world: dict[str, Any] = answer.json()
    return world


async def place(client: httpx.AsyncClient, terms: dict[str, Any], **headers: str) -> httpx.Response:
    world = (await world_of(client))["id"]
    return await client.post(f"/v1/worlds/{world}/placements", json=terms, headers=headers)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def audited(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(connection.execute(text("select action from audit_entry order by id")).scalars())


def prove(engine: Engine, method: str = "dns") -> None:
    with engine.begin() as connection:
        connection.execute(
            text("update world set proof_state = 'verified', proof_method = :method"), {"method": method}
        )


# --- placements -----------------------------------------------------------------------------------------------------


async def test_placement__all_terms__kept_changed_and_written_down(
    publisher: httpx.AsyncClient, engine: Engine
) -> None:
    answer = await place(publisher, PLACEMENT | {
        "width_mm": 4_000, "height_mm": 2_000, "hourly_floor_micro_usdc": 5_000_000,
        "accepted_categories": ["music", "games"], "test_mode": True,
        "shares": [{"wallet": A, "basis_points": 2_500}, {"wallet": B, "basis_points": 7_500}],
    })
    assert answer.status_code == 201, answer.text
    made = answer.json()
    path = f"/v1/placements/{made['id']}"
    shares = [{"wallet": B.lower(), "basis_points": 7_500}, {"wallet": A, "basis_points": 2_500}]
    assert made["accepted_categories"] == ["games", "music"]
    assert made["shares"] == shares
    assert (await publisher.get(path)).json() == made
    kept = (await publisher.patch(path, json={"name": "Door"})).json()
    assert kept == made | {"name": "Door"}
    changed = (await publisher.patch(path, json={
        "width_mm": None, "height_mm": None, "hourly_floor_micro_usdc": None, "accepted_categories": [],
        "test_mode": False, "shares": [],
    })).json()
    assert changed == kept | {
        "width_mm": None, "height_mm": None, "hourly_floor_micro_usdc": None, "accepted_categories": [],
        "test_mode": False, "shares": [],
    }
    assert audited(engine)[-4:] == ["world.create", "placement.create", "placement.change", "placement.change"]


async def test_placement__shared_with_a_new_wallet__it_gets_a_place_in_the_tree(
    publisher: httpx.AsyncClient, stranger: httpx.AsyncClient, engine: Engine, wallet: Any
) -> None:
    payee = wallet("stranger").address
    me = wallet("publisher").address
    await place(publisher, PLACEMENT | {"shares": [
        {"wallet": me, "basis_points": 5_000}, {"wallet": payee, "basis_points": 5_000},
    ]})
    paid = (await stranger.get("/v1/publisher")).json()
    assert paid["wallet"] == payee
    assert paid["index"] > (await publisher.get("/v1/publisher")).json()["index"]


async def test_placement__audio__has_no_pixels(publisher: httpx.AsyncClient) -> None:
    answer = await place(publisher, {"name": "Radio", "kind": "audio", "floor_micro_usdc": 0})
    assert (answer.status_code, answer.json()["width"], answer.json()["height"]) == (201, 1, 1)


@pytest.mark.parametrize(("terms", "code"), [
    ({"width": None}, "size_incomplete"), ({"width_mm": 5}, "size_incomplete"), ({"width_mm": 0}, "invalid_request"),
    ({"test_mode": 1}, "invalid_request"), ({"accepted_categories": ["gambling"]}, "invalid_request"),
    ({"hourly_floor_micro_usdc": 0}, "invalid_request"), ({"kind": "html"}, "invalid_request"),
    ({"shares": [{"wallet": A, "basis_points": 9_999}]}, "shares_not_whole"),
    ({"shares": [{"wallet": A, "basis_points": 5_000}, {"wallet": A, "basis_points": 5_000}]}, "shares_repeated"),
    ({"shares": [{"wallet": "me", "basis_points": 10_000}]}, "invalid_request"),
    ({"shares": [{"wallet": A, "basis_points": 1}] * 9}, "invalid_request"),
])
async def test_create_placement__breaks_a_rule__creates_nobody_and_nothing(
    publisher: httpx.AsyncClient, engine: Engine, terms: dict[str, Any], code: str
) -> None:
    assert refusal(await place(publisher, PLACEMENT | terms)) == (422, code)
    with engine.begin() as connection:
        assert connection.execute(text("select count(*) from placement")).scalar_one() == 0
        assert connection.execute(text("select count(*) from publisher")).scalar_one() == 1


# --- blocks ---------------------------------------------------------------------------------------------------------


async def test_blocks__made_listed_and_removed(publisher: httpx.AsyncClient, engine: Engine) -> None:
    world = (await world_of(publisher))["id"]
    for body in (
        {"kind": "category", "value": "finance"}, {"kind": "advertiser", "value": B, "world_id": world},
        {"kind": "creative", "value": "12"},
    ):
        assert (await publisher.post("/v1/publisher/blocks", json=body)).status_code == 201
    again = await publisher.post("/v1/publisher/blocks", json={"kind": "advertiser", "value": B, "world_id": world})
    items = (await publisher.get("/v1/publisher/blocks")).json()["items"]
    assert [(one["kind"], one["value"], one["world_id"]) for one in items] == [
        ("category", "finance", None), ("advertiser", B.lower(), world), ("creative", "12", None),
    ]
    assert again.json() == items[1]
    assert (await publisher.delete(f"/v1/publisher/blocks/{items[0]['id']}")).status_code == 204
    assert refusal(await publisher.delete(f"/v1/publisher/blocks/{items[0]['id']}")) == (404, "block_unknown")
    assert audited(engine).count("block.delete") == 1


async def test_block__same_key__blocks_once(publisher: httpx.AsyncClient) -> None:
    await world_of(publisher)
    body, key = {"kind": "category", "value": "finance"}, {"Idempotency-Key": "one"}
    first = await publisher.post("/v1/publisher/blocks", json=body, headers=key)
    assert (await publisher.post("/v1/publisher/blocks", json=body, headers=key)).json() == first.json()
    other = await publisher.post("/v1/publisher/blocks", json=body | {"value": "games"}, headers=key)
    assert refusal(other) == (409, "idempotency_key_reused")


async def test_block__of_somebody_elses_world_or_by_nobody__refused(
    publisher: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    """L46."""
    body = {"kind": "category", "value": "finance"}
    assert refusal(await stranger.post("/v1/publisher/blocks", json=body)) == (404, "publisher_unknown")
    world = (await world_of(publisher))["id"]
    await world_of(stranger)
    refused = await stranger.post("/v1/publisher/blocks", json=body | {"world_id": world})
    assert refusal(refused) == (404, "world_unknown")
    block = (await publisher.post("/v1/publisher/blocks", json=body)).json()["id"]
    assert refusal(await stranger.delete(f"/v1/publisher/blocks/{block}")) == (404, "block_unknown")
    assert refusal(await stranger.post("/v1/publisher/blocks", json=body | {"value": "x"})) == (422, "block_value")


# --- lists ----------------------------------------------------------------------------------------------------------


async def test_sellers_json__publisher_agrees_and_withdraws__named_and_confidential_again(
    publisher: httpx.AsyncClient, browse: httpx.AsyncClient, engine: Engine
) -> None:
    seller = str((await world_of(publisher))["publisher_index"])
    confidential = {"seller_id": seller, "seller_type": "PUBLISHER", "is_confidential": 1}
    named = {"name": "Harbour Worlds", "domain": "harbour.example"}
    assert (await browse.get("/sellers.json")).json() == {"version": "1.0", "sellers": [confidential]}
    refused = await publisher.put("/v1/publisher/listing", json=named)
    assert refusal(refused) == (409, "domain_not_proved")
    prove(engine)
    assert (await publisher.put("/v1/publisher/listing", json=named)).json() == {"seller_id": seller, **named}
    entry = {"seller_id": seller, "seller_type": "PUBLISHER", **named}
    assert (await browse.get("/sellers.json")).json()["sellers"] == [entry]
    prove(engine, "land")       # the host itself is no longer proved
    assert (await browse.get("/sellers.json")).json()["sellers"] == [confidential]
    prove(engine)
    assert (await publisher.delete("/v1/publisher/listing")).status_code == 204
    assert (await browse.get("/sellers.json")).json()["sellers"] == [confidential]
    assert (await publisher.get("/v1/publisher/listing")).json() == {"seller_id": seller, "name": None, "domain": None}


@pytest.mark.parametrize(
    "domain", ["", "harbour", "HARBOUR.example", "harbour.example/", "-a.example", "a..example", "1.2.3.4"]
)
async def test_listing__no_domain__refused(publisher: httpx.AsyncClient, domain: str) -> None:
    await world_of(publisher)
    answer = await publisher.put("/v1/publisher/listing", json={"name": "Harbour", "domain": domain})
    assert refusal(answer) == (422, "invalid_request")


async def test_files__read_again__304_while_they_are_the_same(
    publisher: httpx.AsyncClient, browse: httpx.AsyncClient
) -> None:
    world = await world_of(publisher)
    for path in ("/sellers.json", "/ads.txt", f"/v1/worlds/{world['id']}/world-ads.txt"):
        first = await browse.get(path)
        assert (first.status_code, first.headers["cache-control"]) == (200, "public, max-age=3600")
        again = await browse.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await browse.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_world_ads_txt__any_world__names_us_and_the_seller(
    publisher: httpx.AsyncClient, browse: httpx.AsyncClient
) -> None:
    world = await world_of(publisher)
    answer = await browse.get(f"/v1/worlds/{world['id']}/world-ads.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.splitlines()[1] == f"127.0.0.1, {world['publisher_index']}, DIRECT, {world['id']}"
    assert refusal(await browse.get("/v1/worlds/999999/world-ads.txt")) == (404, "world_unknown")
