"""Every route as everybody (L49): public by name or guarded; refused without the permission; and what is another's
answers like what does not exist. New routes are walked by themselves; role_walk/ says what they may need."""

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from role_walk.objects import ASKED_BY_POST, MAKERS, NEVER_GIVEN_OUT, UNKNOWN, Scene
from role_walk.people import OWN_ACCOUNT, Cast, Person
from role_walk.walk import at, body_objects, body_schema, guarded, made, nothing, queries_of
from sqlalchemy import Engine, text

from backend.api.guards import PUBLIC, Guarded, guarded_routes, permissions_page
from backend.auth.permissions import KEY_SCOPES, READ_ONLY, Permission, permitted

PERSONAL = permitted(OWN_ACCOUNT)
REFUSED = "not_permitted"
SWITCHED_ON = {
    "stripe_key": "sk_test_walk", "stripe_webhook_secret": "whsec_walk", "stripe_url": "http://127.0.0.1:9",
    "treasury_address": "0x" + "7e" * 20,
}


@pytest.fixture
def cast(
    accounts_app: FastAPI, keep_app: Callable[..., FastAPI], engine: Engine,
    sign_in: Callable[..., Awaitable[httpx.AsyncClient]],
) -> Cast:
    """On an app with everything switched on, and a Stripe that nobody answers for. `accounts_app` clears the tables."""
    return Cast(keep_app(**SWITCHED_ON), engine, sign_in)


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status, and the problem's code where there is one."""
    problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    return answer.status_code, answer.json()["code"] if problem else ""


# --- who may knock ----------------------------------------------------------------------------------------------


def test_routes__each__is_public_by_name_or_needs_a_permission(accounts_app: FastAPI) -> None:
    """L49."""
    open_routes = {str(route) for route in guarded_routes(accounts_app) if route.permission is None}
    assert not sorted(open_routes - PUBLIC.keys()), "guard them with access.py, or say in PUBLIC why everybody may"
    assert not sorted(PUBLIC.keys() - open_routes), "PUBLIC names routes that are not there or are guarded"
    assert all(PUBLIC.values())


def test_page__docs_permissions__is_what_the_code_says(accounts_app: FastAPI) -> None:
    """`make generated` writes it."""
    page = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"
    assert page.read_text() == permissions_page(guarded_routes(accounts_app))


def test_routes__that_change_something__need_no_permission_to_read(accounts_app: FastAPI) -> None:
    """So a reporter or an auditor changes nothing: reading is asked for by GET, and GET asks for nothing else."""
    wrong = [
        f"{route} needs {route.permission}"
        for route in guarded(accounts_app)
        if (route.permission in READ_ONLY) != (route.method == "GET" or str(route) in ASKED_BY_POST)
        and route.permission != Permission.SESSIONS_WRITE
    ]
    assert not wrong


async def test_walk__everybody_on_every_route__is_let_in_or_refused_as_the_table_says(cast: Cast) -> None:
    """L49: 401 for anonymous, 403 without the permission, for a key without the scope and for a cross-site cookie."""
    routes = sorted(guarded(cast.app), key=violence)
    wrong = []
    for person in await cast.everybody():
        for route in routes:
            problem = await wrongly_treated(cast.app, person, route)
            if problem:
                wrong.append(problem)
    assert not wrong, "\n".join(wrong)


def violence(route: Guarded) -> tuple[bool, bool, bool]:
    """Last comes what succeeds although it names nothing, and at the very end what ends a membership."""
    return route.path.endswith("/leave"), route.method != "GET", not route.parameters


async def wrongly_treated(app: FastAPI, person: Person, route: Guarded) -> str | None:
    """What is wrong with how `person` is treated, at a path that names nothing and with a body that cannot be."""
    properties, _ = body_schema(app, route)
    answer = await person.ask(route.method, at(route, nothing(route)), json=[] if properties else None)
    found = code(answer)
    if person.name == "anonymous":
        right = found == (401, "not_signed_in")
    elif person.cross_site and route.method != "GET":
        right = found == (403, "cross_site")
    elif route.permission in person.permissions:
        right = found[0] not in (401, 500) and found != (403, REFUSED)
    else:
        right = found == (403, REFUSED)
    return None if right else f"{person.name} on {route}, which needs {route.permission}: {found}"


# --- what is another's ------------------------------------------------------------------------------------------


def snapshot(engine: Engine) -> dict[str, str]:
    """A digest of every table."""
    with engine.begin() as connection:
        names = connection.execute(
            text("select tablename from pg_tables where schemaname = 'public' order by 1")
        ).scalars().all()
        return {
            name: hashlib.sha256(repr(sorted(
                connection.execute(text(f"select cast(t as text) from {name} t")).scalars().all()
            )).encode()).hexdigest()
            for name in names
        }


async def scene_of(cast: Cast, role: str) -> Scene:
    person = await cast.person(role)
    return Scene(cast, person, (await person.ask("GET", "/v1/auth/me")).json()["wallet"])


async def attackers(cast: Cast) -> list[Person]:
    """Who may do as much as the owner, elsewhere."""
    thief = await cast.person("thief")
    key = await cast.key("key of a thief", thief, KEY_SCOPES)
    await key.ask("GET", "/v1/notices")         # its first use is written down
    return [thief, key]


async def test_walk__objects_of_somebody_else__answer_as_if_they_did_not_exist(cast: Cast, engine: Engine) -> None:
    """L49: 404 on every route that names an object, and nothing changes; while its owner does reach it."""
    owner = await scene_of(cast, "owner")
    routes = [route for route in guarded(cast.app) if route.parameters and route.permission in PERSONAL]
    objects = [(route, await made(route, owner)) for route in routes]
    thieves = await attackers(cast)
    before = snapshot(engine)
    wrong = [
        f"{thief.name}: {route} → {found}"
        for route, values in objects for thief in thieves
        if (found := await stolen(cast.app, thief, route, values))
    ]
    assert not wrong, "\n".join(wrong)
    after = snapshot(engine)
    assert {name for name in before if before[name] != after.get(name)} == set()
    unreached = [
        f"{route} → {found}"
        for route, values in objects
        if (found := await reached(cast.app, owner, route, values))[0] in (401, 403, 404, 500)
    ]
    assert not unreached, "their owner must reach them, else the walk proves nothing:\n" + "\n".join(unreached)


async def stolen(app: FastAPI, thief: Person, route: Guarded, values: dict[str, str]) -> str | None:
    """What is wrong with the answer to `thief`."""
    _, body = body_schema(app, route)
    theirs = code(await thief.ask(route.method, at(route, values), json=body))
    if route.permission not in thief.permissions:
        return None if theirs == (403, REFUSED) else str(theirs)
    nobodys = code(await thief.ask(route.method, at(route, nothing(route)), json=body))
    return None if theirs == nobodys and theirs[0] == 404 else f"{theirs}, and for what does not exist {nobodys}"


async def reached(app: FastAPI, owner: Scene, route: Guarded, values: dict[str, str]) -> tuple[int, str]:
    """Also what the body names is the owner's."""
    _, body = body_schema(app, route)
    own = {name: typed(await MAKERS[kind](owner, {})) for name, kind in body_objects(app, route).items()}
    own = {name: value for name, value in own.items() if body and name in body}
    return code(await owner.owner.ask(route.method, at(route, values), json=body | own if own else body))


async def test_walk__objects_of_somebody_else_in_a_query__answer_as_if_they_did_not_exist(cast: Cast) -> None:
    """L49."""
    owner, thief = await scene_of(cast, "owner"), await scene_of(cast, "thief")
    for route in guarded(cast.app):
        if route.permission not in PERSONAL:
            continue
        for name, kind in queries_of(route).items():
            path = at(route, await made(route, thief))
            theirs = await thief.owner.ask(route.method, path, params={name: await MAKERS[kind](owner, {})})
            nobodys = await thief.owner.ask(route.method, path, params={name: UNKNOWN.get(kind, NEVER_GIVEN_OUT)})
            assert same(theirs, nobodys), f"{route}?{name}=: {theirs.text}, and for what does not exist {nobodys.text}"


async def test_walk__objects_of_somebody_else_in_a_body__answer_as_if_they_did_not_exist(cast: Cast) -> None:
    """L49."""
    owner, thief = await scene_of(cast, "owner"), await scene_of(cast, "thief")
    for route in guarded(cast.app):
        if route.permission not in PERSONAL:
            continue
        for name, kind in body_objects(cast.app, route).items():
            path, (_, body) = at(route, await made(route, thief)), body_schema(cast.app, route)
            stolen_id = await MAKERS[kind](owner, {})
            unknown = UNKNOWN.get(kind, NEVER_GIVEN_OUT)
            theirs = await thief.owner.ask(route.method, path, json=body | {name: typed(stolen_id)})
            nobodys = await thief.owner.ask(route.method, path, json=body | {name: typed(unknown)})
            assert theirs.status_code in (404, 409, 422), f"{route} with {name}: {theirs.text}"
            assert same(theirs, nobodys), f"{route} with {name}: {theirs.text}, and for nobody's {nobodys.text}"


def typed(value: str) -> Any:
    return int(value) if value.isdigit() else value


def same(one: httpx.Response, other: httpx.Response) -> bool:
    """Whether two answers tell the same; a list of another's must be as empty as one of nobody's."""
    if code(one) != code(other):
        return False
    return one.status_code >= 400 or one.json() == other.json()
