"""The two routes that worlds call all the time, answered before FastAPI and its middleware see them.

Whatever is not plain about a request (a query, a repeated header, too long a head) is left to the application, whose
routes answer the same; what an answer looks like must not depend on who gave it (L75). api/door.py speaks HTTP.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import FastAPI, Request, Response

from backend.api import limits, problems, rates
from backend.api.dice import random_pieces
from backend.api.surfaces import HEADERS as SURFACE_HEADERS
from backend.api.surfaces import HSTS, surface_of
from backend.core.client_ip import Network, client_ip
from backend.operation.rates.service import RateService, Standing
from backend.operation.rates.table import RouteClass

Head = Mapping[bytes, bytes]
Headers = list[tuple[bytes, bytes]]
Scope = MutableMapping[str, Any]
Answer = tuple[bytes, bytes]
"""Status line and headers, without the empty line that ends them; and the content."""

FORWARDED_BYTES_MAX = 256         # longer ones are read anew each time, so that nobody fills our memory with them


@dataclass(frozen=True, slots=True)
class HotRoute:
    """A POST at exactly `path`: body, the head's lower-case names and the client's address go in, JSON comes out.

    Raises as routes do. The address is empty where there is none.
    """

    path: str
    status: int
    answer: Callable[[bytes, Head, str], Awaitable[bytes]]
    start: "Start | None" = None


Later = tuple["asyncio.Future[Any]", Callable[[Any], bytes | None]]
"""What is waited for, and what makes the answer of it; None: `answer` has to be asked after all."""
Start = Callable[[bytes, Head, str], bytes | Later | None]
"""As `answer`, where that needs at most one reply of a store: without a task, which costs as much as the ad does. None,
or whatever it raises, leaves the request to `answer`; so it may raise only before it has done anything."""


class Front(FastAPI):
    """The application, and the hot routes that Door answers before it."""

    hot: "HotPaths | None" = None


class Hot(NamedTuple):
    """A request for a hot route. `length` is what Content-Length says, -1 when it says nothing."""

    route: HotRoute
    head: Head
    length: int


class Asked(NamedTuple):
    """A hot request with its body. `told`: headers about limits of rates."""

    hot: Hot
    body: bytes
    client: str
    name: str
    told: bytes
    standing: Standing | None


class HotPaths:
    """The layers of the application in one: limits of head, body and rate, headers, problems. See api/limits.py."""

    def __init__(
        self, routes: Sequence[HotRoute], *, counts: RateService | None = None, https: bool = False,
        trusted_proxies: Sequence[Network] = (), body_bytes_max: int = limits.BODY_BYTES_MAX,
        body_seconds: float = limits.BODY_SECONDS,
    ) -> None:
        self._routes = {route.path.encode(): route for route in routes}
        self._counts = counts
        self._trusted = tuple(trusted_proxies)
        self._ids = random_pieces(8)
        self._client_ip = lru_cache(8_192)(self._client_ip_of)
        self.body_bytes_max = body_bytes_max
        self.body_seconds = body_seconds + body_bytes_max / limits.BODY_BYTES_PER_SECOND_MIN
        extra = [HSTS] if https else []
        self._surface = {route.path: [*SURFACE_HEADERS[surface_of(route.path, b"")], *extra] for route in routes}
        self._fixed = {
            route.path: status_line(route.status)
            + lines([(b"content-type", b"application/json"), *self._surface[route.path]]) for route in routes
        }

    def of(self, target: bytes, sent: Headers) -> Hot | None:
        """What a POST to this target with these headers is of ours; None for the application."""
        route = self._routes.get(target)
        if route is None:
            return None
        head = dict(sent)
        if len(head) != len(sent) or len(head) > limits.HEADERS_MAX:
            return None
        if len(b"".join(head)) + len(b"".join(head.values())) > limits.HEADER_BYTES_MAX:
            return None
        declared = head.get(b"content-length")
        if declared is None:
            return Hot(route, head, -1)
        if not declared.isdigit() or len(declared) > 9 or int(declared) > self.body_bytes_max:
            return None
        return Hot(route, head, int(declared))

    def open(self, hot: Hot, body: bytes, peer: str | None) -> "Asked":
        """A whole request, which is counted now."""
        client, standing, told = self._client(peer, hot.head), None, b""
        if self._counts is not None:
            standing = self._counts.take_now(RouteClass.ADS, rates.network_of(client))
            if standing is not None:
                told = lines(rates.headers_of(standing))
        return Asked(hot, body, client or "", self._name(hot.head), told, standing)

    def start(self, asked: "Asked") -> bytes | Later | None:
        """The content or where it comes from; None: see `answer`."""
        route = asked.hot.route
        if route.start is None or (asked.standing is not None and not asked.standing.allowed):
            return None
        try:
            return route.start(asked.body, asked.hot.head, asked.client)
        except Exception:
            return None         # it is raised again where there is time to say what it means

    async def answer(self, asked: "Asked", scope: Callable[[], Scope]) -> Answer:
        """The whole answer, whatever happens. `scope` describes the request to those who write problems."""
        hot, standing = asked.hot, asked.standing
        try:
            if standing is not None and not standing.allowed:
                return self._written(asked, rates.refused(_named(scope, asked.name), standing))
            return self.success(asked, await hot.route.answer(asked.body, hot.head, asked.client))
        except Exception as error:
            return self._written(asked, await problems.answer(Request(_named(scope, asked.name)), error))

    def success(self, asked: "Asked", content: bytes) -> Answer:
        """The answer around this content."""
        return b"%bx-request-id: %b\r\n%bcontent-length: %d\r\n" % (
            self._fixed[asked.hot.route.path], asked.name.encode(), asked.told, len(content)
        ), content

    def refusal(
        self, hot: Hot, refuse: Callable[[Scope], Response], peer: str | None, scope: Callable[[], Scope]
    ) -> Answer:
        """The answer to a body that is not read. It says nothing of limits of rates, as whoever refuses bodies in front
        of the application does not know them; but it counts."""
        asked = self.open(hot, b"", peer)
        return self._written(asked._replace(told=b""), refuse(_named(scope, asked.name)))

    def _name(self, head: Head) -> str:
        sent = head.get(b"x-request-id")
        return next(self._ids).hex() if sent is None else limits.request_id(sent.decode("latin-1"))

    def _client(self, peer: str | None, head: Head) -> str | None:
        """Whom our proxies say they speak for, else the peer."""
        forwarded = head.get(b"x-forwarded-for")
        if peer is None or forwarded is None or not self._trusted:
            return peer
        if len(forwarded) > FORWARDED_BYTES_MAX:
            return self._client_ip_of(peer, forwarded)
        return self._client_ip(peer, forwarded)

    def _client_ip_of(self, peer: str, forwarded: bytes) -> str:
        return client_ip(peer, forwarded.decode("latin-1"), self._trusted)

    def _written(self, asked: "Asked", answer: Response) -> Answer:
        """A problem, with the headers that a success would have."""
        names = {header for header, _ in answer.raw_headers}
        surface = [header for header in self._surface[asked.hot.route.path] if header[0] not in names]
        head = [*answer.raw_headers, *surface, (b"x-request-id", asked.name.encode())]
        return status_line(answer.status_code) + lines(head) + asked.told, bytes(answer.body)


def status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()


def lines(headers: Headers) -> bytes:
    """Headers as they are sent."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def _named(scope: Callable[[], Scope], name: str) -> Scope:
    found = scope()
    found.setdefault("state", {})["request_id"] = name
    return found
