"""Line items with all their terms over HTTP: what is agreed, booked and written down (L45, L51)."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import Engine, text

from backend.campaigns.terms import check_terms, document_hash
from indexer.schema import create_schema
from tests.services.test_campaigns import (
    CAMPAIGN,
    LINE_ITEM,
    campaign_id,
    created,
    line_item_id,
    refusal,
    rows,
    seed_chain,
)

WORLD = {"name": "Harbour", "engine": "three", "category": "games", "url": "https://harbour.example"}
PLACEMENT = {"name": "Board", "kind": "image", "width": 1_024, "height": 512, "floor_micro_usdc": 1_000}
FULL = LINE_ITEM | {
    "targeting": {
        "countries": ["DE", "AT"], "exclude_languages": ["fr"], "devices": ["vr"], "engines": ["three"],
        "formats": ["image"], "size": {"width_mm_min": 1_000, "width_mm_max": 4_000},
    },
    "day_parts": {"hours": "0" * 36 + "03ff00", "time_zone": "Europe/Berlin"},
    "frequency_cap": {"impressions": 3, "hours": 24}, "recency_minutes": 10, "pacing": "front_loaded",
}


async def documents(client: httpx.AsyncClient, campaign: int) -> list[str]:
    page = (await client.get(f"/v1/campaigns/{campaign}/terms")).json()
    assert [item["sha256"] for item in page["items"]] == [document_hash(item["document"]) for item in page["items"]]
    return [item["document"] for item in page["items"]]


def acts(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        actions = connection.execute(text("select action from audit_entry order by id")).scalars()
        return [action for action in actions if action.startswith(("campaign", "line_item"))]


async def test_line_item__everything_said__comes_back(advertiser: httpx.AsyncClient) -> None:
    item = await created(advertiser, f"/v1/campaigns/{await campaign_id(advertiser)}/line-items", FULL)
    assert (item["day_parts"], item["frequency_cap"]) == (FULL["day_parts"], FULL["frequency_cap"])
    assert (item["recency_minutes"], item["pacing"]) == (10, "front_loaded")
    assert item["targeting"]["countries"] == ["AT", "DE"]
    assert item["targeting"]["size"]["width_mm_max"] == 4_000
    path = f"/v1/line-items/{item['id']}"
    assert (await advertiser.get(path)).json() == item
    nothing = {"day_parts": None, "frequency_cap": None, "recency_minutes": None}
    changed = (await advertiser.patch(path, json=nothing)).json()
    assert changed == item | {"day_parts": None, "frequency_cap": None, "recency_minutes": None}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"day_parts": {"hours": "0" * 42}}, "hours_empty"),
        ({"day_parts": {"hours": "f" * 42, "time_zone": "Mars/Olympus"}}, "time_zone_unknown"),
        ({"day_parts": {"hours": "f" * 41}}, "invalid_request"),
        ({"frequency_cap": {"impressions": 0, "hours": 1}}, "invalid_request"),
        ({"frequency_cap": {"impressions": 1, "hours": 25}}, "invalid_request"),
        ({"recency_minutes": 0}, "invalid_request"),
        ({"recency_minutes": 1_441}, "invalid_request"),
        ({"targeting": {"publishers": [987_654]}}, "publisher_not_found"),
        ({"targeting": {"countries": ["DE"], "exclude_countries": ["DE"]}}, "targeting_contradicts"),
        ({"targeting": {"size": {"width_mm_min": 2, "width_mm_max": 1}}}, "targeting_contradicts"),
        ({"targeting": {"devices": ["fridge"]}}, "invalid_request"),
    ],
)
async def test_line_item__breaks_a_rule__is_refused_and_changes_nothing(
    advertiser: httpx.AsyncClient, engine: Engine, changes: dict[str, Any], code: str
) -> None:
    """L45: in a campaign's own line items as well as in those that it is created with."""
    path = f"/v1/campaigns/{await campaign_id(advertiser)}/line-items"
    before = rows(engine)
    assert refusal(await advertiser.post(path, json=LINE_ITEM | changes)) == (422, code)
    body = CAMPAIGN | {"line_items": [LINE_ITEM, LINE_ITEM | changes]}
    assert refusal(await advertiser.post("/v1/campaigns", json=body)) == (422, code)
    assert rows(engine) == before


# --- terms ------------------------------------------------------------------------------------------------------


async def test_terms__created_with_line_items_then_changed__are_a_chain_from_meta(
    advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient, engine: Engine
) -> None:
    """L51."""
    campaign = await created(advertiser, "/v1/campaigns", CAMPAIGN | {"line_items": [FULL, LINE_ITEM]})
    path = f"/v1/campaigns/{campaign['id']}"
    items = (await advertiser.get(f"{path}/line-items")).json()["items"]
    assert [item["frequency_cap"] for item in items] == [FULL["frequency_cap"], None]
    await advertiser.patch(f"/v1/line-items/{items[0]['id']}", json={"status": "paused"})
    await advertiser.patch(f"/v1/line-items/{items[0]['id']}", json={"status": "paused"})      # changes nothing
    added = await created(advertiser, f"{path}/line-items", LINE_ITEM)
    await advertiser.patch(path, json={"status": "paused"})
    read = check_terms(await documents(advertiser, campaign["id"]), campaign["meta"])
    assert [content.get("change") for content in read] == [
        None, "line_item.changed", "line_item.added", "campaign.changed"
    ]
    assert [item["bid_micro_usdc"] for item in read[0]["line_items"]] == [4_000, 4_000]
    assert (read[1]["line_item"]["id"], read[1]["line_item"]["status"]) == (items[0]["id"], "paused")
    assert read[2]["line_item"]["id"] == added["id"]
    assert read[3]["campaign"] == {"name": CAMPAIGN["name"], "status": "paused"}
    assert acts(engine) == [
        "campaign.create", *["line_item.create"] * 2, "line_item.change", "line_item.create", "campaign.change"
    ]
    assert refusal(await stranger.get(f"{path}/terms")) == (404, "campaign_unknown")


async def test_terms__sent_twice_under_one_key__are_written_once(advertiser: httpx.AsyncClient) -> None:
    body, key = CAMPAIGN | {"line_items": [LINE_ITEM]}, {"Idempotency-Key": "one"}
    one, other = [await created(advertiser, "/v1/campaigns", body, **key) for _ in range(2)]
    assert one == other
    assert len(await documents(advertiser, one["id"])) == 1
    answer = await advertiser.post("/v1/campaigns", json=CAMPAIGN, headers=key)
    assert refusal(answer) == (409, "idempotency_key_reused")


async def test_terms__many_changes_at_once__are_one_chain(advertiser: httpx.AsyncClient) -> None:
    """L51."""
    campaign = await created(advertiser, "/v1/campaigns", CAMPAIGN)
    path = f"/v1/campaigns/{campaign['id']}/line-items"
    await asyncio.gather(*(advertiser.post(path, json=LINE_ITEM | {"name": f"Board {n}"}) for n in range(6)))
    assert len(check_terms(await documents(advertiser, campaign["id"]), campaign["meta"])) == 7


# --- sponsorships -----------------------------------------------------------------------------------------------


@pytest.fixture
async def bought(
    fresh_engine: Engine, redis_client: Redis, clock: Any, make_app: Any, sign_in: Any, wallet: Any
) -> tuple[httpx.AsyncClient, httpx.AsyncClient, list[int], list[int]]:
    """Two advertisers, a funded campaign of each, and a placement that is sold by the hour besides one that is not."""
    create_schema(fresh_engine.url.render_as_string(hide_password=False))
    app: FastAPI = make_app(fresh_engine, redis_client, clock)
    publisher, *buyers = [await sign_in(app, role) for role in ("publisher", "advertiser", "stranger")]
    world = (await created(publisher, "/v1/worlds", WORLD))["id"]
    path = f"/v1/worlds/{world}/placements"
    placements = [
        (await created(publisher, path, PLACEMENT | more))["id"] for more in ({"hourly_floor_micro_usdc": 50_000}, {})
    ]
    campaigns = [await created(buyer, "/v1/campaigns", CAMPAIGN) for buyer in buyers]
    seed_chain(fresh_engine, [
        {"campaign": number, "owner": campaign["owner"], "meta": campaign["meta"], "deposited": 1_000_000}
        for number, campaign in enumerate(campaigns, 1)
    ])
    return buyers[0], buyers[1], [campaign["id"] for campaign in campaigns], placements


def hours(placement: int, begins: str, ends: str, price: int = 100_000, **more: Any) -> dict[str, Any]:
    return {
        "name": "The harbour's board", "bid_kind": "sponsorship", "bid_micro_usdc": price,
        "starts_at": f"2026-11-{begins}:00:00Z", "ends_at": f"2026-11-{ends}:00:00Z",
        "targeting": {"placements": [placement]}, **more,
    }


async def test_sponsorship__booked__nobody_else_gets_these_hours(bought: Any) -> None:
    one, other, campaigns, (placement, _) = bought
    paths = [f"/v1/campaigns/{campaign}/line-items" for campaign in campaigns]
    first = await created(one, paths[0], hours(placement, "03T10", "03T12"))
    overlapping = await other.post(paths[1], json=hours(placement, "03T11", "03T13"))
    assert refusal(overlapping) == (409, "placement_sponsored")
    await created(other, paths[1], hours(placement, "03T12", "03T13"))
    await one.patch(f"/v1/line-items/{first['id']}", json={"status": "paused"})
    await created(other, paths[1], hours(placement, "03T11", "03T12"))
    again = await one.patch(f"/v1/line-items/{first['id']}", json={"status": "active"})
    assert refusal(again) == (409, "placement_sponsored")
    await one.patch(f"/v1/line-items/{first['id']}", json={"ends_at": "2026-11-03T11:00:00Z", "status": "active"})
    assert (await one.get(f"/v1/line-items/{first['id']}")).json()["status"] == "active"


async def test_sponsorship__two_at_once__one_gets_the_hours(bought: Any) -> None:
    one, other, campaigns, (placement, _) = bought
    answers = await asyncio.gather(*(
        buyer.post(f"/v1/campaigns/{campaign}/line-items", json=hours(placement, "03T10", "03T12"))
        for buyer, campaign in zip((one, other), campaigns, strict=True)
    ))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_sponsorship__campaign_paused_and_resumed__gives_back_and_takes_again(bought: Any) -> None:
    one, other, campaigns, (placement, _) = bought
    await created(one, f"/v1/campaigns/{campaigns[0]}/line-items", hours(placement, "03T10", "03T12"))
    await one.patch(f"/v1/campaigns/{campaigns[0]}", json={"status": "paused"})
    rival = await created(other, f"/v1/campaigns/{campaigns[1]}/line-items", hours(placement, "03T10", "03T11"))
    resumed = await one.patch(f"/v1/campaigns/{campaigns[0]}", json={"status": "active"})
    assert refusal(resumed) == (409, "placement_sponsored")
    await other.patch(f"/v1/line-items/{rival['id']}", json={"status": "paused"})
    assert (await one.patch(f"/v1/campaigns/{campaigns[0]}", json={"status": "active"})).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"bid_micro_usdc": 49_999}, 422, "below_hourly_floor"),
        ({"bid_micro_usdc": 500_001}, 409, "sponsorship_unfunded"),
        ({"bid_micro_usdc": None, "bid_vcpm_micro_usdc": 1_000}, 422, "bid_kind_mismatch"),
        ({"starts_at": "2026-11-03T10:30:00Z"}, 422, "sponsorship_hours"),
        ({"ends_at": "2027-03-03T10:00:00Z"}, 422, "sponsorship_hours"),
        ({"targeting": {}}, 422, "sponsorship_placement"),
        ({"daily_cap_micro_usdc": 10**9}, 422, "sponsorship_exclusive"),
        ({"frequency_cap": {"impressions": 1, "hours": 1}}, 422, "sponsorship_exclusive"),
        ({"recency_minutes": 1}, 422, "sponsorship_exclusive"),
        ({"countries": ["DE"]}, 422, "sponsorship_exclusive"),
        ({"placement": "not by the hour"}, 422, "not_sold_by_the_hour"),
    ],
)
async def test_sponsorship__breaks_a_rule__is_refused(
    bought: Any, changes: dict[str, Any], status: int, code: str
) -> None:
    """L45."""
    one, _, campaigns, (placement, unsold) = bought
    body = hours(placement, "03T10", "03T12")
    if "countries" in changes:
        body["targeting"] |= changes
    elif "placement" in changes:
        body["targeting"] = {"placements": [unsold]}
    else:
        body |= changes
    path = f"/v1/campaigns/{campaigns[0]}/line-items"
    assert refusal(await one.post(path, json=body)) == (status, code)
    assert (await one.get(path)).json()["items"] == []


async def test_sponsorship__all_booked_hours__must_be_paid_from_one_budget(bought: Any) -> None:
    one, _, campaigns, (placement, _) = bought
    path = f"/v1/campaigns/{campaigns[0]}/line-items"
    await created(one, path, hours(placement, "03T10", "03T16"))
    assert refusal(await one.post(path, json=hours(placement, "04T10", "04T15"))) == (409, "sponsorship_unfunded")
    await created(one, path, hours(placement, "04T10", "04T14"))
    body = CAMPAIGN | {"line_items": [hours(placement, "05T10", "05T12")]}
    assert refusal(await one.post("/v1/campaigns", json=body)) == (409, "sponsorship_unfunded")


async def test_sponsorship__has_begun__keeps_price_placement_and_hours(bought: Any, clock: Any) -> None:
    one, _, campaigns, (placement, _) = bought
    item = await created(one, f"/v1/campaigns/{campaigns[0]}/line-items", hours(placement, "02T11", "02T14"))
    path = f"/v1/line-items/{item['id']}"
    assert (await one.patch(path, json={"bid_micro_usdc": 110_000})).status_code == 200
    clock.advance(90 * 60)
    for change in ({"bid_micro_usdc": 60_000}, {"ends_at": "2026-11-02T11:00:01Z"}):
        assert refusal(await one.patch(path, json=change))[1] in ("sponsorship_running", "sponsorship_hours")
    assert (await one.patch(path, json={"ends_at": "2026-11-02T12:00:00Z"})).status_code == 200


# --- forecasts --------------------------------------------------------------------------------------------------


async def test_forecast__nothing_recorded_yet__is_nothing(
    advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    item = await line_item_id(advertiser)
    saved = await advertiser.get(f"/v1/line-items/{item}/forecast")
    assert saved.status_code == 200, saved.text
    assert (saved.json()["recorded_hours"], saved.json()["impressions"]["expected"]) == (0, 0)
    unsaved = await advertiser.post("/v1/forecasts", json={"category": "games", "line_item": FULL})
    assert unsaved.json()["opportunities"] == {"low": 0, "expected": 0, "high": 0}
    assert refusal(await stranger.get(f"/v1/line-items/{item}/forecast")) == (404, "line_item_unknown")
    wrong = LINE_ITEM | {"daily_cap_micro_usdc": 1}
    answer = await advertiser.post("/v1/forecasts", json={"category": "games", "line_item": wrong})
    assert refusal(answer) == (422, "cap_below_bid")
