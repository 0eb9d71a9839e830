"""The outermost layer of the API: how large a body may be, which headers each answer has, what a crash looks like."""

import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from backend.api import problems
from backend.core import acting

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_BYTES_MAX = 256 * 1024
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")

ANSWER_POLICY = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; media-src 'self' https:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
DOCS_POLICY = (   # Swagger UI sets styles and draws its icons from data
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
DOCS_PATHS = ("/docs",)
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"strict-origin-when-cross-origin",
    b"x-frame-options": b"DENY",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
}


def protect(app: FastAPI, *, body_bytes_max: int = BODY_BYTES_MAX) -> None:
    """Put this layer around `app`; call it last, so that it is outside every other middleware."""
    app.add_middleware(RequestGuard, body_bytes_max=body_bytes_max)


class RequestGuard:
    """ASGI middleware: request id, body limit, security headers, and `internal` for whatever nobody caught."""

    def __init__(self, app: App, *, body_bytes_max: int) -> None:
        self._app = app
        self._body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        acting.begin(request_id)
        exchange = _Exchange(scope, receive, send, request_id, self._body_bytes_max)
        if _declared_bytes(scope) > self._body_bytes_max:
            await exchange.answer(_too_large(scope, self._body_bytes_max))
            return
        await exchange.run(self._app)


class _BodyTooLarge(Exception):
    """Stops whoever is reading a body that passed the limit."""


class _Exchange:
    """One request and its answer: counts what is read, adds headers to what is sent."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str, body_bytes_max: int) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._request_id = request_id
        self._left = body_bytes_max
        self._body_bytes_max = body_bytes_max
        self._overflowed = False
        self._started = False

    async def run(self, app: App) -> None:
        try:
            await app(self._scope, self._counted, self._decorated)
        except ClientDisconnect:
            if not self._started:       # whoever only half-closed can still read it
                await self.answer(_cut_short(self._scope))
        except Exception as error:
            if self._started:
                raise
            if not self._overflowed:
                await self.answer(problems.internal(Request(self._scope), error))
        if self._overflowed and not self._started:
            await self.answer(_too_large(self._scope, self._body_bytes_max))

    async def answer(self, response: Response) -> None:
        await response(self._scope, self._receive, self._plain)

    async def _counted(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self._overflowed = True
            raise _BodyTooLarge
        return message

    async def _decorated(self, message: Message) -> None:
        # the application may turn _BodyTooLarge into an answer of its own; ours is the true one
        if not self._overflowed or self._started:
            await self._plain(message)

    async def _plain(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            message["headers"] = [*message.get("headers", ()), *self._extra_headers(message.get("headers", ()))]
        await self._send(message)

    def _extra_headers(self, present: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name.lower(): value for name, value in present}
        policy = _policy(str(self._scope["path"]), names.get(b"content-type", b""))
        ours = {**HEADERS, b"content-security-policy": policy.encode(), b"x-request-id": self._request_id.encode()}
        return [(name, value) for name, value in ours.items() if name not in names]


def _policy(path: str, content_type: bytes) -> str:
    if not content_type.startswith(b"text/html"):
        return ANSWER_POLICY
    return DOCS_POLICY if path in DOCS_PATHS else PAGE_POLICY


def _request_id(scope: Scope) -> str:
    """The caller's X-Request-Id when it is harmless in a log, else a new one."""
    sent = _header(scope, b"x-request-id")
    return sent if _REQUEST_ID.fullmatch(sent) else secrets.token_hex(8)


def _declared_bytes(scope: Scope) -> int:
    """Content-Length; 0 when there is none or it is not a number (then what arrives is counted)."""
    text = _header(scope, b"content-length")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _cut_short(scope: Scope) -> Response:
    return problems.problem(Request(scope), 400, "bad_request", "the request ended before its body did")


def _too_large(scope: Scope, body_bytes_max: int) -> Response:
    return problems.problem(
        Request(scope), 413, "body_too_large", f"a body may have at most {body_bytes_max} bytes",
        headers={"Connection": "close"},
    )
