"""Every answer that is not success, as RFC 9457 problem+json with a stable `code`; codes.py lists them all."""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.routing import Match

from backend.api.codes import CODES
from backend.core.errors import SightlineError
from backend.db.failures import DATABASE_UNAVAILABLE, REDIS_UNAVAILABLE

log = logging.getLogger("sightline.api")

MEDIA_TYPE = "application/problem+json"
FIELD_PROBLEMS_MAX = 20
PATH_CHARACTERS_MAX = 200
DETAIL_CHARACTERS_MAX = 300
RETRY_AFTER_SECONDS = 2
UNAVAILABLE = ((DATABASE_UNAVAILABLE, "database_unavailable"), (REDIS_UNAVAILABLE, "redis_unavailable"))


class FieldProblem(BaseModel):
    """What is wrong with one field; never the value that was sent."""

    path: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details. `code` is for programs and stable; `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    request_id: str | None = None
    errors: list[FieldProblem] | None = None


_SCHEMA = "#/components/schemas/{model}"


def responses(*problems: int | str) -> dict[int | str, dict[str, object]]:
    """OpenAPI `responses` for the problems a route may answer with: statuses, or codes that tell the route's own story.

    422 and 503 are always among them. What an example says beyond its code, openapi.py adds.
    """
    own = {CODES[code].status: code for code in reversed(problems) if isinstance(code, str)}
    statuses = {*own, *(status for status in problems if isinstance(status, int)), 422, 503}
    return {status: _described(status, own.get(status)) for status in sorted(statuses)}


def _described(status: int, code: str | None) -> dict[str, object]:
    media: dict[str, object] = {"schema": {"$ref": _SCHEMA.format(model="Problem")}}
    if code is not None:
        media["example"] = {"code": code}
    return {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: media}}


def problem(
    request: Request, status: int, code: str, detail: str, *, retry_after_seconds: int | None = None,
    headers: Mapping[str, str] | None = None, extra: Mapping[str, object] | None = None,
) -> Response:
    """The answer itself. `extra` members never replace the standard ones."""
    known = CODES.get(code)
    content: dict[str, object] = {
        **(extra or {}),
        "type": f"urn:sightline:problem:{code}",
        "title": known.title if known else HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "instance": request.url.path[:PATH_CHARACTERS_MAX],
        "request_id": getattr(request.state, "request_id", None),
    }
    sent = dict(headers or {})
    if retry_after_seconds is not None:
        sent["Retry-After"] = str(retry_after_seconds)
    return Response(json.dumps(content, default=str), status, sent, MEDIA_TYPE)


def internal(request: Request, error: Exception) -> Response:
    """The answer to a mistake of ours: logged in full, told as nothing but its request id."""
    log.error("%s %s failed (request %s)", request.method, request.url.path,
              getattr(request.state, "request_id", None), exc_info=error)
    return problem(request, 500, "internal", "something went wrong on our side")


def install(app: FastAPI) -> None:
    """Make `app` answer every error as problem+json. Unexpected ones are caught by limits.protect, outside of this."""
    app.add_exception_handler(SightlineError, _refusal)
    app.add_exception_handler(RequestValidationError, _validation)
    for status in HTTPStatus:
        if status >= 400:
            app.add_exception_handler(status, _http)
    for classes, code in UNAVAILABLE:
        for failure in classes:
            app.add_exception_handler(failure, _unavailable(code))


async def answer(request: Request, error: Exception) -> Response:
    """What an application with `install` answers, for whoever stands outside of it."""
    if isinstance(error, SightlineError):
        return await _refusal(request, error)
    code = next((code for classes, code in UNAVAILABLE if isinstance(error, classes)), None)
    return await _unavailable(code)(request, error) if code else internal(request, error)


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, SightlineError)
    if error.code in ("chain_unavailable", "wrong_chain"):      # which node we ask is nobody's business
        log.warning("%s %s: %s", request.method, request.url.path, error)
        return _not_now(request, error.code)
    wait = error.retry_after_seconds
    if wait is None and error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        wait = RETRY_AFTER_SECONDS
    headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else None
    detail, extra = error.detail, error.extra
    if error.code == "invalid_request":
        detail = _VALUE.sub("Invalid enum value", detail)[:DETAIL_CHARACTERS_MAX]
        extra = {"errors": [_field(detail)], **extra}
    return problem(request, error.status, error.code, detail, retry_after_seconds=wait, headers=headers, extra=extra)


# how msgspec says what is wrong: "Object missing required field `token` - at `$.events[0]`", with the caller's own text
_VALUE = re.compile(r"Invalid enum value '.*'", re.DOTALL)
_PLACE, _NAME = re.compile(r"(?: -)? at `\$([^`]*)`$"), re.compile(r" field `([^`]*)")


def _field(detail: str) -> dict[str, str]:
    """The one thing that is wrong, in the form of `_validation`."""
    place, name = _PLACE.search(detail), _NAME.search(detail)
    path = "body" + (place[1] if place else "") + (f".{name[1]}" if name else "")
    return {"path": path[:PATH_CHARACTERS_MAX], "message": detail[:place.start()] if place else detail}


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()[:FIELD_PROBLEMS_MAX]
    if any(item["type"] == "json_invalid" for item in found):
        return problem(request, 400, "malformed_json", "the body is not valid JSON")
    fields = [{"path": _path(item["loc"]), "message": str(item["msg"])} for item in found]
    detail = "; ".join(f"{field['path']}: {field['message']}" for field in fields[:3])
    return problem(request, 422, "invalid_request", detail, extra={"errors": fields})


def _path(location: tuple[object, ...]) -> str:
    """`body.targeting.worlds[0]`; cut, because an unknown field's name is the caller's text."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.lstrip(".")[:PATH_CHARACTERS_MAX]


_HTTP_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}


async def _http(request: Request, error: Exception) -> Response:
    status = int(getattr(error, "status_code", 500))
    code = _HTTP_CODES.get(status, HTTPStatus(status).phrase.lower().replace(" ", "_"))
    known = CODES.get(code)
    detail = str(getattr(error, "detail", "")) or (known.title if known else HTTPStatus(status).phrase)
    headers = _allowed(request) if status == HTTPStatus.METHOD_NOT_ALLOWED else getattr(error, "headers", None)
    return problem(request, status, code, detail, headers=headers)


def _allowed(request: Request) -> dict[str, str]:
    """Allow with the methods of every route of the path (RFC 9110 §10.2.1); the router names those of the first."""
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):      # those of included routers too
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    return {"Allow": ", ".join(sorted(methods))}


def _unavailable(code: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        log.warning("%s %s: %s: %s", request.method, request.url.path, code, type(error).__name__)
        return _not_now(request, code)

    return answer


def _not_now(request: Request, code: str) -> Response:
    detail = f"{CODES[code].title[0].lower()}{CODES[code].title[1:]}"
    return problem(request, 503, code, detail, retry_after_seconds=RETRY_AFTER_SECONDS)
