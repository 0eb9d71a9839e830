"""The outermost layer of the API: how large a body may be, which headers each answer has, what a crash looks like."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, NoReturn

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from backend.api import problems
from backend.api.surfaces import HEADERS as SURFACE_HEADERS
from backend.api.surfaces import HSTS, PREFLIGHT, Surface, surface_of
from backend.core import acting
from backend.core.client_ip import Network, client_ip

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_BYTES_MAX = 256 * 1024
BODY_BYTES_MAX_BY_PATH: Mapping[str, int] = {"/v1/assets": 20 * 1024 * 1024}      # files, read as a stream
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")

HEADERS_MAX = 100
HEADER_BYTES_MAX = 32 * 1024
URL_BYTES_MAX = 8 * 1024
BODY_SECONDS = 20.0                    # for any body, and more for large ones:
BODY_BYTES_PER_SECOND_MIN = 100_000


def protect(
    app: FastAPI, *, body_bytes_max: int = BODY_BYTES_MAX, body_seconds: float = BODY_SECONDS, https: bool = False,
    trusted_proxies: Sequence[Network] = (),
) -> None:
    """Put this layer around `app`; call it last, so that it is outside every other middleware.

    `https` promises browsers that we are never asked without TLS again; `trusted_proxies` may say who the client is.
    """
    app.add_middleware(
        RequestGuard, body_bytes_max=body_bytes_max, body_seconds=body_seconds, https=https,
        trusted_proxies=tuple(trusted_proxies),
    )


class RequestGuard:
    """ASGI middleware: request id, the client's address, limits of URL, headers and body, headers of the surface,
    preflights of SDK routes, and `internal` for whatever nobody caught."""

    def __init__(
        self, app: App, *, body_bytes_max: int, body_seconds: float, https: bool, trusted_proxies: Sequence[Network]
    ) -> None:
        self._app = app
        self._body_bytes_max = body_bytes_max
        self._body_seconds = body_seconds
        self._trusted = trusted_proxies
        extra = [HSTS] if https else []
        self._headers = {surface: [*headers, *extra] for surface, headers in SURFACE_HEADERS.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = request_id(_header(scope, b"x-request-id"))
        scope.setdefault("state", {})["request_id"] = name
        acting.begin(name)
        if self._trusted:
            self._set_client(scope)
        body_bytes_max = BODY_BYTES_MAX_BY_PATH.get(str(scope["path"]), self._body_bytes_max)
        seconds = self._body_seconds + body_bytes_max / BODY_BYTES_PER_SECOND_MIN
        exchange = _Exchange(scope, receive, send, name, body_bytes_max, seconds, self._headers)
        if early := _early_answer(scope, body_bytes_max):
            await exchange.answer(early)
            return
        await exchange.run(self._app)

    def _set_client(self, scope: Scope) -> None:
        """From here on the client is who our proxies say it is."""
        if scope.get("client"):
            peer, port = scope["client"]
            forwarded = b",".join(value for key, value in scope["headers"] if key == b"x-forwarded-for")
            found = client_ip(peer, forwarded.decode("latin-1"), self._trusted)
            scope["client"] = (found, port if found == peer else 0)


def _early_answer(scope: Scope, body_bytes_max: int) -> Response | None:
    """What needs no route: a preflight, or the refusal of what is too large before it is read."""
    headers = scope["headers"]
    if len(scope["path"]) + len(scope["query_string"]) > URL_BYTES_MAX:
        return _problem(scope, 414, "url_too_long", f"path and query may have at most {URL_BYTES_MAX} bytes")
    if len(headers) > HEADERS_MAX or sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES_MAX:
        return _problem(scope, 431, "headers_too_large",
                        f"at most {HEADERS_MAX} headers of {HEADER_BYTES_MAX} bytes together")
    if _declared_bytes(scope) > body_bytes_max:
        return too_large(scope, body_bytes_max)
    if scope["method"] == "OPTIONS" and surface_of(scope["path"], b"") is Surface.SDK:
        return Response(status_code=204, headers=dict(PREFLIGHT))
    return None


class _BodyRefused(Exception):
    """Stops whoever is reading a body that is too large or too slow."""


class _Exchange:
    """One request and its answer: counts what is read, adds headers to what is sent."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, request_id: str, body_bytes_max: int, body_seconds: float,
        headers: Mapping[Surface, list[tuple[bytes, bytes]]],
    ) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._request_id = request_id
        self._left = body_bytes_max
        self._body_bytes_max = body_bytes_max
        self._body_seconds = body_seconds
        self._deadline: float | None = None     # of the whole body, from when it is first asked for
        self._read = False
        self._headers = headers
        self._refused: Response | None = None
        self._started = False

    async def run(self, app: App) -> None:
        try:
            await app(self._scope, self._counted, self._decorated)
        except ClientDisconnect:
            if not self._started:       # whoever only half-closed can still read it
                await self.answer(cut_short(self._scope))
        except Exception as error:
            if self._started:
                raise
            if not self._refused:
                await self.answer(problems.internal(Request(self._scope), error))
        if self._refused and not self._started:
            await self.answer(self._refused)

    async def answer(self, response: Response) -> None:
        await response(self._scope, self._receive, self._plain)

    async def _counted(self) -> Message:
        if self._read:                          # what comes now is that the client went away
            return await self._receive()
        message = await self._in_time()
        self._read = message["type"] != "http.request" or not message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self._refuse(too_large(self._scope, self._body_bytes_max))
        return message

    async def _in_time(self) -> Message:
        """The next part of the body. One deadline for all parts, or a client could drip bytes for ever."""
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._body_seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError:
            self._refuse(too_slow(self._scope))

    def _refuse(self, answer: Response) -> NoReturn:
        self._refused = answer
        raise _BodyRefused

    async def _decorated(self, message: Message) -> None:
        # the application may turn _BodyRefused into an answer of its own; ours is the true one
        if not self._refused or self._started:
            await self._plain(message)

    async def _plain(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            message["headers"] = [*message.get("headers", ()), *self._extra_headers(message.get("headers", ()))]
        await self._send(message)

    def _extra_headers(self, present: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name.lower(): value for name, value in present}
        surface = surface_of(self._scope["path"], names.get(b"content-type", b""))
        ours = [header for header in self._headers[surface] if header[0] not in names]
        return [*ours, (b"x-request-id", self._request_id.encode())]


def request_id(sent: str) -> str:
    """The caller's X-Request-Id when it is harmless in a log, else a new one."""
    return sent if _REQUEST_ID.fullmatch(sent) else secrets.token_hex(8)


def _declared_bytes(scope: Scope) -> int:
    """Content-Length; 0 when there is none or it is not a number (then what arrives is counted)."""
    text = _header(scope, b"content-length")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def cut_short(scope: Scope) -> Response:
    """Who went away in the middle of a body may still be able to read."""
    return _problem(scope, 400, "bad_request", "the request ended before its body did")


def too_large(scope: Scope, body_bytes_max: int) -> Response:
    """The connection ends, because the rest of the body is not read."""
    return _problem(scope, 413, "body_too_large", f"a body may have at most {body_bytes_max} bytes", close=True)


def too_slow(scope: Scope) -> Response:
    """Likewise."""
    return _problem(scope, 408, "body_too_slow", "the body did not arrive in time", close=True)


def _problem(scope: Scope, status: int, code: str, detail: str, *, close: bool = False) -> Response:
    headers = {"Connection": "close"} if close else None
    return problems.problem(Request(scope), status, code, detail, headers=headers)
