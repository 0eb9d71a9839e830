"""Campaigns, line items and creatives over HTTP on real PostgreSQL: refusals (L45), ownership (L46)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import Engine, text

from backend.core.money import MICRO_USDC_PER_USDC
from indexer.schema import create_schema

CAMPAIGN = {"name": "Autumn launch", "category": "games"}
LINE_ITEM = {
    "name": "Boards", "bid_kind": "vcpm", "bid_vcpm_micro_usdc": 4_000_000, "daily_cap_micro_usdc": 50_000_000,
    "starts_at": "2026-11-02T00:00:00Z", "ends_at": "2026-12-02T01:00:00+01:00",
}
CREATIVE = {
    "kind": "image", "width": 1_024, "height": 512, "asset_url": "https://assets.example/board.png",
    "asset_sha256": "9f" * 32, "click_url": "https://shop.example/autumn",
}


async def created(client: httpx.AsyncClient, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await client.post(path, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    content: dict[str, Any] = answer.json()
    return content


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


async def campaign_id(client: httpx.AsyncClient) -> int:
    return int((await created(client, "/v1/campaigns", CAMPAIGN))["id"])


async def line_item_id(client: httpx.AsyncClient) -> int:
    path = f"/v1/campaigns/{await campaign_id(client)}/line-items"
    return int((await created(client, path, LINE_ITEM))["id"])


def rows(engine: Engine) -> dict[str, int]:
    with engine.begin() as connection:
        return {
            table: connection.execute(text(f"select count(*) from {table}")).scalar_one()
            for table in ("campaign", "line_item", "creative", "idempotency_key")
        }


# --- campaigns --------------------------------------------------------------------------------------------------


async def test_create_campaign__answer__says_how_to_fund_it(advertiser: httpx.AsyncClient, wallet: Any) -> None:
    campaign = await created(advertiser, "/v1/campaigns", CAMPAIGN)
    owner = wallet("advertiser").address
    assert (campaign["owner"], campaign["status"], campaign["category"]) == (owner, "active", "games")
    assert len(campaign["meta"]) == 66
    assert campaign["how_to_fund"] == {
        "chain_id": 31_337, "escrow": "0x" + "e5" * 20, "function": "open_campaign(address,uint256,bytes32)",
        "args": {"owner": owner, "amount": None, "meta": campaign["meta"]},
    }
    assert campaign["money"]["chain_campaign"] is None
    assert (await advertiser.get(f"/v1/campaigns/{campaign['id']}")).json() == campaign


async def test_create_campaign__twice_the_same__are_two_with_their_own_meta(advertiser: httpx.AsyncClient) -> None:
    one, other = [await created(advertiser, "/v1/campaigns", CAMPAIGN) for _ in range(2)]
    assert one["id"] != other["id"]
    assert one["meta"] != other["meta"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": "x"}, {"name": "", "category": "art"}, {"name": "   ", "category": "art"},
        {"name": "x" * 101, "category": "art"}, {"name": "nul\u0000", "category": "art"},
        {"name": "line\nbreak", "category": "art"}, {"name": "x", "category": "weapons"},
        {"name": 7, "category": "art"},
        {"name": None, "category": "art"}, {"name": "x", "category": "art", "status": "active"}, [], "x", None,
    ],
)
async def test_create_campaign__bad_body__is_refused_and_changes_nothing(
    advertiser: httpx.AsyncClient, engine: Engine, body: Any
) -> None:
    before = rows(engine)
    assert refusal(await advertiser.post("/v1/campaigns", json=body)) == (422, "invalid_request")
    assert rows(engine) == before


async def test_create_campaign__half_a_character__is_refused(advertiser: httpx.AsyncClient) -> None:
    answer = await advertiser.post(
        "/v1/campaigns", content=b'{"name": "\\ud800", "category": "art"}', headers={"Content-Type": "application/json"}
    )
    assert refusal(answer) == (422, "invalid_request")


async def test_campaigns__pages__show_each_once_in_order(advertiser: httpx.AsyncClient) -> None:
    ids = [await campaign_id(advertiser) for _ in range(5)]
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        page = (await advertiser.get("/v1/campaigns", params={"limit": 2, "after": after})).json()
        seen += [item["id"] for item in page["items"]]
        after = page["next_after"]
    assert seen == ids


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "after=-1", "after=99999999999999999999"])
async def test_campaigns__bad_page__is_refused(advertiser: httpx.AsyncClient, query: str) -> None:
    assert refusal(await advertiser.get(f"/v1/campaigns?{query}")) == (422, "invalid_request")


async def test_change_campaign__renamed_paused_and_ended__in_this_order(advertiser: httpx.AsyncClient) -> None:
    path = f"/v1/campaigns/{await campaign_id(advertiser)}"
    assert (await advertiser.patch(path, json={"name": "Winter"})).json()["name"] == "Winter"
    assert (await advertiser.patch(path, json={"status": "paused"})).json()["status"] == "paused"
    assert (await advertiser.patch(path, json={"status": "active"})).json()["status"] == "active"
    assert (await advertiser.patch(path, json={"status": "ended"})).json()["name"] == "Winter"
    assert refusal(await advertiser.patch(path, json={"status": "active"})) == (409, "campaign_ended")
    assert refusal(await advertiser.post(f"{path}/line-items", json=LINE_ITEM)) == (409, "campaign_ended")


async def test_change_campaign__meta_or_owner__cannot_be_sent(advertiser: httpx.AsyncClient) -> None:
    path = f"/v1/campaigns/{await campaign_id(advertiser)}"
    for body in ({"meta": "0x" + "00" * 32}, {"owner": "0x" + "bb" * 20}, {"status": "deleted"}):
        assert refusal(await advertiser.patch(path, json=body)) == (422, "invalid_request")


# --- money from the chain ---------------------------------------------------------------------------------------


def seed_chain(engine: Engine, rows: list[dict[str, Any]]) -> None:
    """Chain campaigns as the indexer would mirror them, all deposited in block 1 with block 10 confirmed."""
    with engine.begin() as connection:
        cursor = dict.fromkeys(("number", "confirmed_number"), 10) | {"chain_id": 31_337, "updated_at": "now"}
        insert(connection, "chain_cursor", cursor)
        for row in rows:
            base = {
                "chain_id": 31_337, "campaign": 0, "owner": "", "meta": "", "deposited": 0, "withdrawn": 0,
                "reserved": 0, "reserved_executable_at": 0, "reserved_after_epoch": 0, "debited": 0, "remaining": 0,
                "active": True, "epoch_cap": 0, "epoch_cap_from": 0, "opened_number": 1,
            }
            insert(connection, "chain_campaign", base | row)


def insert(connection: Any, table: str, values: dict[str, Any]) -> None:
    """Columns that are required and not named get a harmless value of their type."""
    known = connection.execute(
        text("select column_name, data_type, is_nullable, column_default from information_schema.columns "
             "where table_name = :table"),
        {"table": table},
    ).all()
    filled = {
        column.column_name: "" if column.data_type in ("text", "character varying") else 0
        for column in known if column.is_nullable == "NO" and column.column_default is None
    } | values
    names = ", ".join(filled)
    places = ", ".join(f":{name}" for name in filled)
    connection.execute(text(f"insert into {table} ({names}) values ({places})"), filled)


async def test_campaign__funded_on_chain__shows_its_money(
    fresh_engine: Engine, redis_client: Redis, clock: Any, make_app: Callable[..., FastAPI],
    sign_in: Callable[..., Awaitable[httpx.AsyncClient]], wallet: Any,
) -> None:
    create_schema(fresh_engine.url.render_as_string(hide_password=False))
    advertiser = await sign_in(make_app(fresh_engine, redis_client, clock), "advertiser")
    campaign = await created(advertiser, "/v1/campaigns", CAMPAIGN)
    unfunded = await created(advertiser, "/v1/campaigns", CAMPAIGN)
    owner, meta, usdc = wallet("advertiser").address, campaign["meta"], MICRO_USDC_PER_USDC
    seed_chain(fresh_engine, [
        {"campaign": 0, "owner": wallet("stranger").address, "meta": meta, "deposited": 999 * usdc},
        {"campaign": 1, "owner": owner, "meta": meta, "deposited": 100 * usdc, "withdrawn": 10 * usdc,
         "reserved": 5 * usdc},
        {"campaign": 2, "owner": owner, "meta": meta, "deposited": 7 * usdc},
    ])
    with fresh_engine.begin() as connection:
        insert(connection, "ledger_account", {"account": "campaign:1", "debits": 25 * usdc, "credits": 0})
    money = {
        "chain_campaign": 1, "active_on_chain": True, "deposited_micro_usdc": 100 * usdc,
        "withdrawn_micro_usdc": 10 * usdc, "reserved_micro_usdc": 5 * usdc, "charged_micro_usdc": 25 * usdc,
        "spendable_micro_usdc": 60 * usdc,
    }
    assert (await advertiser.get(f"/v1/campaigns/{campaign['id']}")).json()["money"] == money
    listed = {item["id"]: item["money"] for item in (await advertiser.get("/v1/campaigns")).json()["items"]}
    assert listed[campaign["id"]] == money
    assert listed[unfunded["id"]]["chain_campaign"] is None


# --- line items -------------------------------------------------------------------------------------------------


async def test_create_line_item__bid_per_thousand__is_kept_per_event(advertiser: httpx.AsyncClient) -> None:
    path = f"/v1/campaigns/{await campaign_id(advertiser)}/line-items"
    item = await created(advertiser, path, LINE_ITEM)
    assert item["bid_micro_usdc"] == 4_000
    assert item["ends_at"] == "2026-12-02T00:00:00Z"
    assert (item["pacing"], item["status"], item["spent_micro_usdc"]) == ("even", "active", 0)
    assert (await advertiser.get(f"/v1/line-items/{item['id']}")).json() == item
    assert (await advertiser.get(path)).json() == {"items": [item], "next_after": None}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bid_vcpm_micro_usdc": 4_000_001}, "bid_not_whole"),
        ({"bid_vcpm_micro_usdc": None}, "bid_missing"),
        ({"bid_micro_usdc": 4_000}, "bid_missing"),
        ({"bid_kind": "cpc"}, "bid_kind_mismatch"),
        ({"daily_cap_micro_usdc": 3_999}, "cap_below_bid"),
        ({"total_cap_micro_usdc": 1}, "cap_below_bid"),
        ({"ends_at": "2026-11-02T00:00:00Z"}, "dates_out_of_range"),
        ({"ends_at": "2999-01-01T00:00:00Z"}, "dates_out_of_range"),
        ({"starts_at": "0001-01-01T00:00:00+23:59"}, "dates_out_of_range"),
        ({"starts_at": "2026-10-01T00:00:00Z", "ends_at": "2026-11-02T10:00:00Z"}, "line_item_over"),
        ({"targeting": {"worlds": [987_654]}}, "world_not_found"),
        ({"targeting": {"exclude_placements": [987_654]}}, "placement_not_found"),
        ({"targeting": {"categories": ["art"], "exclude_categories": ["art"]}}, "targeting_contradicts"),
        ({"bid_vcpm_micro_usdc": 0}, "invalid_request"),
        ({"bid_vcpm_micro_usdc": -1_000}, "invalid_request"),
        ({"bid_vcpm_micro_usdc": 4_000_000.0}, "invalid_request"),
        ({"bid_vcpm_micro_usdc": "4000000"}, "invalid_request"),
        ({"bid_vcpm_micro_usdc": True}, "invalid_request"),
        ({"bid_vcpm_micro_usdc": 10**30}, "invalid_request"),
        ({"daily_cap_micro_usdc": 0}, "invalid_request"),
        ({"starts_at": "2026-11-02T00:00:00"}, "invalid_request"),
        ({"starts_at": "2026-11-02"}, "invalid_request"),
        ({"starts_at": 1_793_577_600}, "invalid_request"),
        ({"starts_at": "1793577600"}, "invalid_request"),
        ({"ends_at": None}, "invalid_request"),
        ({"pacing": "fast"}, "invalid_request"),
        ({"bid_kind": "cpm"}, "invalid_request"),
        ({"targeting": {"worlds": [0]}}, "invalid_request"),
        ({"targeting": {"worlds": [True]}}, "invalid_request"),
        ({"targeting": {"worlds": [1] * 201}}, "invalid_request"),
        ({"targeting": {"countries": ["de"]}}, "invalid_request"),
        ({"targeting": {"cities": ["Berlin"]}}, "invalid_request"),
        ({"targeting": None}, "invalid_request"),
        ({"price": 1}, "invalid_request"),
    ],
)
async def test_create_line_item__breaks_a_rule__is_refused_and_changes_nothing(
    advertiser: httpx.AsyncClient, engine: Engine, changes: dict[str, Any], code: str
) -> None:
    path = f"/v1/campaigns/{await campaign_id(advertiser)}/line-items"
    before = rows(engine)
    assert refusal(await advertiser.post(path, json=LINE_ITEM | changes)) == (422, code)
    assert rows(engine) == before


async def test_create_line_item__targeting__is_sorted_without_repetitions(
    advertiser: httpx.AsyncClient, publisher: httpx.AsyncClient
) -> None:
    world = {"name": "Harbour", "engine": "three", "category": "games", "url": "https://harbour.example"}
    worlds = [(await created(publisher, "/v1/worlds", world))["id"] for _ in range(2)]
    path = f"/v1/campaigns/{await campaign_id(advertiser)}/line-items"
    targeting = {"worlds": [worlds[1], worlds[0], worlds[1]], "categories": ["games", "art"]}
    item = await created(advertiser, path, LINE_ITEM | {"targeting": targeting})
    named = {name: values for name, values in item["targeting"].items() if name != "size" and values}
    assert named == {"worlds": worlds, "categories": ["art", "games"]}
    assert set(item["targeting"]["size"].values()) == {None}


async def test_change_line_item__what_is_left_out__stays(advertiser: httpx.AsyncClient) -> None:
    path = f"/v1/line-items/{await line_item_id(advertiser)}"
    before = (await advertiser.get(path)).json()
    after = (await advertiser.patch(path, json={"status": "paused"})).json()
    assert after == before | {"status": "paused"}
    after = (await advertiser.patch(path, json={"bid_micro_usdc": 5_000, "daily_cap_micro_usdc": None})).json()
    assert after == before | {"status": "paused", "bid_micro_usdc": 5_000, "daily_cap_micro_usdc": None}
    assert (await advertiser.patch(path, json={})).json() == after == (await advertiser.get(path)).json()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bid_micro_usdc": 60_000_000}, "cap_below_bid"), ({"bid_vcpm_micro_usdc": 1}, "bid_not_whole"),
        ({"bid_micro_usdc": None}, "bid_missing"), ({"ends_at": "2026-11-01T00:00:00Z"}, "dates_out_of_range"),
        ({"targeting": {"worlds": [987_654]}}, "world_not_found"), ({"bid_kind": "cpc"}, "invalid_request"),
        ({"status": "ended"}, "invalid_request"),
    ],
)
async def test_change_line_item__result_breaks_a_rule__changes_nothing(
    advertiser: httpx.AsyncClient, changes: dict[str, Any], code: str
) -> None:
    path = f"/v1/line-items/{await line_item_id(advertiser)}"
    before = (await advertiser.get(path)).json()
    assert refusal(await advertiser.patch(path, json=changes)) == (422, code)
    assert (await advertiser.get(path)).json() == before


async def test_line_item__spent__is_the_sum_over_days(advertiser: httpx.AsyncClient, engine: Engine) -> None:
    item = await line_item_id(advertiser)
    with engine.begin() as connection:
        for day, spent in (("2026-11-02", 700), ("2026-11-03", 50)):
            connection.execute(
                text("insert into line_item_spend (line_item_id, day, spent_micro_usdc) values (:item, :day, :spent)"),
                {"item": item, "day": day, "spent": spent},
            )
    assert (await advertiser.get(f"/v1/line-items/{item}")).json()["spent_micro_usdc"] == 750


# --- creatives --------------------------------------------------------------------------------------------------


async def test_create_creative__listed__as_it_was_sent(advertiser: httpx.AsyncClient) -> None:
    item = await line_item_id(advertiser)
    creative = await created(advertiser, f"/v1/line-items/{item}/creatives", CREATIVE)
    assert {name: creative[name] for name in CREATIVE} == CREATIVE
    assert creative["line_item_id"] == item
    listed = (await advertiser.get(f"/v1/line-items/{item}/creatives")).json()
    assert listed == {"items": [creative], "next_after": None}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"asset_url": "http://assets.example/board.png"}, "url_not_allowed"),
        ({"click_url": "javascript:alert(1)"}, "url_not_allowed"),
        ({"asset_sha256": "9F" * 32}, "invalid_request"), ({"asset_sha256": "0x" + "9f" * 32}, "invalid_request"),
        ({"width": 0}, "invalid_request"), ({"height": 8_193}, "invalid_request"),
        ({"width": "1024"}, "invalid_request"),
        ({"kind": "audio"}, "invalid_request"), ({"status": "approved"}, "invalid_request"),
        ({"asset_url": "https://a.example/" + "a" * 3_000}, "invalid_request"),
    ],
)
async def test_create_creative__breaks_a_rule__is_refused_and_changes_nothing(
    advertiser: httpx.AsyncClient, engine: Engine, changes: dict[str, Any], code: str
) -> None:
    path = f"/v1/line-items/{await line_item_id(advertiser)}/creatives"
    before = rows(engine)
    assert refusal(await advertiser.post(path, json=CREATIVE | changes)) == (422, code)
    assert rows(engine) == before


async def test_create_creative__asset_on_this_machine__is_taken(advertiser: httpx.AsyncClient) -> None:
    body = CREATIVE | {"asset_url": "http://127.0.0.1:9000/board.png", "click_url": "http://localhost:9000/"}
    await created(advertiser, f"/v1/line-items/{await line_item_id(advertiser)}/creatives", body)


# --- ownership --------------------------------------------------------------------------------------------------


async def test_routes__without_a_session__are_refused(browse: httpx.AsyncClient, advertiser: httpx.AsyncClient) -> None:
    """L46."""
    item = await line_item_id(advertiser)
    tries = [
        browse.get("/v1/campaigns"), browse.post("/v1/campaigns", json=CAMPAIGN), browse.get("/v1/campaigns/1"),
        browse.patch("/v1/campaigns/1", json={}), browse.post("/v1/campaigns/1/line-items", json=LINE_ITEM),
        browse.get(f"/v1/line-items/{item}"), browse.patch(f"/v1/line-items/{item}", json={"status": "paused"}),
        browse.post(f"/v1/line-items/{item}/creatives", json=CREATIVE), browse.get(f"/v1/line-items/{item}/creatives"),
    ]
    for attempt in tries:
        assert refusal(await attempt) == (401, "not_signed_in")


async def test_routes__of_somebody_else__look_like_unknown_ids(
    advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    """L46: a stranger cannot even learn which ids exist."""
    item = await line_item_id(advertiser)
    campaign = (await advertiser.get(f"/v1/line-items/{item}")).json()["campaign_id"]

    async def answers(campaign: int, item: int) -> list[tuple[int, str]]:
        tries = [
            stranger.get(f"/v1/campaigns/{campaign}"), stranger.patch(f"/v1/campaigns/{campaign}", json={"name": "x"}),
            stranger.get(f"/v1/campaigns/{campaign}/line-items"),
            stranger.post(f"/v1/campaigns/{campaign}/line-items", json=LINE_ITEM),
            stranger.get(f"/v1/line-items/{item}"), stranger.patch(f"/v1/line-items/{item}", json={"status": "paused"}),
            stranger.get(f"/v1/line-items/{item}/creatives"),
            stranger.post(f"/v1/line-items/{item}/creatives", json=CREATIVE),
        ]
        return [refusal(await attempt) for attempt in tries]

    assert await answers(campaign, item) == await answers(2**62, 2**62)
    assert {status for status, _ in await answers(campaign, item)} == {404}
    assert (await stranger.get("/v1/campaigns")).json()["items"] == []
    assert (await advertiser.get(f"/v1/line-items/{item}")).json()["status"] == "active"


@pytest.mark.parametrize("path", ["0", "-1", "x", "1.5", "9223372036854775808", "%00"])
async def test_campaign__id_that_cannot_be__is_refused(advertiser: httpx.AsyncClient, path: str) -> None:
    assert refusal(await advertiser.get(f"/v1/campaigns/{path}")) == (422, "invalid_request")


# --- idempotency ------------------------------------------------------------------------------------------------


async def test_create__same_key_and_body__answers_the_same_and_creates_once(
    advertiser: httpx.AsyncClient, engine: Engine
) -> None:
    one = await created(advertiser, "/v1/campaigns", CAMPAIGN, **{"Idempotency-Key": "first-try"})
    await advertiser.patch(f"/v1/campaigns/{one['id']}", json={"name": "Renamed since"})
    assert await created(advertiser, "/v1/campaigns", CAMPAIGN, **{"Idempotency-Key": "first-try"}) == one
    path = f"/v1/campaigns/{one['id']}/line-items"
    item = await created(advertiser, path, LINE_ITEM, **{"Idempotency-Key": "second"})
    assert await created(advertiser, path, LINE_ITEM, **{"Idempotency-Key": "second"}) == item
    path = f"/v1/line-items/{item['id']}/creatives"
    creative = await created(advertiser, path, CREATIVE, **{"Idempotency-Key": "third"})
    assert await created(advertiser, path, CREATIVE, **{"Idempotency-Key": "third"}) == creative
    assert rows(engine) == {"campaign": 1, "line_item": 1, "creative": 1, "idempotency_key": 3}


async def test_create__same_key_other_request__is_a_conflict(advertiser: httpx.AsyncClient, engine: Engine) -> None:
    key = {"Idempotency-Key": "once"}
    one = await created(advertiser, "/v1/campaigns", CAMPAIGN, **key)
    other = await campaign_id(advertiser)
    before = rows(engine)
    for path, body in (
        ("/v1/campaigns", CAMPAIGN | {"name": "Another"}), (f"/v1/campaigns/{one['id']}/line-items", LINE_ITEM),
        (f"/v1/campaigns/{other}/line-items", LINE_ITEM),
    ):
        assert refusal(await advertiser.post(path, json=body, headers=key)) == (409, "idempotency_key_reused")
    assert rows(engine) == before


async def test_create__same_key_of_two_wallets__are_two(
    advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    one = await created(advertiser, "/v1/campaigns", CAMPAIGN, **{"Idempotency-Key": "mine"})
    assert (await created(stranger, "/v1/campaigns", CAMPAIGN, **{"Idempotency-Key": "mine"}))["id"] != one["id"]


async def test_create__same_key_many_times_at_once__creates_once(advertiser: httpx.AsyncClient, engine: Engine) -> None:
    answers = await asyncio.gather(
        *(created(advertiser, "/v1/campaigns", CAMPAIGN, **{"Idempotency-Key": "race"}) for _ in range(8))
    )
    assert all(answer == answers[0] for answer in answers)
    assert rows(engine)["campaign"] == 1


async def test_create__refused_under_a_key__leaves_the_key_free(advertiser: httpx.AsyncClient) -> None:
    path, key = f"/v1/campaigns/{await campaign_id(advertiser)}/line-items", {"Idempotency-Key": "again"}
    refused = await advertiser.post(path, json=LINE_ITEM | {"daily_cap_micro_usdc": 1}, headers=key)
    assert refusal(refused) == (422, "cap_below_bid")
    await created(advertiser, path, LINE_ITEM, **key)


@pytest.mark.parametrize("key", ["", "x" * 201, "with space", "ümlaut"])
async def test_create__key_that_is_no_key__is_refused(advertiser: httpx.AsyncClient, key: str) -> None:
    answer = await advertiser.post("/v1/campaigns", json=CAMPAIGN, headers={"Idempotency-Key": key.encode()})
    assert refusal(answer) == (422, "invalid_request")
