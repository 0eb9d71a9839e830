"""ETags (RFC 9110 §8.8.3, §13): an answer that did not change is not sent again, and nobody overwrites unseen changes.

Every JSON answer of a GET below /v1 gets a strong ETag, the hash of its bytes. `If-None-Match` answers 304. A PATCH,
PUT or DELETE with `If-Match` is done only while the same path still answers with that ETag; changes of one path that
say `If-Match` wait for each other, so that of two with the same ETag one is refused with 412 `changed_meanwhile`.
"""

import contextlib
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import redis.asyncio
from fastapi import Request, Response
from redis.exceptions import LockError

from backend.api.problems import problem

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CHANGES = frozenset({"PATCH", "PUT", "DELETE"})
LOCK_SECONDS = 15
WAIT_SECONDS = 5
BUFFER_BYTES_MAX = 4 * 1024 * 1024
_ETAG_CHARACTERS = 32


def etag_of(body: bytes) -> str:
    """Strong validator of an answer: 128 bits of the SHA-256 of its bytes, quoted."""
    return f'"{hashlib.sha256(body).hexdigest()[:_ETAG_CHARACTERS]}"'


def matches(header: str, etag: str, *, weak: bool) -> bool:
    """Whether a list of If-Match or If-None-Match names `etag`; `*` names everything that exists.

    `weak` compares as If-None-Match does: a proxy may have made the validator weak (W/).
    """
    names = [name.strip() for name in header.split(",")]
    if weak:
        names = [name.removeprefix("W/") for name in names]
    return "*" in names or etag in names


class ConditionalRequests:
    """ASGI middleware inside of the RequestGuard; `client` holds the locks of conditional changes."""

    def __init__(self, app: App, *, client: redis.asyncio.Redis) -> None:
        self._app = app
        self._redis = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not str(scope["path"]).startswith("/v1/"):
            await self._app(scope, receive, send)
        elif scope["method"] == "GET":
            await self._read(scope, receive, send)
        elif scope["method"] in CHANGES and _header(scope, b"if-match"):
            await self._change(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Buffered(send)
        await self._app(scope, receive, answer.take)
        await answer.finish(_header(scope, b"if-none-match"))

    async def _change(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = "sl:if-match:" + hashlib.sha256(str(scope["path"]).encode()).hexdigest()
        lock = self._redis.lock(name, timeout=LOCK_SECONDS, blocking_timeout=WAIT_SECONDS)
        if not await lock.acquire():        # another change of the same thing takes longer than we wait
            await _refuse(scope, receive, send)
            return
        try:
            if matches(_header(scope, b"if-match"), await self._current(scope), weak=False):
                await self._app(scope, receive, send)
            else:
                await _refuse(scope, receive, send)
        finally:
            with contextlib.suppress(LockError):       # it took longer than the lock lasts
                await lock.release()

    async def _current(self, scope: Scope) -> str:
        """The ETag that GET of this path has now for this caller; empty when it does not answer 200."""
        unconditional = [(key, value) for key, value in scope["headers"] if not key.startswith((b"if-", b"content-"))]
        asked = {**scope, "method": "GET", "headers": unconditional}
        answer = _Buffered(None)
        await self._app(asked, _nothing, answer.take)
        return answer.etag


class _Buffered:
    """An answer that is held back until its ETag is known; whatever is no small JSON answer passes through."""

    def __init__(self, send: Send | None) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""
        self._held = False

    @property
    def etag(self) -> str:
        return etag_of(self._body) if self._held else ""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            self._held = message["status"] == 200 and _is_json(message)
            if self._held:
                return
        elif self._held:
            self._body += message.get("body", b"")
            return
        if self._send is not None:
            await self._send(message)

    async def finish(self, if_none_match: str) -> None:
        if not self._held or self._send is None:
            return
        assert self._start is not None
        etag, headers = self.etag, list(self._start["headers"])
        names = {name.lower() for name, _ in headers}
        headers += [(b"etag", etag.encode())] * (b"etag" not in names)
        headers += [(b"cache-control", b"private, no-cache")] * (b"cache-control" not in names)
        if if_none_match and matches(if_none_match, etag, weak=True):
            kept = [(name, value) for name, value in headers if not name.lower().startswith(b"content-")]
            await self._send({**self._start, "status": 304, "headers": kept})
            await self._send({"type": "http.response.body", "body": b""})
            return
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": self._body})


def _is_json(start: Message) -> bool:
    headers = {name.lower(): value for name, value in start.get("headers", ())}
    length = headers.get(b"content-length", b"0")
    small = length.isdigit() and int(length) <= BUFFER_BYTES_MAX
    return headers.get(b"content-type", b"").startswith(b"application/json") and small


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    answer: Response = problem(
        Request(scope), 412, "changed_meanwhile", "it is not what If-Match says any more; read it again"
    )
    await answer(scope, receive, send)


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
