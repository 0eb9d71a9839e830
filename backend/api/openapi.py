"""What the OpenAPI document says beyond FastAPI: names of operations, examples, links, problems.

Operation ids are `<tag>_<function>`, so that generated clients read well; a link leads from whatever creates a thing to
the routes that take its id.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from backend.api.codes import CODES
from backend.api.examples import example_of
from backend.api.fields import ID_MAX
from backend.api.problems import MEDIA_TYPE, Problem, responses

_REF = "#/components/schemas/{model}"
_METHODS = ("get", "post", "put", "patch", "delete")
_JSON = "application/json"


def operation_id(route: APIRoute) -> str:
    """`campaigns_create` for the function `create` with the tag `campaigns`."""
    words = f"{route.tags[0] if route.tags else 'other'} {route.name}"
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def install(app: FastAPI) -> None:
    """Extend `app.openapi`; the document is made once, when it is first asked for."""
    described = app.openapi
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(extend(described()))
        return made

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI documents this way of extending the schema


def extend(document: dict[str, Any]) -> dict[str, Any]:
    """Add the schema of problems, examples and links to an OpenAPI 3.1 document; changes and returns it."""
    _mend_limits(document)
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template=_REF)
    schemas |= {**problem.pop("$defs"), "Problem": problem}
    for path, method, operation in operations(document):
        _add_common_problems(path, method, operation)
        for parameter in operation.get("parameters", ()):
            parameter["schema"] = _without_null(parameter["schema"])
        for media in _contents(operation):
            if "schema" in media and "example" not in media and "examples" not in media:
                media["example"] = example_of(media["schema"], schemas)
    _add_problem_examples(document)
    _add_links(document)
    return document


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) of everything in the document."""
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield path, method, methods[method]


def _contents(operation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What a request or an answer may carry, problems apart."""
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for answer in operation["responses"].values():
        yield from (media for name, media in answer.get("content", {}).items() if name != MEDIA_TYPE)


_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def _mend_limits(part: Any) -> None:
    """FastAPI writes limits as floats, and 2^63 - 1 is none: the nearest float is one more, which we would refuse."""
    if isinstance(part, dict):
        for name in _LIMITS:
            limit = part.get(name)
            if isinstance(limit, float) and limit.is_integer():
                part[name] = min(int(limit), ID_MAX)
        for value in part.values():
            _mend_limits(value)
    elif isinstance(part, list):
        for value in part:
            _mend_limits(value)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out is not null: a URL or a header has no such value."""
    telling = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if len(telling) != 1:
        return schema
    return {**{key: value for key, value in schema.items() if key != "anyOf"}, **telling[0]}


def _add_common_problems(path: str, method: str, operation: dict[str, Any]) -> None:
    """What the layers around every route may answer: an unreadable or too large body, an old If-Match, a limit."""
    if not path.startswith("/v1/"):
        return
    statuses = [429]
    if "security" in operation:
        statuses += [401, 403]
    if "requestBody" in operation:
        statuses += [400, 413]
    if method in ("patch", "put", "delete"):
        statuses.append(412)
    for status, answer in responses(*statuses).items():
        operation["responses"].setdefault(str(status), answer)


def _add_problem_examples(document: Mapping[str, Any]) -> None:
    for path, _, operation in operations(document):
        for status, answer in operation["responses"].items():
            media = answer.get("content", {}).get(MEDIA_TYPE)
            if media is not None:
                code = media.get("example", {}).get("code") or _CODE_OF_STATUS.get(int(status), "internal")
                media["example"] = _problem_example(int(status), code, path)


_CODE_OF_STATUS = {
    400: "bad_request", 401: "not_signed_in", 403: "not_permitted", 404: "not_found", 409: "idempotency_key_reused",
    412: "changed_meanwhile", 413: "body_too_large", 422: "invalid_request", 429: "rate_limited",
    503: "database_unavailable",
}


def _problem_example(status: int, code: str, path: str) -> dict[str, Any]:
    title = CODES[code].title if code in CODES else code
    return {
        "type": f"urn:sightline:problem:{code}", "title": title, "status": status,
        "detail": title[0].lower() + title[1:], "code": code, "instance": path, "request_id": "4c1f0e9d2b7a6583",
    }


def _add_links(document: Mapping[str, Any]) -> None:
    """From the answer of a POST to every route that takes its `id` as the parameter of that name."""
    readers: dict[str, list[tuple[str, str]]] = {}
    for path, method, operation in operations(document):
        match = re.search(r"/([a-z0-9-]+)/\{([a-z_]+)\}[^{}]*$", path)
        if match and method in ("get", "patch", "post", "delete"):
            readers.setdefault(match[1], []).append((match[2], operation["operationId"]))
    schemas = document["components"]["schemas"]
    for path, method, operation in operations(document):
        answer = operation["responses"].get("201", {})
        schema = answer.get("content", {}).get(_JSON, {}).get("schema", {})
        properties = schemas.get(str(schema.get("$ref", "")).rpartition("/")[2], {}).get("properties", {})
        if method == "post" and "id" in properties:
            links = {
                name: {"operationId": name, "parameters": {parameter: "$response.body#/id"}}
                for parameter, name in readers.get(path.rpartition("/")[2], ())
            }
            if links:
                answer["links"] = links
