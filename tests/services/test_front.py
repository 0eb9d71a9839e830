"""The front and the application behind it answer the same, whatever is sent (L75); and what only the front could do
wrong: bodies in pieces, slow and broken ones, failures of the stores."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
import redis.asyncio
from door_kit import Answer, Caller
from sqlalchemy import Engine

from backend.api import limits, problems
from backend.api.front import Front, HotPaths, HotRoute, Later, Start
from backend.core.errors import NotFound
from backend.main.serve import create_app
from backend.net.resp import Busy
from backend.operation.rates import service, table
from backend.operation.rates.table import Quota, RouteClass
from backend.serving.sync.service import BudgetSync
from bench.market import Market

JSON = {"Content-Type": "application/json"}
DECISIONS, EVENTS = "/v1/decisions", "/v1/events"
DEEP = b"[" * 50_000 + b"]" * 50_000
# what differs between two answers to the same question: ids, tokens, times, and what was counted
FRESH = re.compile(r'"(decision_id|token|request_id)": ?"[^"]*"|"(expires_at_ms)": ?\d+|t=\d+')


class Pair:
    """The application with its hot routes, and without."""

    def __init__(self, front: Front, plain: Front) -> None:
        self.apps = (front, plain)

    async def answers(self, method: str, path: str, content: Any, headers: Any) -> list[Answer]:
        """`content` is bytes, or a function that gives the parts of a chunked body."""
        named = list(headers.items()) if isinstance(headers, dict) else headers
        return [await answered(Caller(app), method, path, content, named) for app in self.apps]


async def answered(
    caller: Caller, method: str, path: str, content: Any, headers: list[tuple[str, str]]
) -> Answer:
    if not callable(content):
        caller.request(method, path, content, headers)
        return await caller.answer()
    caller.request(method, path, headers=[*headers, ("Transfer-Encoding", "chunked")])
    answer = asyncio.ensure_future(caller.answer())
    async for part in content():
        if answer.done() or caller.line.closed:
            break
        caller.send(b"%x\r\n%b\r\n" % (len(part), part))
        await asyncio.sleep(0)
    else:
        caller.send(b"0\r\n\r\n")
    return await answer


def comparable(answer: Answer) -> tuple[int, str, dict[str, str]]:
    """Everything that must not differ."""
    headers = {name: FRESH.sub("", value) for name, value in answer.headers.items() if name != "content-length"}
    if "x-request-id" in headers and not re.fullmatch("given-.*", headers["x-request-id"]):
        assert re.fullmatch(r"[0-9a-f]{16}", headers.pop("x-request-id"))
    return answer.status, FRESH.sub("", answer.text), headers


@pytest.fixture
async def pair(
    fresh_engine: Engine, fresh_database_url: str, redis_client: Any, make_settings: Callable[..., Any], tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Pair]:
    """Over one market, with one placement (1) that an advertiser wants and one (2) that is paused.

    Neither learns what the other has counted, and no minute ends between the one's answer and the other's.
    """
    monkeypatch.setattr(service, "SETTLE_SECONDS", 86_400)
    market = Market(fresh_engine, fresh_database_url, 31_337)
    market.line_item(market.campaign(1, 10**9), 9_000)
    world = market.world(4)
    assert [market.placement(world), market.placement(world, status="paused")] == [1, 2]
    BudgetSync(fresh_engine, redis_client, 31_337).sync(1)
    settings = make_settings(
        fresh_engine, redis_client, tmp_path, rate_limits="on", trusted_proxies=["10.0.0.0/8"],
        public_url="https://ads.example",
    )
    now = time.time()
    front, plain = (create_app(settings, engine=fresh_engine, clock=lambda: now) for _ in range(2))
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
        assert front.status < 500, name
        seen.add(front.status)
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
    assert [front.status for front, _ in found] == [200, 200, 200, 429]
    front, plain = await pair.answers("POST", DECISIONS, ask(), JSON | {"X-Forwarded-For": "198.51.100.7"})
    assert front.status == plain.status == 200


# --- the door alone --------------------------------------------------------------------------------------------------

HEAD = b"POST /v1/decisions HTTP/1.1\r\nHost: a\r\n"


def hot(answer: Callable[[bytes], Awaitable[bytes]], start: Start | None = None, **settings: Any) -> Front:
    """An application whose only hot route is this; POST /plain is the application's."""
    app = Front()
    problems.install(app)
    limits.protect(app)

    async def given(body: bytes, _: Mapping[bytes, bytes], _ip: str) -> bytes:
        return await answer(body)

    @app.post("/plain")
    async def plain() -> str:
        return "plain"

    app.hot = HotPaths([HotRoute(DECISIONS, 200, given, start)], **settings)
    return app


async def echo(body: bytes) -> bytes:
    return json.dumps({"body": body.decode()}).encode()


@pytest.mark.parametrize("parts", [
    [b"POST /v1/deci", b"sions HTTP/1.1\r\nHo", b"st: a\r\nContent-Length: 3\r\n\r\nabc"],
    [HEAD + b"Content-Length: 3\r\n\r\na", b"b", b"c"],
    [HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", b"2\r\nbc\r\n", b"0\r\n\r\n"],
])
async def test_request__in_parts__is_whole(parts: list[bytes]) -> None:
    caller = Caller(hot(echo))
    for part in parts:
        caller.send(part)
    answer = await caller.answer()
    assert (answer.status, answer.json()) == (200, {"body": "abc"})
    assert not caller.line.closed


class Late:
    """Answers when it is released."""

    def __init__(self) -> None:
        self.asked, self.release = asyncio.Event(), asyncio.Event()

    async def answer(self, body: bytes) -> bytes:
        self.asked.set()
        await self.release.wait()
        return await echo(body)


async def refused(_: bytes) -> bytes:
    raise NotFound("placement_unknown", "there is none")


@pytest.mark.parametrize("reply", ["given", "refused", "unknown", "odd", "lost"])
async def test_start__waits_for_one_reply__answers_or_leaves_it_to_the_other_way(reply: str) -> None:
    told: list[Callable[[object], None]] = []

    def start(body: bytes, _: Mapping[bytes, bytes], _ip: str) -> Later:
        return told.append, lambda said: json.dumps({"body": said}).encode() if said != "refused" else None

    caller = Caller(hot(echo, start=start))
    caller.request("POST", DECISIONS, b"asked")
    await asyncio.sleep(0)
    assert not caller.line.sent
    if reply == "unknown":
        told[0](redis.exceptions.NoScriptError())
    elif reply == "lost":
        told[0](redis.ConnectionError("lost"))
    else:
        told[0](object() if reply == "odd" else reply)
    answer = await caller.answer()
    if reply == "lost":         # it may have been done: it is not begun again
        assert (answer.status, answer.json()["code"]) == (503, "redis_unavailable")
    else:
        assert (answer.status, answer.json()) == (200, {"body": "given" if reply == "given" else "asked"})


async def test_start__raises__is_a_problem_of_the_other_way() -> None:
    def start(*_: object) -> bytes:
        raise NotFound("placement_unknown", "there is none")

    caller = Caller(hot(refused, start=start))
    caller.request("POST", DECISIONS)
    answer = await caller.answer()
    assert (answer.status, answer.json()["code"]) == (404, "placement_unknown")


async def test_start__cannot_ask__is_left_to_the_other_way() -> None:
    def start(*_: object) -> Later:
        def ask(_: object) -> None:
            raise Busy("too many")

        return ask, lambda _: b"{}"

    caller = Caller(hot(echo, start=start))
    caller.request("POST", DECISIONS, b"asked")
    assert (await caller.answer()).json() == {"body": "asked"}


async def test_client__does_not_read__nothing_is_started_and_the_answer_waits() -> None:
    def start(*_: object) -> bytes:
        raise AssertionError("who does not read asks in vain")

    caller = Caller(hot(echo, start=start))
    caller.door.pause_writing()
    caller.request("POST", DECISIONS, b"abc")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not caller.line.sent
    caller.door.resume_writing()
    assert (await caller.answer()).json() == {"body": "abc"}


async def test_requests__in_one_breath__are_answered_in_their_order_whoever_answers_them() -> None:
    late = Late()
    caller = Caller(hot(late.answer))
    one = HEAD + b"Content-Length: 1\r\n\r\n"
    caller.send(one + b"1" + one + b"2" + b"POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    assert caller.line.reading_paused
    late.release.set()
    answers = [await caller.answer() for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 404, 200]     # the second goes to the application
    assert answers[0].json() == {"body": "1"}
    assert answers[2].json() == "plain"
    caller.request("POST", DECISIONS, b"3")
    assert (await caller.answer()).json() == {"body": "3"}


async def test_body__dripped__is_refused_when_its_time_is_over() -> None:
    """L45."""
    slow, fast = (
        Caller(hot(echo, body_seconds=600, body_bytes_max=100), timeout_keep_alive=7_200) for _ in range(2)
    )
    before = asyncio.get_running_loop().time()
    slow.send(HEAD + b"Content-Length: 3\r\n\r\na")
    fast.request("POST", DECISIONS, b"abc")
    assert (await fast.answer()).status == 200
    for caller in (slow, fast):
        caller.door.look_at_clock(before + 599)
    assert not slow.line.sent
    for caller in (slow, fast):
        caller.door.look_at_clock(asyncio.get_running_loop().time() + 601)
    answer = await slow.answer()
    assert (answer.status, answer.json()["code"], answer.headers["connection"]) == (408, "body_too_slow", "close")
    assert slow.line.closed
    assert not fast.line.closed
    slow.send(b"bc")        # too late, and of no effect


async def test_client__does_not_read_its_refusal__is_told_once_and_cut_off() -> None:
    """L45."""
    caller = Caller(hot(echo, body_seconds=0.05, body_bytes_max=100), timeout_keep_alive=75)
    caller.line.unread = True
    caller.send(HEAD + b"Content-Length: 3\r\n\r\na")
    now = asyncio.get_running_loop().time()
    for later in (1, 2, 70):
        caller.door.look_at_clock(now + later)
        assert caller.line.sent.count(b"HTTP/1.1 408") == 1
    assert not caller.line.aborted
    caller.door.look_at_clock(now + 78)
    assert caller.line.aborted


async def test_client__reads_slowly__is_cut_off_only_when_it_reads_nothing() -> None:
    caller = Caller(hot(echo), timeout_keep_alive=75)
    now = asyncio.get_running_loop().time()
    for begins in (0, 70, 140):
        caller.door.pause_writing()
        caller.door.look_at_clock(now + begins + 1)
        caller.door.look_at_clock(now + begins + 69)
        caller.door.resume_writing()
    assert not caller.line.aborted


async def test_requests__behind_a_refusal__are_not_carried_out() -> None:
    asked: list[bytes] = []

    def start(body: bytes, *_: object) -> bytes:
        asked.append(body)
        return b"{}"

    caller = Caller(hot(echo, start=start, body_bytes_max=100))
    large = HEAD + b"Transfer-Encoding: chunked\r\n\r\n80\r\n" + b"x" * 128 + b"\r\n0\r\n\r\n"
    caller.send(large + HEAD + b"Content-Length: 1\r\n\r\n1")
    assert (await caller.answer()).status == 413
    assert (asked, caller.line.closed) == ([], True)


async def test_head__large_behind_another_request__is_refused_as_if_it_came_alone() -> None:
    caller = Caller(hot(echo, start=lambda *_: b"{}"))
    small = b"Content-Length: 1\r\n\r\n1"
    caller.send(HEAD + small + HEAD + b"X: " + b"x" * 40_000 + b"\r\n" + small)
    assert [(await caller.answer()).status for _ in range(2)] == [200, 431]


async def test_connection__says_nothing_or_half_a_head__ends_in_time() -> None:
    """L45."""
    before = asyncio.get_running_loop().time()
    callers = [Caller(hot(echo), timeout_keep_alive=75) for _ in range(3)]
    callers[1].send(HEAD)
    callers[2].request("POST", DECISIONS)
    await callers[2].answer()
    for caller in callers:
        caller.door.look_at_clock(before + 74)
        assert not caller.line.closed
        caller.door.look_at_clock(asyncio.get_running_loop().time() + 76)
        assert caller.line.closed


@pytest.mark.parametrize("start", [
    b"", HEAD, HEAD + b"X: ", HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ",
    b"POST /plain HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
])
async def test_noise__without_end__is_refused_before_memory_grows(start: bytes) -> None:
    """L45."""
    caller = Caller(hot(echo))
    caller.send(start)
    for _ in range(100):
        if caller.line.closed:
            break
        caller.send(b"x" * 1_000 if start else b"\r\n" * 500)
    assert caller.line.closed
    if b"plain" not in start:
        assert (await caller.answer()).status == 400


async def test_trailers__after_a_body__are_nobodys() -> None:
    caller = Caller(hot(echo))
    caller.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Request-Id: given-12345\r\n\r\n")
    answer = await caller.answer()
    assert (answer.status, answer.json()) == (200, {"body": "a"})
    assert answer.headers["x-request-id"] != "given-12345"
    assert not caller.line.closed


async def test_client__stops_sending_in_a_body__is_told() -> None:
    for length, target in ((b"3", DECISIONS), (b"3", "/plain")):
        caller = Caller(hot(echo))
        caller.send(f"POST {target} HTTP/1.1\r\nHost: a\r\n".encode() + b"Content-Length: " + length + b"\r\n\r\na")
        caller.half_close()
        if target == DECISIONS:
            answer = await caller.answer()
            assert (answer.status, answer.json()["code"]) == (400, "bad_request")
        assert caller.line.closed


async def test_client__stops_sending_after_its_request__is_answered_before_the_connection_ends() -> None:
    caller = Caller(hot(echo))
    caller.request("POST", DECISIONS, b"abc")
    caller.half_close()
    answer = await caller.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert caller.line.closed


async def test_client__goes_away__is_not_written_to() -> None:
    late = Late()
    caller = Caller(hot(late.answer))
    caller.request("POST", DECISIONS, b"abc")
    await late.asked.wait()
    caller.line.close()
    late.release.set()
    await asyncio.gather(*caller.door.tasks)
    assert not caller.line.sent


async def test_server__ends_while_it_answers__answers_and_closes() -> None:
    late = Late()
    busy, idle = Caller(hot(late.answer)), Caller(hot(late.answer))
    busy.request("POST", DECISIONS, b"abc")
    await late.asked.wait()
    for caller in (busy, idle):
        caller.door.shutdown()
    assert idle.line.closed
    late.release.set()
    answer = await busy.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert busy.line.closed


async def test_answer__takes_longer_than_a_body_may__is_not_cut_off() -> None:
    late = Late()
    caller = Caller(hot(late.answer, body_seconds=0.02, body_bytes_max=100))
    caller.request("POST", DECISIONS, b"abc")
    caller.door.look_at_clock(asyncio.get_running_loop().time() + 1_000)
    late.release.set()
    assert (await caller.answer()).status == 200


@pytest.mark.parametrize(("error", "status", "code"), [
    (NotFound("placement_unknown", "there is none"), 404, "placement_unknown"),
    (redis.TimeoutError("slow"), 503, "redis_unavailable"),
    (ZeroDivisionError(), 500, "internal"),
])
async def test_answer__raises__is_a_problem_with_every_header(error: Exception, status: int, code: str) -> None:
    async def failing(_: bytes) -> bytes:
        raise error

    caller = Caller(hot(failing))
    caller.request("POST", DECISIONS, b"", [("X-Request-Id", "given-12345")])
    answer = await caller.answer()
    assert (answer.status, answer.json()["code"], answer.json()["request_id"]) == (status, code, "given-12345")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "given-12345"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-store"
