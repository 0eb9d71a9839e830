"""What may come in and what goes out: rates, slow bodies, long headers, and the headers of every surface (L45, L70)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import redis.asyncio
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from backend.api import limits, problems
from backend.api.codes import CODES
from backend.api.rates import RateLimits
from backend.api.surfaces import PREFLIGHT, TABLE, Surface
from backend.core.client_ip import networks
from backend.operation.rates import table
from backend.operation.rates.service import RateService
from backend.operation.rates.store import SharedCounters
from backend.operation.rates.table import Quota, RouteClass, class_of

ORIGIN = "http://127.0.0.1:8000"
SMALL = {
    RouteClass.SIGN_IN: Quota(network=3, closed=True), RouteClass.WRITE: Quota(network=8, caller=2),
    RouteClass.READ: Quota(network=30, caller=4), RouteClass.UPLOAD: Quota(network=2, caller=1),
    RouteClass.ADS: Quota(network=5, settled=True), RouteClass.HOOK: Quota(network=4),
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotas that a test can use up."""
    for kind, quota in SMALL.items():
        monkeypatch.setitem(table.TABLE, kind, quota)  # type: ignore[arg-type]  # a dict behind the Mapping


def app_on(client: redis.asyncio.Redis, clock: Callable[[], float], **protection: Any) -> FastAPI:
    """One worker: a route of every class, behind the layers as in production."""
    app = FastAPI()
    problems.install(app)

    async def echo(request: Request) -> dict[str, object]:
        return {"bytes": len(await request.body()), "client": request.client.host if request.client else None}

    for path in ("/v1/auth/nonce", "/v1/campaigns", "/v1/assets", "/v1/decisions", "/v1/stripe/webhooks", "/c/token",
                 "/a/hash", "/healthz"):
        app.api_route(path, methods=["GET", "POST"])(echo)

    @app.get("/page", response_class=HTMLResponse)
    def page() -> str:
        return "<p>hello</p>"

    @app.get("/docs/page", response_class=HTMLResponse)
    def docs() -> str:
        return "<p>hello</p>"

    service = RateService(SharedCounters(client), clock=clock)
    SERVICES.append(service)
    app.add_middleware(RateLimits, service=service)
    limits.protect(app, **protection)
    return app


SERVICES: list[RateService] = []
"""All that the running test made."""


async def settle() -> None:
    """Leave no timer behind."""
    while SERVICES:
        await SERVICES.pop().settle()


def caller(app: FastAPI, address: str = "203.0.113.9", **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers)


@pytest.fixture
async def counters(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with narrow(redis_url) as client:
        yield client
        await settle()


def narrow(redis_url: str) -> redis.asyncio.Redis:
    """A pool that waits for a free connection, as in production."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(redis_url, max_connections=8, timeout=20)
    return redis.asyncio.Redis.from_pool(pool)


async def passed(client: httpx.AsyncClient, method: str, path: str, times: int) -> int:
    """How many of `times` requests at once get through."""
    answers = await asyncio.gather(*(client.request(method, path) for _ in range(times)))
    assert {answer.status_code for answer in answers} <= {200, 429}
    return sum(answer.status_code == 200 for answer in answers)


# --- rates ------------------------------------------------------------------------------------------------------


async def test_rates__many_at_once_on_two_workers__exactly_the_limit_pass(
    counters: redis.asyncio.Redis, redis_url: str, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L70."""
    monkeypatch.setitem(table.TABLE, RouteClass.READ, Quota(network=1_000, caller=100))  # type: ignore[arg-type]
    async with narrow(redis_url) as other:
        workers = [app_on(counters, clock), app_on(other, clock)]
        clients = [caller(worker, Authorization="Bearer one-and-the-same") for worker in workers]
        got = await asyncio.gather(*(passed(client, "GET", "/v1/campaigns", 75) for client in clients))
    assert sum(got) == 100


@pytest.mark.usefixtures("small")
async def test_rates__session_used_up__others_of_its_network_go_on(counters: redis.asyncio.Redis, clock: Any) -> None:
    """L70."""
    app = app_on(counters, clock)
    one, other = (caller(app, Authorization=f"Bearer {name}") for name in ("one", "other"))
    assert await passed(one, "POST", "/v1/campaigns", 3) == 2
    answer = await one.post("/v1/campaigns")
    assert (answer.status_code, answer.json()["code"], answer.json()["policy"]) == (429, "rate_limited", "write")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.headers["ratelimit-policy"] == '"write";q=2;w=60'
    assert answer.headers["ratelimit"].startswith('"write";r=0;t=')
    allowed = await other.post("/v1/campaigns")
    assert (allowed.status_code, allowed.headers["ratelimit"].split(";t=")[0]) == (200, '"write";r=1')
    assert await passed(one, "GET", "/v1/campaigns", 5) == 4        # reads have a limit of their own


@pytest.mark.usefixtures("small")
async def test_rates__made_up_tokens__do_not_escape_the_limit_of_the_network(
    counters: redis.asyncio.Redis, clock: Any
) -> None:
    """L70."""
    app = app_on(counters, clock)
    answers = [
        await caller(app, f"203.0.113.{n}", Authorization=f"Bearer {n}").post("/v1/campaigns") for n in range(1, 12)
    ]
    assert [answer.status_code for answer in answers] == [200] * 8 + [429] * 3
    assert answers[-1].json()["policy"] == "write-network"
    assert (await caller(app, "203.0.114.1").post("/v1/campaigns")).status_code == 200


@pytest.mark.usefixtures("small")
async def test_rates__networks__are_24_and_48_bits_wide(counters: redis.asyncio.Redis, clock: Any) -> None:
    app = app_on(counters, clock)
    for addresses, statuses in (
        (["2001:db8:1::1", "2001:db8:1:ffff::2", "2001:db8:1::3", "2001:db8:1:2::4"], [200, 200, 200, 429]),
        (["2001:db8:2::1"], [200]),
    ):
        assert [(await caller(app, one).get("/v1/auth/nonce")).status_code for one in addresses] == statuses


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("method", "path", "limit"), [
    ("POST", "/v1/auth/nonce", 3), ("POST", "/v1/assets", 2), ("POST", "/v1/stripe/webhooks", 4),
    ("POST", "/v1/decisions", 5), ("GET", "/c/token", 5), ("GET", "/a/hash", 9), ("GET", "/healthz", 9),
])
async def test_rates__each_class__has_its_own(
    counters: redis.asyncio.Redis, clock: Any, method: str, path: str, limit: int
) -> None:
    assert await passed(caller(app_on(counters, clock)), method, path, 9) == limit


@pytest.mark.usefixtures("small")
async def test_rates__cookie__is_a_session_too(counters: redis.asyncio.Redis, clock: Any) -> None:
    app = app_on(counters, clock)
    assert await passed(caller(app, Cookie="theme=dark; sightline=one"), "POST", "/v1/campaigns", 3) == 2
    assert await passed(caller(app, Cookie="__Host-sightline=two"), "POST", "/v1/campaigns", 3) == 2
    assert await passed(caller(app, Cookie="theme=dark"), "POST", "/v1/campaigns", 2) == 2


@pytest.mark.usefixtures("small")
async def test_rates__behind_a_proxy__count_whom_it_speaks_for(counters: redis.asyncio.Redis, clock: Any) -> None:
    app = app_on(counters, clock, trusted_proxies=networks(["10.0.0.0/8"]))
    for n in range(5):       # a stranger writes an address of his own choice to the left
        answer = await caller(app, "10.0.0.1", **{"X-Forwarded-For": f"192.0.2.{n}, 203.0.113.9"}).get("/v1/auth/nonce")
        assert answer.status_code == (200 if n < 3 else 429)
    assert (await caller(app, "10.0.0.1", **{"X-Forwarded-For": "198.51.100.7"}).get("/v1/auth/nonce")).json() == {
        "bytes": 0, "client": "198.51.100.7",
    }
    forged = caller(app, "203.0.113.7", **{"X-Forwarded-For": "10.0.0.1"})
    assert (await forged.get("/v1/auth/nonce")).status_code == 429


@pytest.mark.usefixtures("small")
async def test_rates__redis_down__sign_in_is_closed_and_the_rest_goes_on(clock: Any) -> None:
    """L44, L70."""
    dead = redis.asyncio.Redis.from_url("redis://127.0.0.1:1/0")       # it never connects, so it needs no close
    client = caller(app_on(dead, clock))
    for _ in range(2):       # the second is not asked of Redis any more
        answer = await client.get("/v1/auth/nonce")
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
            503, "redis_unavailable", "2"
        )
    assert await passed(client, "POST", "/v1/campaigns", 9) == 9
    assert await passed(client, "GET", "/v1/campaigns", 40) == 40
    assert await passed(client, "POST", "/v1/decisions", 9) == 5        # each process still counts for itself
    await settle()


@pytest.mark.usefixtures("small")
async def test_rates__ads_of_other_workers__are_known_after_a_settlement(
    counters: redis.asyncio.Redis, clock: Any
) -> None:
    """L70: ad traffic is settled, so two workers pass at most the limit and what came in a quarter of a second."""
    one, other = (RateService(SharedCounters(counters), clock=clock) for _ in range(2))
    SERVICES.extend((one, other))

    async def take(service: RateService) -> bool:
        standing = await service.take(RouteClass.ADS, "203.0.113.0/24", None)
        assert standing is not None
        return standing.allowed

    assert [await take(one) for _ in range(4)] == [True] * 4
    await one.settle()
    assert await take(other)                                      # does not know of the four yet
    await other.settle()
    assert [await take(other) for _ in range(2)] == [False, False]
    assert await take(one)                                        # nor does this one of the fifth
    await one.settle()
    assert not await take(one)
    clock.advance(60)
    assert await take(other)


def test_class_of__every_route__is_in_the_class_that_it_should_be(accounts_app: FastAPI) -> None:
    paths = accounts_app.openapi()["paths"]
    found = {
        (method.upper(), path): class_of(method.upper(), path) for path, methods in paths.items() for method in methods
    }
    free = {path for (_, path), kind in found.items() if kind is None}
    assert not {path for path in free if path.startswith("/v1/")}
    assert all(path.startswith(("/a/", "/house/")) or "/" not in path[1:] for path in free), "only files and pages"
    assert all(kind is not RouteClass.READ for (method, _), kind in found.items() if method not in ("GET", "HEAD"))
    assert found["POST", "/v1/campaigns"] is RouteClass.WRITE
    assert found["GET", "/v1/campaigns"] is RouteClass.READ
    assert found["POST", "/v1/auth/verify"] is RouteClass.SIGN_IN
    assert found["POST", "/v1/decisions"] is RouteClass.ADS
    named = set(table._EXACT) | set(table._POSTED)
    assert named - set(paths) == set(), "the table names paths that do not exist"


@pytest.mark.parametrize(("chain", "wish", "on"), [
    (31_337, "auto", False), (31_337, "on", True), (80_002, "auto", True), (80_002, "off", False),
])
def test_settings__rate_limits__are_on_except_on_a_local_chain(
    chain: int, wish: str, on: bool, tmp_path: Any
) -> None:
    from backend.config import Settings

    deployment = tmp_path / "deployment.json"
    deployment.write_text(f'{{"chain_id": {chain}, "contracts": {{}}}}')
    assert Settings(rpc_url=ORIGIN, deployment=deployment, rate_limits=wish).counts_requests is on


# --- bodies and headers -----------------------------------------------------------------------------------------


async def test_body__dripped__is_refused_when_its_time_is_over(counters: redis.asyncio.Redis, clock: Any) -> None:
    """L45."""
    silent = asyncio.Event()

    async def drip() -> AsyncIterator[bytes]:
        yield b"x"
        yield b"x"
        await silent.wait()

    app = app_on(counters, clock, body_seconds=0.05, body_bytes_max=1_000)
    answer = await caller(app).post("/v1/campaigns", content=drip())
    assert (answer.status_code, answer.json()["code"]) == (408, "body_too_slow")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(("path", "headers", "code"), [
    ("/v1/campaigns?q=" + "x" * 9_000, {}, "url_too_long"),
    ("/v1/campaigns", {f"x-{n}": "1" for n in range(101)}, "headers_too_large"),
    ("/v1/campaigns", {"x-long": "1" * 40_000}, "headers_too_large"),
])
async def test_head__too_large__is_refused(
    counters: redis.asyncio.Redis, clock: Any, path: str, headers: dict[str, str], code: str
) -> None:
    """L45."""
    answer = await caller(app_on(counters, clock)).get(path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (CODES[code].status, code)


# --- surfaces ---------------------------------------------------------------------------------------------------

EXAMPLES = {
    Surface.API: "/v1/campaigns", Surface.SDK: "/v1/decisions", Surface.ASSET: "/a/hash", Surface.PAGE: "/page",
    Surface.DOCS: "/docs/page",
}
CROSS_ORIGIN = {Surface.SDK, Surface.ASSET}


@pytest.mark.parametrize("surface", Surface)
async def test_surface__answer__has_exactly_its_headers(
    counters: redis.asyncio.Redis, clock: Any, surface: Surface
) -> None:
    answer = await caller(app_on(counters, clock), Origin="https://world.example").get(EXAMPLES[surface])
    assert answer.status_code == 200
    assert {name: answer.headers.get(name) for name in TABLE[surface]} == TABLE[surface]
    assert answer.headers.get("access-control-allow-origin") == ("*" if surface in CROSS_ORIGIN else None)
    assert "access-control-allow-credentials" not in answer.headers
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("surface", Surface)
async def test_surface__over_https__promises_to_stay_there(
    counters: redis.asyncio.Redis, clock: Any, surface: Surface
) -> None:
    answer = await caller(app_on(counters, clock, https=True)).get(EXAMPLES[surface])
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.usefixtures("small")
async def test_surface__refusal_of_an_sdk_route__can_be_read_by_the_world(
    counters: redis.asyncio.Redis, clock: Any
) -> None:
    client = caller(app_on(counters, clock, body_bytes_max=10))
    for answer in (await client.post("/v1/decisions", content=b"x" * 11), await client.put("/v1/decisions")):
        assert answer.status_code in (413, 405)
        assert answer.headers["access-control-allow-origin"] == "*"
    assert await passed(client, "POST", "/v1/decisions", 9) == 4
    refused = await client.post("/v1/decisions")
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (429, "*")
    assert "retry-after" in refused.headers["access-control-expose-headers"]


@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/events", "/c/token"])
async def test_preflight__sdk_route__is_allowed_without_credentials(accounts_app: FastAPI, path: str) -> None:
    ask = {"Origin": "https://world.example", "Access-Control-Request-Method": "POST",
           "Access-Control-Request-Headers": "content-type"}
    answer = await caller(accounts_app, **ask).options(path)
    assert answer.status_code == 204
    assert {name: answer.headers.get(name) for name in PREFLIGHT} == PREFLIGHT
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/campaigns", "/v1/auth/verify", "/v1/webhooks", "/"])
async def test_preflight__dashboard_route__is_not_allowed(accounts_app: FastAPI, path: str) -> None:
    ask = {"Origin": "https://world.example", "Access-Control-Request-Method": "POST"}
    answer = await caller(accounts_app, **ask).options(path)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control-")]
