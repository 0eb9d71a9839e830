"""Every error is problem+json with a documented code; bodies are bounded; stores may be down (L44, L45)."""

import ast
import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Header, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict
from redis import Redis
from sqlalchemy import Engine, create_engine, text

import backend
from backend.api import limits, problems
from backend.api.codes import CODES, codes_table
from backend.core import errors
from backend.db.engine import make_engine
from indexer.schema import create_schema

BACKEND = Path(backend.__file__).parent
SECRET = "a secret that must not come back"


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")
    n: int


@pytest.fixture
def app() -> FastAPI:
    """Routes that fail in every way we know."""
    app = FastAPI()

    @app.post("/wish")
    def wish(body: Wish) -> int:
        return body.n

    wishes = APIRouter(prefix="/wishes")
    wishes.get("/{one}")(lambda one: one)
    wishes.patch("/{one}")(lambda one: one)
    app.include_router(wishes)

    @app.get("/crash")
    def crash() -> None:
        raise ZeroDivisionError(SECRET)

    @app.get("/refuse/{name}")
    def refuse(name: str) -> None:
        raise getattr(errors, name)("bad_request", "not like this", limit=3, status=200, instance="elsewhere")

    @app.get("/header")
    def header(x_number: Annotated[int, Header()]) -> int:
        return x_number

    @app.post("/count")
    async def count(request: Request) -> int:
        return len(await request.body())

    @app.get("/page", response_class=HTMLResponse)
    def page() -> str:
        return "<p>hello</p>"

    problems.install(app)
    limits.protect(app, body_bytes_max=1_000)
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        yield client


def refusal(answer: httpx.Response) -> tuple[int, str]:
    content = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert content["status"] == answer.status_code
    assert content["type"] == f"urn:sightline:problem:{content['code']}"
    assert content["title"]
    assert content["detail"]
    assert content["request_id"] == answer.headers["x-request-id"]
    assert SECRET not in answer.text
    return answer.status_code, content["code"]


# --- what an error looks like -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status"),
    [("BadRequest", 400), ("NotSignedIn", 401), ("NotAllowed", 403), ("NotFound", 404), ("Conflict", 409),
     ("TooLarge", 413), ("Unprocessable", 422), ("TooMany", 429), ("Unavailable", 503)],
)
async def test_refusal__each_class__has_its_status(client: httpx.AsyncClient, name: str, status: int) -> None:
    answer = await client.get(f"/refuse/{name}")
    assert refusal(answer) == (status, "bad_request")
    assert answer.json()["limit"] == 3
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_path__unknown__is_not_found(client: httpx.AsyncClient) -> None:
    assert refusal(await client.get("/nowhere")) == (404, "not_found")


async def test_method__not_of_this_path__says_which_are(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/wish")
    assert refusal(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    answer = await client.delete("/wishes/3")
    assert refusal(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, PATCH"


async def test_crash__tells_its_request_id_and_nothing_else(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get("/crash", headers={"X-Request-Id": "caller-0001"})
    assert refusal(answer) == (500, "internal")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "caller-0001" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_validation__wrong_value__is_named_but_not_repeated(client: httpx.AsyncClient) -> None:
    answer = await client.post("/wish", json={"n": SECRET, "x" * 1_00: 1})
    assert refusal(answer) == (422, "invalid_request")
    assert [problem["path"] for problem in answer.json()["errors"]] == ["body.n", "body." + "x" * 100]
    assert all(set(problem) == {"path", "message"} for problem in answer.json()["errors"])


@pytest.mark.parametrize(
    ("detail", "path", "message"),
    [
        (f"Invalid enum value '{SECRET * 9_000}' - at `$.device`", "body.device", "Invalid enum value"),
        ("Object missing required field `token` - at `$.events[0]`", "body.events[0].token",
         "Object missing required field `token`"),
        ("two small letters are expected at `$.language`", "body.language", "two small letters are expected"),
        ("a sound has no width and height", "body", "a sound has no width and height"),
        (f"Object contains unknown field `{'x' * 9_000}`", "body." + "x" * 195, "Object contains unknown field `"),
    ],
)
async def test_validation__of_a_body_that_a_service_reads__names_the_field_too(
    app: FastAPI, client: httpx.AsyncClient, detail: str, path: str, message: str
) -> None:
    @app.get("/read")
    def read() -> None:
        raise errors.Unprocessable("invalid_request", detail)

    answer = await client.get("/read")
    assert refusal(answer) == (422, "invalid_request")
    assert len(answer.content) < 2_000
    [problem] = answer.json()["errors"]
    assert problem["path"] == path
    assert problem["message"].startswith(message)


async def test_validation__header__is_named(client: httpx.AsyncClient) -> None:
    answer = await client.get("/header", headers={"X-Number": SECRET})
    assert refusal(answer) == (422, "invalid_request")
    assert answer.json()["errors"][0]["path"] == "header.x-number"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed_json"), (b"\xff\xfe", "bad_request"), (b'{"n": NaN}', "invalid_request"),
        (b"[" * 900, "bad_request"), (b"null", "invalid_request"), (b"", "invalid_request"),
    ],
)
async def test_body__not_json_or_not_ours__is_refused(client: httpx.AsyncClient, body: bytes, code: str) -> None:
    answer = await client.post("/wish", content=body, headers={"Content-Type": "application/json"})
    status, found = refusal(answer)
    assert (found, status) in {(code, CODES[code].status), ("malformed_json", 400)}


async def test_body__of_another_type__is_refused(client: httpx.AsyncClient) -> None:
    """A form of another site cannot send JSON, so it cannot reach a route."""
    answer = await client.post("/wish", content=b'{"n": 1}', headers={"Content-Type": "text/plain"})
    assert refusal(answer) == (422, "invalid_request")


# --- limits -----------------------------------------------------------------------------------------------------


async def pieces(total: int, size: int) -> AsyncIterator[bytes]:
    for start in range(0, total, size):
        yield b"x" * min(size, total - start)


@pytest.mark.parametrize("path", ["/count", "/wish", "/nowhere"])
async def test_body__declared_too_large__is_refused(client: httpx.AsyncClient, path: str) -> None:
    assert refusal(await client.post(path, content=b"x" * 1_001)) == (413, "body_too_large")


@pytest.mark.parametrize("path", ["/count", "/wish"])
async def test_body__in_chunks_and_too_large__is_refused(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path, content=pieces(1_001, 100), headers={"Content-Type": "application/json"})
    assert refusal(answer) == (413, "body_too_large")


async def test_body__lies_about_its_length__is_refused(app: FastAPI) -> None:
    sent: list[dict[str, Any]] = []
    incoming = iter([{"type": "http.request", "body": b"x" * 600, "more_body": True},
                     {"type": "http.request", "body": b"x" * 600, "more_body": False}])
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": "/count",
        "raw_path": b"/count", "root_path": "", "query_string": b"", "headers": [(b"content-length", b"5")],
        "scheme": "http", "server": ("127.0.0.1", 8_000), "client": ("127.0.0.1", 1),
    }

    async def receive() -> dict[str, Any]:
        return next(incoming)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert [message.get("status") for message in sent] == [413, None]
    assert json.loads(sent[1]["body"])["code"] == "body_too_large"


async def test_body__exactly_the_limit__is_taken(client: httpx.AsyncClient) -> None:
    assert (await client.post("/count", content=b"x" * 1_000)).json() == 1_000
    assert (await client.post("/count", content=pieces(1_000, 333))).json() == 1_000


@pytest.mark.parametrize("path", ["/page", "/nowhere", "/docs", "/openapi.json"])
async def test_headers__of_every_answer__are_safe(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "referrer-policy" in answer.headers
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert ("default-src 'none'" in policy) == (path in {"/nowhere", "/openapi.json"})
    assert ("unsafe-inline" in policy) == (path == "/docs")


@pytest.mark.parametrize("sent", ["short", "x" * 65, "new\tline-0001", "<script>alert"])
async def test_request_id__not_harmless__is_replaced(client: httpx.AsyncClient, sent: str) -> None:
    assert (await client.get("/page", headers={"X-Request-Id": sent})).headers["x-request-id"] != sent


# --- stores that are down ---------------------------------------------------------------------------------------


@pytest.fixture
def nobody_listens() -> str:
    """A port of this machine where nothing answers."""
    return "127.0.0.1:1"


async def test_database__down__is_503_and_loses_nothing(
    redis_client: Redis, clock: Any, make_app: Callable[..., FastAPI], sign_in: Callable[..., Any],
    engine: Engine, nobody_listens: str,
) -> None:
    """L44."""
    dead = make_engine(f"postgresql+psycopg://nobody@{nobody_listens}/nothing")
    known = await sign_in(make_app(engine, redis_client, clock), "advertiser")
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(make_app(dead, redis_client, clock)), base_url="http://127.0.0.1:8000",
        headers=known.headers,
    )
    answer = await client.post("/v1/campaigns", json={"name": "x", "category": "art"}, headers={"Idempotency-Key": "k"})
    assert refusal(answer) == (503, "database_unavailable")
    assert answer.headers["retry-after"] == "2"
    assert "127.0.0.1:1" not in answer.text
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["database"], ready.json()["redis"]) == (503, "down", "ok")
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    back = make_app(engine, redis_client, clock)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(back), base_url="http://127.0.0.1:8000", headers=client.headers
    ) as again:
        assert (await again.get("/v1/campaigns")).json()["items"] == []


async def test_redis__down__is_503(
    engine: Engine, clock: Any, make_app: Callable[..., FastAPI], nobody_listens: str
) -> None:
    """L44."""
    dead = Redis.from_url(f"redis://{nobody_listens}/0")
    transport = httpx.ASGITransport(make_app(engine, dead, clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        for attempt in (client.get("/v1/auth/nonce"), client.post("/v1/auth/nonce")):
            answer = await attempt
            assert refusal(answer) == (503, "redis_unavailable")
            assert answer.headers["retry-after"] == "2"
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["database"], ready.json()["redis"]) == (503, "ok", "down")
    dead.close()


async def test_database__has_no_free_connection__is_503(
    database_url: str, redis_client: Redis, clock: Any, make_app: Callable[..., FastAPI], sign_in: Callable[..., Any]
) -> None:
    narrow = create_engine(database_url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    client = await sign_in(make_app(narrow, redis_client, clock), "advertiser")
    with narrow.connect():
        answer = await client.get("/v1/campaigns")
    assert refusal(answer) == (503, "database_unavailable")
    assert (await client.get("/v1/campaigns")).status_code == 200
    narrow.dispose()


async def test_database__cuts_the_connection__next_request_works(
    database_url: str, engine: Engine, redis_client: Redis, clock: Any, make_app: Callable[..., FastAPI],
    sign_in: Callable[..., Any],
) -> None:
    """L44: a restart of PostgreSQL costs at most the requests it interrupts."""
    own = make_engine(database_url, pool_size=1, application="to be cut")
    client = await sign_in(make_app(own, redis_client, clock), "advertiser")
    assert (await client.get("/v1/campaigns")).status_code == 200
    with engine.begin() as connection:
        cut = connection.execute(
            text("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'to be cut'")
        ).scalars().all()
    assert cut
    assert True in cut
    assert (await client.get("/v1/campaigns")).status_code == 200
    own.dispose()


async def test_readyz__indexer_has_not_run__is_ready_with_unknown_chain(browse: httpx.AsyncClient) -> None:
    answer = await browse.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True, "database": "ok", "redis": "ok", "chain": "unknown", "chain_age_seconds": None,
    }


@pytest.mark.parametrize(("age", "state"), [("1 second", "ok"), ("1 hour", "late")])
async def test_readyz__age_of_the_cursor__is_told(
    fresh_engine: Engine, redis_client: Redis, clock: Any, make_app: Callable[..., FastAPI], age: str, state: str
) -> None:
    create_schema(fresh_engine.url.render_as_string(hide_password=False))
    with fresh_engine.begin() as connection:
        names = connection.execute(
            text("select column_name from information_schema.columns where table_name = 'chain_cursor'")
        ).scalars().all()
        others = {name: 0 for name in names if name not in ("chain_id", "updated_at")}
        connection.execute(
            text(f"insert into chain_cursor (chain_id, updated_at, {', '.join(others)}) "
                 f"values (31337, now() - cast(:age as interval), {', '.join(f':{name}' for name in others)})"),
            {"age": age, **others},
        )
    transport = httpx.ASGITransport(make_app(fresh_engine, redis_client, clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["chain"]) == (200, state)


# --- the list of codes ------------------------------------------------------------------------------------------


def raised_codes() -> dict[str, set[int]]:
    """Code → statuses of every error of our tree that is made anywhere in the backend with a literal code."""
    classes = {name: kind.status for name, kind in vars(errors).items() if isinstance(kind, type)
               and issubclass(kind, errors.SightlineError)}
    found: dict[str, set[int]] = {}
    for path in BACKEND.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                if name in classes:
                    found.setdefault(str(node.args[0].value), set()).add(classes[name])
    return found


def test_codes__raised_anywhere__are_listed_with_their_status() -> None:
    raised = raised_codes()
    assert len(raised) > 20
    assert not {code: statuses for code, statuses in raised.items()
                if code not in CODES or CODES[code].status not in statuses}


def test_codes__table__has_a_row_for_each() -> None:
    lines = codes_table().splitlines()
    assert len(lines) == len(CODES) + 2
    assert "| 409 | `campaign_ended` | The campaign has ended, which is final |" in lines


def test_codes__page_in_docs__is_up_to_date() -> None:
    page = (BACKEND.parent / "docs" / "errors.md").read_text()
    assert codes_table() in page, "run: make generated"


# --- OpenAPI ----------------------------------------------------------------------------------------------------


async def test_openapi__every_route__has_a_summary_and_its_problems(accounts_app: FastAPI) -> None:
    schema = accounts_app.openapi()
    assert {"Problem", "FieldProblem"} <= schema["components"]["schemas"].keys()
    operations = [(path, method, operation) for path, methods in schema["paths"].items()
                  for method, operation in methods.items()]
    assert len(operations) > 25
    for path, method, operation in operations:
        assert operation["summary"], (method, path)
        if path.startswith("/v1/"):
            refusals = {status: answer for status, answer in operation["responses"].items() if status[0] in "45"}
            assert {"422", "503"} <= refusals.keys(), (method, path)
            assert all(list(answer["content"]) == ["application/problem+json"] for answer in refusals.values())
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(set(ids)) == len(ids)


async def test_requests__many_at_once__all_answer(browse: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(browse.get("/v1/auth/nonce") for _ in range(60)))
    assert len({answer.json()["nonce"] for answer in answers}) == 60
