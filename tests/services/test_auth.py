"""Signing in with Ethereum over HTTP, on real stores: the one right way, and every wrong turn (L45, L46, L50).

Contract wallets are in test_auth_wallets.py, what becomes of a session in test_auth_sessions.py.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis import Redis

from backend.auth.permissions import Role, permitted
from backend.auth.signature import SECP256K1_ORDER

ORIGIN = "http://127.0.0.1:8000"
COOKIE = "sightline"


async def nonce_of(client: httpx.AsyncClient) -> str:
    answer = await client.post("/v1/auth/nonce")
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["nonce"])


async def verify(client: httpx.AsyncClient, message: str, signature: str, **headers: str) -> httpx.Response:
    return await client.post("/v1/auth/verify", json={"message": message, "signature": signature}, headers=headers)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert COOKIE not in answer.cookies
    return answer.status_code, answer.json()["code"]


async def test_verify__right_message__opens_a_session(browse: httpx.AsyncClient, wallet: Any) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(browse))
    answer = await verify(browse, message, person.sign(message))
    assert answer.status_code == 200
    assert answer.json()["wallet"] == person.address
    assert answer.json()["expires_at"] == "2026-11-03T10:00:00Z"
    bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
    browse.cookies.clear()
    me = await browse.get("/v1/auth/me", headers=bearer)
    assert me.json() | {"permissions": []} == {
        "wallet": person.address, "chain_id": 31_337, "expires_at": "2026-11-03T10:00:00Z", "account": person.address,
        "permissions": [],
    }
    assert me.json()["permissions"] == sorted(permitted({Role.ADVERTISER_OWNER, Role.PUBLISHER_OWNER}))


async def test_verify__right_message__sets_a_cookie_that_scripts_cannot_read(
    browse: httpx.AsyncClient, wallet: Any
) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(browse))
    answer = await verify(browse, message, person.sign(message))
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}={answer.json()['token']};")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert (await browse.get("/v1/auth/me")).json()["wallet"] == person.address


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"domain": "evil.example"}, "siwe_wrong_domain"),
        ({"domain": "127.0.0.1"}, "siwe_wrong_domain"),
        ({"domain": "https://127.0.0.1:8000"}, "siwe_wrong_domain"),
        ({"URI": "https://evil.example"}, "siwe_wrong_uri"),
        ({"URI": "http://127.0.0.1:8000@evil.example/"}, "siwe_wrong_uri"),
        ({"URI": "http://127.0.0.1:80001/"}, "siwe_message_malformed"),
        ({"Chain_ID": "1"}, "siwe_wrong_chain"),
        ({"Version": "2"}, "siwe_message_malformed"),
        ({"Issued_At": "2026-11-02T10:01:01Z"}, "siwe_from_the_future"),
        ({"Issued_At": "2026-11-02T09:54:59Z"}, "siwe_too_old"),
        ({"Issued_At": "2026-11-02T10:00:00"}, "siwe_message_malformed"),
        ({"Issued_At": "2026-13-02T10:00:00Z"}, "siwe_message_malformed"),
        ({"Issued_At": "0001-01-01T00:00:00+23:59"}, "siwe_too_old"),
        ({"Issued_At": "9999-12-31T23:59:59-23:59"}, "siwe_from_the_future"),
        ({"Issued_At": "99999-01-01T00:00:00Z"}, "siwe_message_malformed"),
        ({"Issued_At": "2026-11-02T23:59:60Z"}, "siwe_message_malformed"),
        ({"URI": f"{ORIGIN}\nVersion: 1\nChain ID: 31337"}, "siwe_message_malformed"),
        ({"Resources": "\n- https://a.example\n- \n"}, "siwe_message_malformed"),
        ({"Expiration_Time": None}, "siwe_no_expiration"),
        ({"Expiration_Time": "2026-11-02T10:00:00Z"}, "siwe_expired"),
        ({"Not_Before": "2026-11-02T10:00:01Z"}, "siwe_not_yet_valid"),
        ({"Nonce": "neverissued1"}, "siwe_nonce_unknown"),
        ({"Nonce": "short"}, "siwe_message_malformed"),
    ],
)
async def test_verify__signed_but_wrong_message__is_refused(
    browse: httpx.AsyncClient, wallet: Any, changes: dict[str, str | None], code: str
) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(browse), **changes)
    answer = await verify(browse, message, person.sign(message))
    assert refusal(answer) == (400 if code.endswith("malformed") else 401, code)
    assert (await browse.get("/v1/auth/me")).status_code == 401


@pytest.mark.parametrize("seconds", [-59, 299])
async def test_verify__issued_within_the_skew__is_taken(
    browse: httpx.AsyncClient, wallet: Any, clock: Any, seconds: int
) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(browse), Expiration_Time="2026-11-02T11:00:00Z")
    clock.advance(seconds)
    assert (await verify(browse, message, person.sign(message))).status_code == 200


@pytest.mark.parametrize("text", ["", "hello", "\x00", "é" * 50, "x" * 2_048, "a\n" * 1_000])
async def test_verify__not_a_sign_in_message__is_refused(browse: httpx.AsyncClient, text: str) -> None:
    status, code = refusal(await verify(browse, text, "0x" + "11" * 64 + "1b"))
    assert (status, code) in {(400, "siwe_message_malformed"), (422, "invalid_request")}


async def test_verify__statement_in_another_alphabet__is_refused(browse: httpx.AsyncClient, wallet: Any) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(browse)).replace("Sign in.", "Connéxion.")
    assert refusal(await verify(browse, message, person.sign(message))) == (400, "siwe_message_malformed")


async def test_verify__address_without_checksum__is_refused(browse: httpx.AsyncClient, wallet: Any) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(browse)).replace(person.account.address, person.address)
    assert refusal(await verify(browse, message, person.sign(message))) == (400, "siwe_message_malformed")


def with_high_s(signature: str) -> str:
    s = SECP256K1_ORDER - int(signature[66:130], 16)
    return signature[:66] + f"{s:064x}" + ("1b" if signature[130:] == "1c" else "1c")


@pytest.fixture
async def on_chain(
    keep_app: Callable[..., FastAPI], rpc_url: str, accounts_app: FastAPI
) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has not signed in, before an API that can ask a chain. `accounts_app` clears the tables."""
    app = keep_app(rpc_url=rpc_url)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        yield client


@pytest.mark.parametrize(
    "spoil",
    [
        lambda signature: signature.removeprefix("0x"),
        lambda signature: signature[:-1],
        lambda signature: "0x",
        lambda signature: "0x" + "zz" * 65,
        lambda signature: signature + "\n",
        lambda signature: "0x" + "ab" * 200 + "6492" * 16,    # what EIP-6492 wraps is missing
    ],
)
async def test_verify__signature_of_wrong_shape__is_refused(
    browse: httpx.AsyncClient, wallet: Any, spoil: Callable[[str], str]
) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(browse))
    answer = await verify(browse, message, spoil(person.sign(message)))
    assert refusal(answer) == (400, "siwe_signature_malformed")


@pytest.mark.parametrize("spoil", [
    lambda signature: signature[:-2] + ("1b" if signature[-2:] == "1c" else "1c"),   # recovers to somebody else
    lambda signature: "0x" + f"{5:064x}" + signature[66:],                            # r on no point of the curve
    lambda signature: signature[:-2],
    lambda signature: signature + "00",
    lambda signature: "0x" + "00" * 65,
    lambda signature: "0x" + "ff" * 65,
    lambda signature: signature[:-2] + "1d",
    lambda signature: "0x" + "00" * 32 + signature[66:],
    with_high_s,
])
async def test_verify__signature_of_nobody__is_refused(
    on_chain: httpx.AsyncClient, wallet: Any, spoil: Callable[[str], str]
) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(on_chain))
    assert refusal(await verify(on_chain, message, spoil(person.sign(message)))) == (401, "siwe_signature_invalid")


async def test_verify__signed_by_somebody_else__is_refused_and_burns_the_nonce(
    on_chain: httpx.AsyncClient, wallet: Any
) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(on_chain))
    signature = wallet("stranger").sign(message)
    assert refusal(await verify(on_chain, message, signature)) == (401, "siwe_signature_invalid")
    assert refusal(await verify(on_chain, message, person.sign(message))) == (401, "siwe_nonce_unknown")


async def test_verify__same_message_again__is_refused(browse: httpx.AsyncClient, wallet: Any) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(browse))
    assert (await verify(browse, message, person.sign(message))).status_code == 200
    browse.cookies.clear()
    assert refusal(await verify(browse, message, person.sign(message))) == (401, "siwe_nonce_unknown")


async def test_verify__same_message_many_times_at_once__opens_one_session(
    browse: httpx.AsyncClient, wallet: Any
) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(browse))
    signature = person.sign(message)
    answers = await asyncio.gather(*(verify(browse, message, signature) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


async def test_nonce__five_minutes_later__is_gone(browse: httpx.AsyncClient, redis_client: Redis) -> None:
    nonce = await nonce_of(browse)
    assert 290 < redis_client.ttl(f"sl:siwe:nonce:{nonce}") <= 300


async def test_me__session_expired__is_refused(advertiser: httpx.AsyncClient, clock: Any) -> None:
    clock.now += timedelta(hours=24)
    assert refusal(await advertiser.get("/v1/auth/me")) == (401, "not_signed_in")


@pytest.mark.parametrize("header", ["Bearer nothing", "Bearer " + "x" * 5_000, "Basic dXNlcjpwYXNz", "Bearer é"])
async def test_me__token_of_nobody__is_refused(browse: httpx.AsyncClient, header: str) -> None:
    answer = await browse.get("/v1/auth/me", headers={"Authorization": header.encode()})
    assert refusal(answer) == (401, "not_signed_in")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_logout__bearer__ends_the_session(advertiser: httpx.AsyncClient) -> None:
    assert (await advertiser.post("/v1/auth/logout")).status_code == 204
    assert refusal(await advertiser.get("/v1/auth/me")) == (401, "not_signed_in")
    assert refusal(await advertiser.post("/v1/campaigns", json={"name": "x", "category": "art"}))[0] == 401


async def signed_in_by_cookie(browse: httpx.AsyncClient, wallet: Any) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(browse))
    assert (await verify(browse, message, person.sign(message))).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8001"},
    ],
)
async def test_change_by_cookie__from_another_origin__is_refused(
    browse: httpx.AsyncClient, wallet: Any, headers: dict[str, str]
) -> None:
    await signed_in_by_cookie(browse, wallet)
    body = {"name": "x", "category": "art"}
    assert refusal(await browse.post("/v1/campaigns", json=body, headers=headers)) == (403, "cross_site")
    assert refusal(await browse.post("/v1/auth/logout", headers=headers)) == (403, "cross_site")
    assert (await browse.get("/v1/campaigns")).json()["items"] == []


@pytest.mark.parametrize("headers", [{"Origin": ORIGIN}, {"Sec-Fetch-Site": "same-origin"}])
async def test_change_by_cookie__from_our_own_page__is_taken(
    browse: httpx.AsyncClient, wallet: Any, headers: dict[str, str]
) -> None:
    await signed_in_by_cookie(browse, wallet)
    answer = await browse.post("/v1/campaigns", json={"name": "x", "category": "art"}, headers=headers)
    assert answer.status_code == 201
    assert (await browse.post("/v1/auth/logout", headers=headers)).status_code == 204
    assert COOKIE not in browse.cookies


async def test_verify__from_a_page_of_another_origin__is_refused(browse: httpx.AsyncClient, wallet: Any) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(browse))
    answer = await verify(browse, message, person.sign(message), Origin="https://evil.example")
    assert refusal(answer) == (403, "cross_site")


async def test_bearer__from_another_origin__is_taken(advertiser: httpx.AsyncClient) -> None:
    answer = await advertiser.post(
        "/v1/campaigns", json={"name": "x", "category": "art"}, headers={"Origin": "https://tools.example"}
    )
    assert answer.status_code == 201


async def test_session_time__of_answer__has_a_zone(advertiser: httpx.AsyncClient) -> None:
    assert datetime.fromisoformat((await advertiser.get("/v1/auth/me")).json()["expires_at"]).tzinfo is not None
