"""Answers the two routes that worlds call all the time before FastAPI and its middleware see them: a tenth of the cost.

Whatever is not plain about a request (a query, a repeated header, too long a head) is left to the application, whose
routes answer the same; what an answer looks like must not depend on who gave it (L75).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from fastapi import FastAPI, Request, Response
from starlette.types import Receive, Scope, Send

from backend.api import limits, problems, rates
from backend.api.dice import random_pieces
from backend.api.surfaces import HEADERS as SURFACE_HEADERS
from backend.api.surfaces import HSTS, surface_of
from backend.core.client_ip import Network, client_ip
from backend.operation.rates.service import RateService
from backend.operation.rates.table import RouteClass

Head = Mapping[bytes, bytes]
Headers = list[tuple[bytes, bytes]]

FORWARDED_BYTES_MAX = 256         # longer ones are read anew each time, so that nobody fills our memory with them
SWEEPS_PER_LIMIT = 20             # how exactly the time for a body is kept


@dataclass(frozen=True, slots=True)
class HotRoute:
    """A POST at exactly `path`: body, the head's lower-case names and the client's address go in, JSON comes out.

    Raises as routes do. The address is empty where there is none.
    """

    path: str
    status: int
    answer: Callable[[bytes, Head, str], Awaitable[bytes]]


class Front(FastAPI):
    """The application; `hot` answers first."""

    hot: "HotPaths | None" = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.hot is not None and (hot := self.hot.of(scope)) is not None:
            await self.hot.serve(hot, scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class _Hot(NamedTuple):
    """A request for a hot route. `length` is what Content-Length says, -1 when it says nothing."""

    route: HotRoute
    head: Head
    length: int


class _Refused(Exception):
    """Carries what makes the answer to a request that is not served."""

    def __init__(self, answer: Callable[[Scope], Response]) -> None:
        self.answer = answer


class _BodyRefused(_Refused):
    """Says nothing of limits of rates, as whoever refuses bodies in front of the application does not know them."""


class HotPaths:
    """The layers of the application in one: limits of head, body and rate, headers, problems. See api/limits.py."""

    def __init__(
        self, routes: Sequence[HotRoute], *, counts: RateService | None = None, https: bool = False,
        trusted_proxies: Sequence[Network] = (), body_bytes_max: int = limits.BODY_BYTES_MAX,
        body_seconds: float = limits.BODY_SECONDS,
    ) -> None:
        self._routes = {route.path: route for route in routes}
        self._counts = counts
        self._trusted = tuple(trusted_proxies)
        self._ids = random_pieces(8)
        self._client_ip = lru_cache(8_192)(self._client_ip_of)
        self._body_bytes_max = body_bytes_max
        self._late = Latecomers(body_seconds + body_bytes_max / limits.BODY_BYTES_PER_SECOND_MIN)
        extra = [HSTS] if https else []
        self._surface = {path: [*SURFACE_HEADERS[surface_of(path, b"")], *extra] for path in self._routes}
        self._fixed = {
            path: [(b"content-type", b"application/json"), *headers] for path, headers in self._surface.items()
        }

    def of(self, scope: Scope) -> _Hot | None:
        """What this is of ours; None for the application."""
        route = self._routes.get(scope["path"]) if scope["type"] == "http" else None
        if route is None or scope["method"] != "POST" or scope["query_string"]:
            return None
        sent = scope["headers"]
        head = dict(sent)
        if len(head) != len(sent) or len(head) > limits.HEADERS_MAX:
            return None
        if len(b"".join(head)) + len(b"".join(head.values())) > limits.HEADER_BYTES_MAX:
            return None
        declared = head.get(b"content-length")
        if declared is None:
            return _Hot(route, head, -1)
        if not declared.isdigit() or len(declared) > 9 or int(declared) > self._body_bytes_max:
            return None
        return _Hot(route, head, int(declared))

    async def serve(self, hot: _Hot, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, whatever happens."""
        route, head, length = hot
        sent = head.get(b"x-request-id")
        name = next(self._ids).hex() if sent is None else limits.request_id(sent.decode("latin-1"))
        told: Headers = [(b"x-request-id", name.encode())]
        try:
            if self._counts is not None:
                self._count(self._counts, scope, head, told)
            content = await route.answer(await self._body(length, receive), head, self._client(scope, head) or "")
        except Exception as error:
            scope.setdefault("state", {})["request_id"] = name
            await self._refuse(scope, receive, send, error, told)
            return
        told.append((b"content-length", b"%d" % len(content)))
        await send({
            "type": "http.response.start", "status": route.status, "headers": self._fixed[route.path] + told,
        })
        await send({"type": "http.response.body", "body": content})

    def _count(self, counts: RateService, scope: Scope, head: Head, told: Headers) -> None:
        """Count the request; `told` learns how many more may come. Raises _Refused."""
        standing = counts.take_now(RouteClass.ADS, rates.network_of(self._client(scope, head)))
        if standing is None:
            return
        told += rates.headers_of(standing)
        if not standing.allowed:
            raise _Refused(lambda scope: rates.refused(scope, standing))

    def _client(self, scope: Scope, head: Head) -> str | None:
        """Whom our proxies say they speak for, else the peer."""
        peer: str | None = scope["client"][0] if scope.get("client") else None
        forwarded = head.get(b"x-forwarded-for")
        if peer is None or forwarded is None or not self._trusted:
            return peer
        if len(forwarded) > FORWARDED_BYTES_MAX:
            return self._client_ip_of(peer, forwarded)
        return self._client_ip(peer, forwarded)

    def _client_ip_of(self, peer: str, forwarded: bytes) -> str:
        return client_ip(peer, forwarded.decode("latin-1"), self._trusted)

    async def _body(self, length: int, receive: Receive) -> bytes:
        """The whole body. Raises _BodyRefused for one that is too large, too slow, or ends too early.

        With a Content-Length nothing is waited for after its last byte, though ASGI would send an empty part.
        """
        body = b""
        reader = self._late.enter()
        try:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise _BodyRefused(limits.cut_short)
                part: bytes = message.get("body", b"")
                body += part
                if len(body) > self._body_bytes_max:
                    raise _BodyRefused(lambda scope: limits.too_large(scope, self._body_bytes_max))
                if len(body) == length or not message.get("more_body", False):
                    return body
        except asyncio.CancelledError:
            if self._late.is_late(reader):
                raise _BodyRefused(limits.too_slow) from None
            raise
        finally:
            self._late.leave(reader)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, error: Exception, told: Headers) -> None:
        """Problem details, with the headers that a success would have."""
        answer = error.answer(scope) if isinstance(error, _Refused) else await problems.answer(Request(scope), error)
        names = {name for name, _ in answer.raw_headers}
        surface = [header for header in self._surface[scope["path"]] if header[0] not in names]
        answer.raw_headers += [*surface, *(told[:1] if isinstance(error, _BodyRefused) else told)]
        await answer(scope, receive, send)


class Latecomers:
    """Cancels tasks that stay for longer than `seconds`. One timer for all of them: asyncio.timeout would cost each of
    them as much as decoding the body does. It is up to a twentieth late."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._inside: dict[asyncio.Task[Any], float] = {}       # since when, the oldest first
        self._late: set[asyncio.Task[Any]] = set()
        self._next_sweep = 0.0

    def enter(self) -> asyncio.Task[Any]:
        """The running task is watched from now on."""
        task = asyncio.current_task()
        assert task is not None
        now = time.monotonic()
        self._inside[task] = now
        if now >= self._next_sweep:
            self._plan(now)
        return task

    def leave(self, task: asyncio.Task[Any]) -> None:
        del self._inside[task]
        self._late.discard(task)

    def is_late(self, task: asyncio.Task[Any]) -> bool:
        """Whether it was cancelled for that, and for nothing else."""
        return task in self._late and task.uncancel() == 0

    def _plan(self, now: float) -> None:
        pause = self._seconds / SWEEPS_PER_LIMIT
        self._next_sweep = now + pause
        asyncio.get_running_loop().call_later(pause, self._sweep)

    def _sweep(self) -> None:
        now = time.monotonic()
        for task, since in self._inside.items():
            if now - since < self._seconds:
                break
            if task not in self._late:
                self._late.add(task)
                task.cancel()
        if self._inside:
            self._plan(now)
