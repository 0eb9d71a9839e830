"""The front and the application behind it answer the same, whatever is sent (L75); and what only the front could do
wrong: bodies in pieces, slow and broken ones, failures of the stores."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest
import redis.asyncio
from fastapi import FastAPI
from sqlalchemy import Engine

from backend.api import limits, problems
from backend.api.front import Front, HotPaths, HotRoute
from backend.core.errors import NotFound
from backend.main.serve import create_app
from backend.operation.rates import service, table
from backend.operation.rates.table import Quota, RouteClass
from backend.serving.sync.service import BudgetSync
from bench.market import Market

ORIGIN = "http://127.0.0.1:8000"
JSON = {"Content-Type": "application/json"}
DECISIONS, EVENTS = "/v1/decisions", "/v1/events"
DEEP = b"[" * 50_000 + b"]" * 50_000
# what differs between two answers to the same question: ids, tokens, times, and what was counted
FRESH = re.compile(r'"(decision_id|token|request_id)": ?"[^"]*"|"(expires_at_ms)": ?\d+|t=\d+')


class Pair:
    """The application with its front, and without."""

    def __init__(self, front: FastAPI, plain: FastAPI) -> None:
        self.clients = [
            httpx.AsyncClient(transport=httpx.ASGITransport(app, client=("10.0.0.1", 1)), base_url=ORIGIN)
            for app in (front, plain)
        ]

    async def answers(self, method: str, path: str, content: Any, headers: Any) -> list[httpx.Response]:
        """`content` is bytes, or a function that gives a stream of them."""
        return [
            await client.request(method, path, content=content() if callable(content) else content, headers=headers)
            for client in self.clients
        ]


def comparable(answer: httpx.Response) -> tuple[int, str, dict[str, str]]:
    """Everything that must not differ."""
    headers = {name: FRESH.sub("", value) for name, value in answer.headers.items() if name != "content-length"}
    if not re.fullmatch("given-.*", headers["x-request-id"]):
        assert re.fullmatch(r"[0-9a-f]{16}", headers.pop("x-request-id"))
    return answer.status_code, FRESH.sub("", answer.text), headers


@pytest.fixture
async def pair(
    fresh_engine: Engine, fresh_database_url: str, redis_client: Any, make_settings: Callable[..., Any], tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Pair]:
    """Over one market, with one placement (1) that an advertiser wants and one (2) that is paused.

    Neither learns what the other has counted.
    """
    monkeypatch.setattr(service, "SETTLE_SECONDS", 60)
    market = Market(fresh_engine, fresh_database_url, 31_337)
    market.line_item(market.campaign(1, 10**9), 9_000)
    world = market.world(4)
    assert [market.placement(world), market.placement(world, status="paused")] == [1, 2]
    BudgetSync(fresh_engine, redis_client, 31_337).sync(1)
    settings = make_settings(
        fresh_engine, redis_client, tmp_path, rate_limits="on", trusted_proxies=["10.0.0.0/8"],
        public_url="https://ads.example",
    )
    front, plain = create_app(settings, engine=fresh_engine), create_app(settings, engine=fresh_engine)
    assert isinstance(front, Front)
    assert isinstance(plain, Front)
    counts = [app.hot._counts for app in (front, plain) if app.hot]
    plain.hot = None
    async with front.router.lifespan_context(front), plain.router.lifespan_context(plain):
        yield Pair(front, plain)
        for count in counts:
            await count.settle()


def ask(**more: object) -> bytes:
    return json.dumps({"placement_id": 1, "viewer_key": "viewer-key-1", **more}).encode()


async def pieces() -> AsyncIterator[bytes]:
    for byte in ask():
        yield bytes([byte])


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 65_536


CASES: list[tuple[str, str, str, Any, Any]] = [
    ("an ad", "POST", DECISIONS, ask(), JSON),
    ("no content type", "POST", DECISIONS, ask(), {}),
    ("text", "POST", DECISIONS, ask(), {"Content-Type": "text/plain"}),
    ("a form", "POST", DECISIONS, b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}),
    ("chunked", "POST", DECISIONS, pieces, JSON),
    ("chunked without end", "POST", DECISIONS, endless, JSON),
    ("empty", "POST", DECISIONS, b"", JSON),
    ("null", "POST", DECISIONS, b"null", JSON),
    ("not JSON", "POST", DECISIONS, b"{", JSON),
    ("NaN", "POST", DECISIONS, b'{"placement_id": NaN}', JSON),
    ("not UTF-8", "POST", DECISIONS, b'{"viewer_key": "\xff\xff\xff\xff\xff\xff\xff\xff", "placement_id": 1}', JSON),
    ("half a surrogate", "POST", DECISIONS, b'{"viewer_key": "\\ud800abcdefgh", "placement_id": 1}', JSON),
    ("deep", "POST", DECISIONS, DEEP, JSON),
    ("a huge integer", "POST", DECISIONS, b'{"placement_id": 1' + b"0" * 5_000 + b', "viewer_key": "12345678"}', JSON),
    ("a negative one", "POST", DECISIONS, ask(placement_id=-1), JSON),
    ("a fraction", "POST", DECISIONS, ask(placement_id=1.5), JSON),
    ("an unknown field", "POST", DECISIONS, ask(more=1), JSON),
    ("a wrong country", "POST", DECISIONS, ask(country="de"), JSON),
    ("an unknown placement", "POST", DECISIONS, ask(placement_id=999), JSON),
    ("a paused placement", "POST", DECISIONS, ask(placement_id=2), JSON),
    ("too large", "POST", DECISIONS, b" " * 300_000, JSON),
    ("said to be too large", "POST", DECISIONS, ask(), JSON | {"Content-Length": "999999999"}),
    ("no length", "POST", DECISIONS, ask(), JSON | {"Content-Length": "x"}),
    ("a request id", "POST", DECISIONS, ask(), JSON | {"X-Request-Id": "given-12345"}),
    ("a harmful request id", "POST", DECISIONS, ask(), JSON | {"X-Request-Id": 'given-"\''}),
    ("an objection", "POST", DECISIONS, ask(), JSON | {"Sec-GPC": "1"}),
    ("a repeated header", "POST", DECISIONS, ask(), [("X-Twice", "1"), ("X-Twice", "2")]),
    ("too many headers", "POST", DECISIONS, ask(), {f"x-{number}": "1" for number in range(101)}),
    ("too long a header", "POST", DECISIONS, ask(), {"x-long": "1" * 40_000}),
    ("a query", "POST", f"{DECISIONS}?x=1", ask(), JSON),
    ("too long a query", "POST", f"{DECISIONS}?{'x' * 9_000}", ask(), JSON),
    ("a proxy", "POST", DECISIONS, ask(), JSON | {"X-Forwarded-For": "203.0.113.9"}),
    ("a long way", "POST", DECISIONS, ask(), JSON | {"X-Forwarded-For": ", ".join(["203.0.113.9"] * 99)}),
    ("no address", "POST", DECISIONS, ask(), JSON | {"X-Forwarded-For": "unknown"}),
    ("another method", "GET", DECISIONS, b"", {}),
    ("a preflight", "OPTIONS", DECISIONS, b"", {"Origin": "https://world.example"}),
    ("no events", "POST", EVENTS, b'{"events": []}', JSON),
    ("a click", "POST", EVENTS, b'{"events": [{"kind": "click", "token": "x"}]}', {"Content-Type": "text/plain"}),
    ("too many events", "POST", EVENTS, json.dumps({"events": [{"kind": "click", "token": "x"}] * 101}).encode(), JSON),
    ("a malformed event", "POST", EVENTS, b'{"events": [1, {"kind": "view"}]}', {"User-Agent": "Mozilla/5.0"}),
    ("a robot", "POST", EVENTS, b'{"events": [{"kind": "click", "token": "x"}]}', {"User-Agent": "Googlebot/2.1"}),
    ("no batch", "POST", EVENTS, b"[]", JSON),
    ("deep events", "POST", EVENTS, b'{"events": ' + DEEP + b"}", JSON),
]


async def test_front__every_request__is_answered_as_by_the_application(pair: Pair) -> None:
    """L75."""
    seen = set()
    for name, method, path, content, headers in CASES:
        front, plain = await pair.answers(method, path, content, headers)
        assert comparable(front) == comparable(plain), name
        assert front.status_code < 500, name
        seen.add(front.status_code)
    assert seen == {200, 202, 204, 400, 404, 405, 409, 413, 414, 422, 431}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(table.TABLE, RouteClass.ADS, Quota(network=3, settled=True))  # type: ignore[arg-type]


@pytest.mark.usefixtures("few")
async def test_front__one_too_many__is_refused_by_both_and_by_whom_the_proxy_speaks_for(pair: Pair) -> None:
    """L75, L70."""
    headers = JSON | {"X-Forwarded-For": "192.0.2.1, 203.0.113.9"}
    found = [await pair.answers("POST", DECISIONS, ask(), headers) for _ in range(4)]
    for front, plain in found:
        assert comparable(front) == comparable(plain)
    assert [front.status_code for front, _ in found] == [200, 200, 200, 429]
    front, plain = await pair.answers("POST", DECISIONS, ask(), JSON | {"X-Forwarded-For": "198.51.100.7"})
    assert front.status_code == plain.status_code == 200


# --- the front alone -------------------------------------------------------------------------------------------------

Part = Mapping[str, Any]


def hot(answer: Callable[[bytes], Awaitable[bytes]], **settings: Any) -> Front:
    """An application whose only route is a hot one."""
    app = Front()
    problems.install(app)
    limits.protect(app)

    async def given(body: bytes, _: Mapping[bytes, bytes], _ip: str) -> bytes:
        return await answer(body)

    app.hot = HotPaths([HotRoute(DECISIONS, 200, given)], **settings)
    return app


async def told(app: Front, parts: list[Part], head: list[tuple[bytes, bytes]]) -> tuple[int, Any, dict[bytes, bytes]]:
    """Status, JSON and headers of the answer to a body in these parts; after the last one the client is silent."""
    sent: list[Any] = []
    left = iter(parts)

    async def receive() -> Part:
        if (part := next(left, None)) is None:
            await asyncio.Event().wait()
        assert part is not None
        return part

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": DECISIONS, "query_string": b"", "headers": head, "client": None,
        "scheme": "http", "server": ("127.0.0.1", 8000), "http_version": "1.1", "root_path": "",
    }
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"]), dict(sent[0]["headers"])


def part(body: bytes, *, more: bool = True) -> Part:
    return {"type": "http.request", "body": body, "more_body": more}


async def echo(body: bytes) -> bytes:
    return json.dumps({"body": body.decode()}).encode()


@pytest.mark.parametrize(("parts", "length"), [
    ([part(b"abc")], b"3"), ([part(b"a"), part(b""), part(b"bc")], b"3"), ([part(b"abc", more=False)], b"9"),
    ([part(b"abc"), part(b"", more=False)], None),
])
async def test_body__in_parts__is_whole_and_nothing_after_its_end_is_waited_for(
    parts: list[Part], length: bytes | None
) -> None:
    head = [(b"content-length", length)] if length else []
    status, body, _ = await told(hot(echo), parts, head)
    assert (status, body) == (200, {"body": "abc"})


async def test_body__dripped__is_refused_when_its_time_is_over() -> None:
    """L45."""
    app = hot(echo, body_seconds=0.05, body_bytes_max=100)
    (slow, problem, headers), (status, *_) = await asyncio.gather(
        told(app, [part(b"a"), part(b"b")], [(b"content-length", b"3")]), told(app, [part(b"", more=False)], [])
    )
    assert (slow, problem["code"], headers[b"connection"], status) == (408, "body_too_slow", b"close", 200)


async def test_body__client_goes_away__is_a_bad_request() -> None:
    status, problem, _ = await told(hot(echo), [part(b"a"), {"type": "http.disconnect"}], [(b"content-length", b"3")])
    assert (status, problem["code"]) == (400, "bad_request")


async def test_body__cancelled_from_outside__is_not_taken_for_slow() -> None:
    waiting = asyncio.create_task(told(hot(echo), [part(b"a")], []))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_answer__takes_longer_than_a_body_may__is_not_cut_off() -> None:
    async def slow(body: bytes) -> bytes:
        await asyncio.sleep(0.1)
        return await echo(body)

    app = hot(slow, body_seconds=0.02, body_bytes_max=100)
    assert (await told(app, [part(b"abc")], [(b"content-length", b"3")]))[0] == 200


@pytest.mark.parametrize(("error", "status", "code"), [
    (NotFound("placement_unknown", "there is none"), 404, "placement_unknown"),
    (redis.TimeoutError("slow"), 503, "redis_unavailable"),
    (ZeroDivisionError(), 500, "internal"),
])
async def test_answer__raises__is_a_problem_with_every_header(error: Exception, status: int, code: str) -> None:
    async def failing(_: bytes) -> bytes:
        raise error

    found, problem, headers = await told(hot(failing), [part(b"", more=False)], [(b"x-request-id", b"given-12345")])
    assert (found, problem["code"], problem["request_id"]) == (status, code, "given-12345")
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"x-request-id"] == b"given-12345"
    assert headers[b"access-control-allow-origin"] == b"*"
    assert headers[b"cache-control"] == b"no-store"
