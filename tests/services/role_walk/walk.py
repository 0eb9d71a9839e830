"""The routes of an app as the walk sees them: paths with values, bodies from OpenAPI."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from backend.api.guards import Guarded, guarded_routes
from role_walk.objects import BODIES, IN_BODIES, IN_QUERIES, MAKERS, NEVER_GIVEN_OUT, UNKNOWN, Maker, Scene


def guarded(app: FastAPI) -> list[Guarded]:
    return [route for route in guarded_routes(app) if route.permission]


def at(route: Guarded, values: Mapping[str, str]) -> str:
    """The path with these values."""
    return re.sub(r"\{(\w+)[^}]*\}", lambda match: values[match[1]], route.path)


def nothing(route: Guarded) -> dict[str, str]:
    """Values that name nothing."""
    return {name: UNKNOWN.get(name, NEVER_GIVEN_OUT) for name in route.parameters}


def maker_of(route: Guarded, parameter: str) -> Maker:
    """Who makes what `parameter` of the route names. Fails the test when nobody does."""
    place = route.path[: route.path.index("{" + parameter)] + "{" + parameter + "}"
    found = MAKERS.get(place) or MAKERS.get(parameter)
    assert found, f"{route}: say in role_walk/objects.py (MAKERS) how to make what {{{parameter}}} names"
    return found


async def made(route: Guarded, scene: Scene) -> dict[str, str]:
    """Values that name fresh objects of the scene's owner."""
    values: dict[str, str] = {}
    for name in route.parameters:
        values[name] = await maker_of(route, name)(scene, values)
    return values


def body_schema(app: FastAPI, route: Guarded) -> tuple[dict[str, Any], Any]:
    """The properties of the JSON body, and an example of it; ({}, None) when there is no JSON body."""
    document = app.openapi()
    operation = document["paths"].get(route.path, {}).get(route.method.lower(), {})
    media = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if media is None:
        return {}, BODIES.get(str(route))
    schema = media["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    examples = schema.get("examples") or [media.get("example")]
    return schema.get("properties", {}), BODIES.get(str(route), examples[0])


def queries_of(route: Guarded) -> dict[str, str]:
    """The query parameters of the route that name objects, each with whose maker. Fails for one nobody knows."""
    for name in route.queries:
        assert name in IN_QUERIES, f"{route}: say in role_walk/objects.py (IN_QUERIES) whether ?{name}= names an object"
    found = {name: IN_QUERIES[name] for name in route.queries}
    return {name: kind for name, kind in found.items() if kind}


def body_objects(app: FastAPI, route: Guarded) -> dict[str, str]:
    """The fields of the route's body that name objects, each with whose maker. Fails for one nobody knows."""
    properties, _ = body_schema(app, route)
    unknown = [name for name in properties if name.endswith("_id") and name not in IN_BODIES]
    assert not unknown, f"{route}: say in role_walk/objects.py (IN_BODIES) what {unknown} name"
    return {name: IN_BODIES[name] for name in properties if name in IN_BODIES}
