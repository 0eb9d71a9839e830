"""What becomes of a session: kept as a hash, renewed, listed, ended, forgotten in time (L48)."""

import asyncio
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
REFUSED = (401, "not_signed_in")


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def opened(client: httpx.AsyncClient, person: Any, **headers: str) -> httpx.Response:
    """Sign in; the client keeps the cookie."""
    message = person.message((await client.post("/v1/auth/nonce")).json()["nonce"])
    body = {"message": message, "signature": person.sign(message)}
    answer = await client.post("/v1/auth/verify", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


async def me(client: httpx.AsyncClient, token: str) -> int:
    client.cookies.clear()
    return (await client.get("/v1/auth/me", headers=bearer(token))).status_code


# --- kept ---------------------------------------------------------------------------------------------------------


async def test_token__anywhere_in_the_stores__is_a_hash(
    browse: httpx.AsyncClient, redis_client: Redis, engine: Engine, wallet: Any
) -> None:
    """L48."""
    token = (await opened(browse, wallet("advertiser"))).json()["token"]
    kept = b"".join(key + (redis_client.get(key) or b"") for key in redis_client.keys("*"))
    with engine.begin() as connection:
        for table in ("session", "audit_entry", "notice", "key_wallet"):
            kept += repr(connection.execute(text(f"select * from {table}")).all()).encode()
        (digest,) = connection.execute(text("select digest from session")).scalars()
    assert token.encode() not in kept
    assert (await browse.get("/v1/auth/me", headers=bearer(digest))).status_code == 401


async def test_session__from_where__is_kept_truncated(accounts_app: FastAPI, wallet: Any) -> None:
    transport = httpx.ASGITransport(accounts_app, client=("203.0.113.77", 5_000))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        browser = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
        await opened(client, wallet("advertiser"), **{"User-Agent": browser})
        (found,) = (await client.get("/v1/auth/sessions")).json()["items"]
    assert found | {"id": 0} == {
        "id": 0, "created_at": "2026-11-02T10:00:00Z", "last_used_at": "2026-11-02T10:00:00Z",
        "expires_at": "2026-11-03T10:00:00Z", "ip_prefix": "203.0.113.0/24", "agent": "Firefox", "current": True,
    }


async def test_session__not_used_for_eight_hours__is_over(advertiser: httpx.AsyncClient, clock: Any) -> None:
    clock.now += timedelta(hours=7, minutes=59)
    assert (await advertiser.get("/v1/auth/me")).status_code == 200
    clock.now += timedelta(hours=7, minutes=59)
    assert (await advertiser.get("/v1/auth/me")).status_code == 200
    clock.now += timedelta(hours=8)
    assert refusal(await advertiser.get("/v1/auth/me")) == REFUSED


async def test_session__used_all_day__is_over_after_a_day(advertiser: httpx.AsyncClient, clock: Any) -> None:
    for _ in range(3):
        clock.now += timedelta(hours=7)
        assert (await advertiser.get("/v1/auth/me")).status_code == 200
    clock.now += timedelta(hours=3)
    assert refusal(await advertiser.get("/v1/auth/me")) == REFUSED


async def test_session__last_use__is_written_once_a_minute(
    advertiser: httpx.AsyncClient, clock: Any, engine: Engine
) -> None:
    async def last_used() -> Any:
        await advertiser.get("/v1/campaigns")
        with engine.begin() as connection:
            return connection.execute(text("select last_used_at from session")).scalar()

    start = clock.now
    assert await last_used() == start
    clock.advance(59)
    assert await last_used() == start
    clock.advance(1)
    assert await last_used() == start + timedelta(seconds=60)


async def test_sign_in__twenty_times__the_oldest_sessions_give_way(
    accounts_app: FastAPI, sign_in: SignIn, clock: Any
) -> None:
    first = await sign_in(accounts_app, "advertiser")
    for _ in range(20):
        clock.advance(1)
        last = await sign_in(accounts_app, "advertiser")
    assert refusal(await first.get("/v1/auth/me")) == REFUSED
    assert len((await last.get("/v1/auth/sessions")).json()["items"]) == 20


async def test_session__redis_is_down__is_still_known(
    advertiser: httpx.AsyncClient, keep_app: Callable[..., FastAPI]
) -> None:
    """L44: what needs no counters goes on; only signing in waits."""
    app = keep_app(redis_url="redis://127.0.0.1:9/0")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=ORIGIN, headers=advertiser.headers
    ) as client:
        assert (await client.get("/v1/campaigns")).status_code == 200
        assert (await client.post("/v1/auth/rotate")).status_code == 200
        assert refusal(await client.get("/v1/auth/nonce")) == (503, "redis_unavailable")


# --- cookies ------------------------------------------------------------------------------------------------------


async def test_cookie__on_https__is_for_this_host_alone(
    engine: Engine, redis_client: Redis, clock: Any, make_app: Callable[..., FastAPI], wallet: Any,
    accounts_app: FastAPI,
) -> None:
    """`__Host-` makes browsers insist on Secure and Path=/ and refuse a Domain, so no neighbour can plant one."""
    app = make_app(engine, redis_client, clock, public_url="https://ads.example")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://ads.example") as client:
        person = wallet("advertiser")
        message = person.message(
            (await client.post("/v1/auth/nonce")).json()["nonce"], domain="ads.example", URI="https://ads.example/in"
        )
        answer = await client.post("/v1/auth/verify", json={"message": message, "signature": person.sign(message)})
        token, cookie = answer.json()["token"], answer.headers["set-cookie"]
        assert cookie == f"__Host-sightline={token}; HttpOnly; Max-Age=86400; Path=/; SameSite=lax; Secure"
        assert (await client.get("/v1/auth/me")).status_code == 200
        client.cookies.clear()
        planted = await client.get("/v1/auth/me", headers={"Cookie": f"sightline={token}"})
        assert refusal(planted) == REFUSED
        away = await client.post("/v1/auth/logout", headers=bearer(token))
        assert away.headers["set-cookie"].startswith('__Host-sightline=""; ')
        assert away.headers["set-cookie"].endswith("Path=/; SameSite=lax; Secure")


async def test_sign_in__with_a_session_in_the_browser__ends_that_one(browse: httpx.AsyncClient, wallet: Any) -> None:
    """L48: so a session that somebody planted or shared does not live on beside the new one."""
    before = (await opened(browse, wallet("advertiser"))).json()["token"]
    after = (await opened(browse, wallet("advertiser"), Origin=ORIGIN)).json()["token"]
    assert before != after
    assert (await me(browse, before), await me(browse, after)) == (401, 200)


# --- renewed ------------------------------------------------------------------------------------------------------


async def test_rotate__old_token__is_dead_at_once(browse: httpx.AsyncClient, wallet: Any, clock: Any) -> None:
    """L48."""
    old = (await opened(browse, wallet("advertiser"))).json()
    clock.advance(3_600)
    answer = await browse.post("/v1/auth/rotate", headers={"Origin": ORIGIN})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert f"sightline={answer.json()['token']}; HttpOnly; Max-Age=82800;" in answer.headers["set-cookie"]
    assert answer.json()["expires_at"] == old["expires_at"]
    assert len((await browse.get("/v1/auth/sessions")).json()["items"]) == 1
    assert (await me(browse, old["token"]), await me(browse, answer.json()["token"])) == (401, 200)


async def test_rotate__many_times_at_once__one_wins(browse: httpx.AsyncClient, wallet: Any) -> None:
    token = (await opened(browse, wallet("advertiser"))).json()["token"]
    browse.cookies.clear()
    answers = await asyncio.gather(*(browse.post("/v1/auth/rotate", headers=bearer(token)) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 5


@pytest.mark.parametrize("path", ["/v1/auth/rotate", "/v1/auth/logout"])
async def test_session_routes__cookie_of_another_site__is_refused(
    browse: httpx.AsyncClient, wallet: Any, path: str
) -> None:
    await opened(browse, wallet("advertiser"))
    answer = await browse.post(path, headers={"Sec-Fetch-Site": "cross-site"})
    assert refusal(answer) == (403, "cross_site")
    assert (await browse.get("/v1/auth/me")).status_code == 200


# --- listed and ended ---------------------------------------------------------------------------------------------


async def test_sessions__of_several_devices__are_listed_the_last_used_first(
    accounts_app: FastAPI, sign_in: SignIn, clock: Any, stranger: httpx.AsyncClient
) -> None:
    laptop = await sign_in(accounts_app, "advertiser")
    clock.advance(120)
    phone = await sign_in(accounts_app, "advertiser")
    clock.advance(120)
    seen = (await laptop.get("/v1/auth/sessions")).json()["items"]
    assert [item["current"] for item in seen] == [True, False]
    assert [item["last_used_at"] for item in seen] == ["2026-11-02T10:04:00Z", "2026-11-02T10:02:00Z"]
    assert [item["current"] for item in (await phone.get("/v1/auth/sessions")).json()["items"]] == [True, False]
    assert len((await stranger.get("/v1/auth/sessions")).json()["items"]) == 1


async def test_end_session__of_ones_own__is_over_at_once(accounts_app: FastAPI, sign_in: SignIn) -> None:
    """L48."""
    laptop, phone = [await sign_in(accounts_app, "advertiser") for _ in range(2)]
    lost = next(item["id"] for item in (await laptop.get("/v1/auth/sessions")).json()["items"] if not item["current"])
    assert (await laptop.delete(f"/v1/auth/sessions/{lost}")).status_code == 204
    assert refusal(await phone.get("/v1/auth/me")) == REFUSED
    assert refusal(await laptop.delete(f"/v1/auth/sessions/{lost}")) == (404, "session_unknown")
    assert (await laptop.get("/v1/auth/me")).status_code == 200


async def test_end_session__of_somebody_else__does_not_exist(
    advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    """L49."""
    (theirs,) = (await advertiser.get("/v1/auth/sessions")).json()["items"]
    assert refusal(await stranger.delete(f"/v1/auth/sessions/{theirs['id']}")) == (404, "session_unknown")
    assert (await advertiser.get("/v1/auth/me")).status_code == 200


async def test_end_all_others__this_one__stays(
    accounts_app: FastAPI, sign_in: SignIn, stranger: httpx.AsyncClient
) -> None:
    """L48."""
    laptop, phone, tablet = [await sign_in(accounts_app, "advertiser") for _ in range(3)]
    assert (await laptop.delete("/v1/auth/sessions")).json() == {"ended": 2}
    answers = [(await client.get("/v1/auth/me")).status_code for client in (laptop, phone, tablet, stranger)]
    assert answers == [200, 401, 401, 200]


async def test_session__everything_that_changes_it__is_in_the_audit_log(
    accounts_app: FastAPI, sign_in: SignIn, engine: Engine, wallet: Any
) -> None:
    client = await sign_in(accounts_app, "advertiser")
    token = (await client.post("/v1/auth/rotate")).json()["token"]
    client.headers.update(bearer(token))
    await client.delete("/v1/auth/sessions")
    await client.post("/v1/auth/logout")
    with engine.begin() as connection:
        rows = connection.execute(text("select actor, account, action from audit_entry order by id")).all()
    me = wallet("advertiser").address
    actions = ["session.open", "session.rotate", "session.end_others", "session.end"]
    assert [tuple(row) for row in rows] == [(me, me, action) for action in actions]
