"""API keys: shown once, kept as a hash, never more than their maker, dead when revoked (L48, L49)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import Engine, text

ORIGIN = "http://127.0.0.1:8000"
SignIn = Callable[..., Awaitable[httpx.AsyncClient]]
CAMPAIGN = {"name": "Autumn launch", "category": "games"}
REFUSED, DENIED = (401, "not_signed_in"), (403, "not_permitted")


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def made(client: httpx.AsyncClient, *scopes: str, **more: object) -> dict[str, Any]:
    answer = await client.post("/v1/api-keys", json={"name": "Nightly", "scopes": list(scopes), **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def program(app: FastAPI, key: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN, headers=headers)


async def test_key__made__works_within_its_scopes(
    accounts_app: FastAPI, advertiser: httpx.AsyncClient, wallet: Any
) -> None:
    key = await made(advertiser, "campaigns.read", "campaigns.write")
    assert key["key"].startswith(f"sl_{key['prefix']}_")
    robot = program(accounts_app, key["key"])
    created = await robot.post("/v1/campaigns", json=CAMPAIGN)
    assert created.json()["owner"] == wallet("advertiser").address
    assert (await advertiser.get("/v1/campaigns")).json()["items"] == [created.json()]
    assert refusal(await robot.get("/v1/worlds")) == DENIED


async def test_key__from_another_origin__is_taken(accounts_app: FastAPI, advertiser: httpx.AsyncClient) -> None:
    robot = program(accounts_app, (await made(advertiser, "campaigns.write"))["key"])
    headers = {"Origin": "https://tools.example", "Sec-Fetch-Site": "cross-site"}
    assert (await robot.post("/v1/campaigns", json=CAMPAIGN, headers=headers)).status_code == 201


async def test_key__anywhere_in_the_stores__is_a_hash(
    advertiser: httpx.AsyncClient, engine: Engine, redis_client: Redis
) -> None:
    """L48: also where answers are kept for repeated requests."""
    body = {"name": "Nightly", "scopes": ["reports.read"]}
    answer = await advertiser.post("/v1/api-keys", json=body, headers={"Idempotency-Key": "once"})
    secret = answer.json()["key"].rpartition("_")[2]
    kept = b"".join(key + (redis_client.get(key) or b"") for key in redis_client.keys("*"))
    with engine.begin() as connection:
        for table in ("api_key", "idempotency_key", "audit_entry", "notice"):
            rows = connection.execute(text(f"select * from {table}")).all()
            assert rows
            kept += repr(rows).encode()
    assert secret.encode() not in kept


async def test_key__request_repeated__is_the_same_key_without_its_text(
    advertiser: httpx.AsyncClient, engine: Engine
) -> None:
    body, headers = {"name": "Nightly", "scopes": ["reports.read"]}, {"Idempotency-Key": "once"}
    first = (await advertiser.post("/v1/api-keys", json=body, headers=headers)).json()
    again = (await advertiser.post("/v1/api-keys", json=body, headers=headers)).json()
    assert again == first | {"key": None}
    with engine.begin() as connection:
        assert connection.execute(text("select count(*) from api_key")).scalar() == 1


async def test_keys__listed__show_everything_but_the_secret(
    accounts_app: FastAPI, advertiser: httpx.AsyncClient, wallet: Any, clock: Any
) -> None:
    key = await made(advertiser, "reports.read", "campaigns.read", "reports.read", expires_at="2027-01-01T00:00:00Z")
    clock.advance(90)
    assert (await program(accounts_app, key["key"]).get("/v1/campaigns")).status_code == 200
    listed = (await advertiser.get("/v1/api-keys")).json()
    assert listed == {"items": [{
        "id": key["id"], "name": "Nightly", "prefix": key["prefix"], "scopes": ["campaigns.read", "reports.read"],
        "created_by": wallet("advertiser").address, "created_at": "2026-11-02T10:00:00Z",
        "expires_at": "2027-01-01T00:00:00Z", "last_used_at": "2026-11-02T10:01:30Z", "revoked_at": None,
    }], "next_after": None}


async def test_key__revoked__is_dead_at_once_and_for_good(
    accounts_app: FastAPI, advertiser: httpx.AsyncClient
) -> None:
    """L48."""
    key = await made(advertiser, "campaigns.read")
    robot = program(accounts_app, key["key"])
    assert (await robot.get("/v1/campaigns")).status_code == 200
    revoked = await advertiser.delete(f"/v1/api-keys/{key['id']}")
    assert revoked.json()["revoked_at"] == "2026-11-02T10:00:00Z"
    assert refusal(await robot.get("/v1/campaigns")) == REFUSED
    assert (await advertiser.delete(f"/v1/api-keys/{key['id']}")).json() == revoked.json()


async def test_key__expired__is_dead(accounts_app: FastAPI, advertiser: httpx.AsyncClient, clock: Any) -> None:
    key = await made(advertiser, "campaigns.read", expires_at="2026-11-02T11:00:00Z")
    robot = program(accounts_app, key["key"])
    clock.now += timedelta(minutes=59, seconds=59)
    assert (await robot.get("/v1/campaigns")).status_code == 200
    clock.advance(1)
    assert refusal(await robot.get("/v1/campaigns")) == REFUSED


@pytest.mark.parametrize("spoil", [
    lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"), lambda key: key.upper(), lambda key: key[:-1],
    lambda key: key + "0", lambda key: key.rpartition("_")[0] + "_" + "0" * 64, lambda key: "sl_" + key[3:].swapcase(),
])
async def test_key__spoilt__is_nobody(
    accounts_app: FastAPI, advertiser: httpx.AsyncClient, spoil: Callable[[str], str]
) -> None:
    key = (await made(advertiser, "campaigns.read"))["key"]
    spoilt = spoil(key)
    if spoilt != key:
        assert refusal(await program(accounts_app, spoilt).get("/v1/campaigns")) == REFUSED


async def test_key__in_the_cookie__is_no_session(accounts_app: FastAPI, advertiser: httpx.AsyncClient) -> None:
    """A cookie travels by itself; whoever puts a key there gets what the key may do, and the checks of cookies."""
    key = (await made(advertiser, "campaigns.write"))["key"]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(accounts_app), base_url=ORIGIN, cookies={"sightline": key}
    ) as client:
        headers = {"Origin": "https://evil.example"}
        assert refusal(await client.post("/v1/campaigns", json=CAMPAIGN, headers=headers)) == (403, "cross_site")


@pytest.mark.parametrize("scope", [
    "account.read", "account.write", "sessions.write", "organisation.write", "keys.read", "keys.write",
    "privacy.read", "privacy.write", "moderation.write", "admin.read", "admin.write",
])
async def test_key__scope_that_no_key_may_have__is_refused(
    advertiser: httpx.AsyncClient, engine: Engine, scope: str
) -> None:
    """L48: a key makes no keys, members or sessions that would outlive it, and is never the operator's."""
    answer = await advertiser.post("/v1/api-keys", json={"name": "x", "scopes": ["reports.read", scope]})
    assert refusal(answer) == (403, "scope_not_allowed")
    with engine.begin() as connection:
        assert connection.execute(text("select count(*) from api_key")).scalar() == 0


@pytest.mark.parametrize(("changes", "code"), [
    ({"scopes": []}, "invalid_request"), ({"scopes": ["money.print"]}, "invalid_request"),
    ({"name": ""}, "invalid_request"), ({"expires_at": "2026-11-02T10:00:00Z"}, "key_expiry_out_of_range"),
    ({"expires_at": "2099-01-01T00:00:00Z"}, "key_expiry_out_of_range"), ({"expires_at": "soon"}, "invalid_request"),
    ({"account": "0x" + "11" * 20}, "invalid_request"),
])
async def test_key__body_that_breaks_a_rule__is_refused(
    advertiser: httpx.AsyncClient, changes: dict[str, object], code: str
) -> None:
    body = {"name": "Nightly", "scopes": ["reports.read"]} | changes
    assert refusal(await advertiser.post("/v1/api-keys", json=body)) == (422, code)


async def test_key__too_many__must_be_revoked_first(advertiser: httpx.AsyncClient) -> None:
    keys = [await made(advertiser, "reports.read") for _ in range(50)]
    body = {"name": "One more", "scopes": ["reports.read"]}
    assert refusal(await advertiser.post("/v1/api-keys", json=body)) == (409, "too_many_keys")
    await advertiser.delete(f"/v1/api-keys/{keys[0]['id']}")
    assert (await advertiser.post("/v1/api-keys", json=body)).status_code == 201


async def test_key__acting_for_another_account__is_refused(
    accounts_app: FastAPI, advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient, wallet: Any
) -> None:
    robot = program(accounts_app, (await made(advertiser, "campaigns.read"))["key"])
    own, other = ({"Sightline-Account": wallet(role).address} for role in ("advertiser", "stranger"))
    assert (await robot.get("/v1/campaigns", headers=own)).status_code == 200
    assert refusal(await robot.get("/v1/campaigns", headers=other)) == (403, "not_a_member")


# --- its maker ----------------------------------------------------------------------------------------------------


async def joined(
    app: FastAPI, sign_in: SignIn, owner: httpx.AsyncClient, role: str, wallet: Any
) -> httpx.AsyncClient:
    """A member of the owner's organisation, acting for it."""
    organisation = await owner.put("/v1/organisation", json={"name": "Harbour", "sides": ["advertiser"]})
    member = await sign_in(app, role)
    body = {"wallet": wallet(role).address, "role": role}
    invitation = (await owner.post("/v1/organisation/invitations", json=body)).json()
    assert (await member.post(f"/v1/invitations/{invitation['id']}/accept")).status_code == 200
    member.headers["Sightline-Account"] = organisation.json()["account"]
    return member


async def test_key__of_a_manager__acts_for_the_organisation_and_the_log_names_the_key(
    accounts_app: FastAPI, sign_in: SignIn, advertiser: httpx.AsyncClient, wallet: Any, engine: Engine
) -> None:
    manager = await joined(accounts_app, sign_in, advertiser, "manager", wallet)
    key = await made(manager, "campaigns.write", "webhooks.write")
    created = await program(accounts_app, key["key"]).post("/v1/campaigns", json=CAMPAIGN)
    assert created.json()["owner"] == wallet("advertiser").address
    with engine.begin() as connection:
        who = connection.execute(
            text("select actor, account from audit_entry where action = 'campaign.create'")
        ).all()
    assert [tuple(row) for row in who] == [(f"key:{key['prefix']}", wallet("advertiser").address)]


async def test_key__its_maker_becomes_a_reporter__may_do_less_at_once(
    accounts_app: FastAPI, sign_in: SignIn, advertiser: httpx.AsyncClient, wallet: Any
) -> None:
    """L48: a key is never more than its maker."""
    manager = await joined(accounts_app, sign_in, advertiser, "manager", wallet)
    robot = program(accounts_app, (await made(manager, "campaigns.read", "campaigns.write"))["key"])
    path = f"/v1/organisation/members/{wallet('manager').address}"
    assert (await advertiser.patch(path, json={"role": "reporter"})).status_code == 200
    assert refusal(await robot.post("/v1/campaigns", json=CAMPAIGN)) == DENIED
    assert (await robot.get("/v1/campaigns")).status_code == 200
    assert refusal(await manager.post("/v1/api-keys", json={"name": "x", "scopes": ["campaigns.read"]})) == DENIED


@pytest.mark.parametrize("way", ["removed", "left"])
async def test_key__its_maker_is_no_member_any_more__dies(
    accounts_app: FastAPI, sign_in: SignIn, advertiser: httpx.AsyncClient, wallet: Any, way: str
) -> None:
    """L48: and stays dead when the maker comes back."""
    manager = await joined(accounts_app, sign_in, advertiser, "manager", wallet)
    robot = program(accounts_app, (await made(manager, "campaigns.read"))["key"])
    if way == "left":
        assert (await manager.post("/v1/organisation/leave")).status_code == 204
    else:
        path = f"/v1/organisation/members/{wallet('manager').address}"
        assert (await advertiser.delete(path)).status_code == 204
    assert refusal(await robot.get("/v1/campaigns")) == REFUSED
    await joined(accounts_app, sign_in, advertiser, "manager", wallet)
    assert refusal(await robot.get("/v1/campaigns")) == REFUSED


async def test_key__of_another_account__does_not_exist(
    advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient, accounts_app: FastAPI
) -> None:
    """L49."""
    key = await made(advertiser, "campaigns.read")
    assert refusal(await stranger.delete(f"/v1/api-keys/{key['id']}")) == (404, "key_unknown")
    assert (await stranger.get("/v1/api-keys")).json()["items"] == []
    assert (await program(accounts_app, key["key"]).get("/v1/campaigns")).status_code == 200
