"""What all routes have in common: examples that fit, names, links, idempotency, ETags (L45)."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from backend.api.codes import CODES
from backend.api.conditional import etag_of, matches
from backend.api.openapi import operations

# POST routes that neither create nor spend, or are safe to repeat by themselves; each says why.
REPEATABLE = {
    "/v1/auth/nonce": "a nonce that is not used ends by itself",
    "/v1/auth/verify": "burns its nonce: the second time is refused",
    "/v1/auth/logout": "a session ends once",
    "/v1/decisions": "a hold ends by itself; a new request is a new opportunity",
    "/v1/events": "each event is counted once by its decision",
    "/v1/admin/exchanges": "a world has one exchange: the second time is refused",
    "/v1/external-bidders": "a line item has one bidder: the second time is refused",
    "/v1/conversions": "a goal stores each order id once, and answers the same",
    "/v1/settlements/{epoch}/{attempt}/attestations": "the same signature is stored once",
    "/v1/worlds/{world}/proof": "looks and remembers what it found",
    "/v1/worlds/{world}/proof/scene": "looks and remembers what it found",
    "/v1/assets": "the same file is the same asset",
    "/v1/deals/{deal}/accept": "the same answer twice is one",
    "/v1/deals/{deal}/decline": "the same answer twice is one",
    "/v1/creatives/{creative}/withdraw": "withdrawn once, the second time is refused",
    "/v1/creatives/{creative}/appeal": "each version has one appeal",
    "/v1/moderation/creatives/{creative}/claim": "the same moderator has it a little longer",
    "/v1/moderation/creatives/{creative}/release": "what is released is released",
    "/v1/moderation/creatives/{creative}/approve": "decided once, the second time is refused",
    "/v1/moderation/creatives/{creative}/reject": "decided once, the second time is refused",
    "/v1/moderation/creatives/{creative}/take-down": "decided once, the second time is refused",
    "/v1/moderation/appeals/{creative}": "decided once, the second time is refused",
    "/v1/publisher/traffic-flags/{flag}/objection": "each flag has one objection",
    "/v1/moderation/traffic-flags/{flag}/decide": "decided once, the second time is refused",
    "/v1/moderation/traffic-allowances": "the same network again is the same allowance",
    "/v1/admin/card-payments/{payment}/release": "released once, the second time is refused",
    "/v1/auth/rotate": "the old token is dead: the second time is refused",
    "/v1/forecasts": "saves nothing",
    "/v1/organisation/invitations": "a second invitation of a wallet replaces the first",
    "/v1/organisation/leave": "who has left is no member",
    "/v1/invitations/{invitation}/accept": "an invitation is taken once",
    "/v1/notices/read": "what is read stays read",
    "/v1/notices/{notice}/read": "what is read stays read",
    "/v1/privacy/erasures": "an erased account has no session left to ask again",
    "/v1/webhooks/{webhook}/rotate": "the newest secret counts, and the one before for a while",
    "/v1/stripe/webhooks": "each event has its effect once, by its id",
}


def bodies(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """The media that a request or a success of the operation may carry."""
    found = list(operation.get("requestBody", {}).get("content", {}).values())
    for answer in operation["responses"].values():
        found += answer.get("content", {}).values()
    return found


def test_openapi__every_example__fits_its_schema(accounts_app: FastAPI) -> None:
    document = accounts_app.openapi()
    registry = Registry().with_resource("urn:api", Resource(contents=document, specification=DRAFT202012))
    seen = 0
    for path, method, operation in operations(document):
        for media in bodies(operation):
            if "schema" not in media:
                continue
            validator = Draft202012Validator(_absolute(media["schema"]), registry=registry)
            examples = [media["example"]] if "example" in media else [
                one["value"] for one in media.get("examples", {}).values()
            ]
            assert examples, f"{method} {path} has no example"
            for example in examples:
                problems = [error.message for error in validator.iter_errors(example)]
                assert not problems, f"{method} {path}: {problems}"
                seen += 1
    assert seen > 60


def test_openapi__problem_of_a_hot_route__is_one_that_it_has(accounts_app: FastAPI) -> None:
    paths = accounts_app.openapi()["paths"]
    told = {
        (path, status): answer["content"]["application/problem+json"]["example"]
        for path in ("/v1/decisions", "/c/{token}", "/openrtb2/bid", "/openrtb2/burl/{token}") if path in paths
        for operation in paths[path].values() for status, answer in operation["responses"].items() if status >= "400"
    }
    assert told["/v1/decisions", "404"]["code"] == "placement_unknown"
    assert told["/v1/decisions", "409"]["title"] == "The placement is paused"
    assert told["/c/{token}", "404"]["code"] == "token_unknown"
    assert all(CODES[example["code"]].status == int(status) for (_, status), example in told.items())


def _absolute(schema: Any) -> Any:
    """References of the document, as seen from outside of it."""
    if isinstance(schema, dict):
        return {key: f"urn:api{value}" if key == "$ref" else _absolute(value) for key, value in schema.items()}
    return [_absolute(item) for item in schema] if isinstance(schema, list) else schema


def test_openapi__operation_ids__are_short_and_unique(accounts_app: FastAPI) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(accounts_app.openapi())]
    assert len(set(ids)) == len(ids)
    assert "campaigns_create" in ids
    assert not [name for name in ids if "_v1_" in name]
    schemas = accounts_app.openapi()["components"]["schemas"]
    assert not [name for name in schemas if "__" in name], "two models have one name: clients would call them by module"


def test_openapi__what_is_created__links_to_the_routes_that_take_its_id(accounts_app: FastAPI) -> None:
    links = accounts_app.openapi()["paths"]["/v1/campaigns"]["post"]["responses"]["201"]["links"]
    assert links["campaigns_read"] == {
        "operationId": "campaigns_read", "parameters": {"campaign": "$response.body#/id"}
    }


def test_openapi__every_post__takes_an_idempotency_key_or_needs_none(accounts_app: FastAPI) -> None:
    without = {
        path for path, method, operation in operations(accounts_app.openapi())
        if method == "post" and path.startswith("/v1/")
        and "Idempotency-Key" not in {parameter["name"] for parameter in operation.get("parameters", ())}
    }
    assert not without - REPEATABLE.keys(), "give them an Idempotency-Key, or say in REPEATABLE why they need none"


# --- ETags ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "weak", "expected"),
    [('"a"', False, True), ('"b", "a"', False, True), ('W/"a"', False, False), ('W/"a"', True, True),
     ("*", False, True), ('"b"', True, False), ("a", False, False), ("", True, False)],
)
def test_matches__lists_of_rfc_9110__are_read(header: str, weak: bool, expected: bool) -> None:
    assert matches(header, '"a"', weak=weak) is expected


async def campaign_of(client: httpx.AsyncClient) -> str:
    answer = await client.post("/v1/campaigns", json={"name": "Autumn", "category": "games"})
    return f"/v1/campaigns/{answer.json()['id']}"


async def test_get__unchanged__answers_304_without_a_body(advertiser: httpx.AsyncClient) -> None:
    path = await campaign_of(advertiser)
    first = await advertiser.get(path)
    assert first.headers["etag"] == etag_of(first.content)
    again = await advertiser.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    await advertiser.patch(path, json={"name": "Winter"})
    assert (await advertiser.get(path, headers={"If-None-Match": first.headers["etag"]})).status_code == 200


async def test_patch__if_match_is_old__is_refused_and_changes_nothing(advertiser: httpx.AsyncClient) -> None:
    path = await campaign_of(advertiser)
    etag = (await advertiser.get(path)).headers["etag"]
    assert (await advertiser.patch(path, json={"name": "Winter"}, headers={"If-Match": etag})).status_code == 200
    late = await advertiser.patch(path, json={"name": "Spring"}, headers={"If-Match": etag})
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
    assert (await advertiser.get(path)).json()["name"] == "Winter"


async def test_patch__two_at_once_with_one_etag__one_is_done(advertiser: httpx.AsyncClient) -> None:
    path = await campaign_of(advertiser)
    etag = (await advertiser.get(path)).headers["etag"]
    names = [f"Name {number}" for number in range(8)]
    answers = await asyncio.gather(
        *(advertiser.patch(path, json={"name": name}, headers={"If-Match": etag}) for name in names)
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


async def test_patch__if_match_on_what_is_anothers__is_refused(
    advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    path = await campaign_of(advertiser)
    etag = (await advertiser.get(path)).headers["etag"]
    answer = await stranger.patch(path, json={"name": "Mine"}, headers={"If-Match": etag})
    assert answer.status_code == 412
    assert (await advertiser.get(path)).json()["name"] == "Autumn"
