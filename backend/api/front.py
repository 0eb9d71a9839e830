"""The two routes that worlds call all the time, answered before FastAPI and its middleware see them.

Whatever is not plain about a request (a query, a repeated header, too long a head) is left to the application, whose
routes answer the same; what an answer looks like must not depend on who gave it (L75). api/door.py speaks HTTP.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any

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


Later = tuple[Callable[[Callable[[Any], None]], None], Callable[[Any], bytes | None]]
"""What asks a store, and calls what it is given with the reply (an exception, where one would be raised), not before it
has returned; and what makes the answer of the reply, or None: `answer` has to be asked after all."""
Start = Callable[[bytes, Head, str], bytes | Later | None]
"""As `answer`, where that needs at most one reply of a store: without a task, which costs as much as the ad does. None,
or whatever it raises, leaves the request to `answer`; so it may raise only before it has done anything."""


class Nobody:
    """Who would be told of a disconnection."""

    def set(self) -> None:
        return None


class Front(FastAPI):
    """The application, and the hot routes that Door answers before it."""

    hot: "HotPaths | None" = None


class Exchange:
    """A request for a hot route and what becomes of it; for the server it is what its own cycles are.

    `name` is the request's id, `client` the address, and `told` are headers about limits of rates, once it is opened.
    """

    __slots__ = (
        "body", "client", "disconnected", "head", "keep_alive", "more_body", "name", "response_complete", "route",
        "standing", "told",
    )
    message_event = Nobody()

    def __init__(self, route: HotRoute, head: Head) -> None:
        self.route, self.head = route, head
        self.body: bytes | bytearray = b""
        self.keep_alive = self.more_body = True
        self.response_complete = self.disconnected = False
        self.standing: Standing | None = None
        self.name, self.told = "", b""
        self.client: str | None = None

    def take(self, part: bytes) -> None:
        """One more part of the body; as a rule there is one."""
        if not self.body:
            self.body = part
            return
        if isinstance(self.body, bytes):
            self.body = bytearray(self.body)
        self.body += part


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
            + lines([(b"content-type", b"application/json"), *self._surface[route.path]]) + b"x-request-id: "
            for route in routes
        }

    def of(self, target: bytes, sent: Headers, head_bytes: int) -> Exchange | None:
        """What a POST to this target with these headers is of ours; None for the application.

        `head_bytes`: no fewer than the head has.
        """
        route = self._routes.get(target)
        if route is None:
            return None
        head = dict(sent)
        if len(head) != len(sent) or len(head) > limits.HEADERS_MAX:
            return None
        if head_bytes > limits.HEADER_BYTES_MAX and _bytes_of(head) > limits.HEADER_BYTES_MAX:
            return None
        declared = head.get(b"content-length", b"0")
        if not declared.isdigit() or len(declared) > 9 or int(declared) > self.body_bytes_max:
            return None
        return Exchange(route, head)

    def open(self, one: Exchange, peer: str | None) -> None:
        """It is named, and counted."""
        head = one.head
        sent = head.get(b"x-request-id")
        one.name = next(self._ids).hex() if sent is None else limits.request_id(sent.decode("latin-1"))
        client = one.client = self._client(peer, head)
        if self._counts is not None:
            standing = one.standing = self._counts.take_now(RouteClass.ADS, rates.network_of(client))
            if standing is not None:
                one.told = lines(rates.headers_of(standing))

    def start(self, one: Exchange) -> bytes | Later | None:
        """The content of the answer, or where it comes from; None: see `answer`."""
        start = one.route.start
        if start is None or (one.standing is not None and not one.standing.allowed):
            return None
        try:
            return start(bytes(one.body), one.head, one.client or "")
        except Exception:
            return None         # it is raised again where there is time to say what it means

    async def answer(
        self, one: Exchange, scope: Callable[[], Scope], raised: Exception | None = None
    ) -> Answer:
        """The whole answer, whatever happens, or has: `raised`. `scope` describes the request to those who write
        problems."""
        try:
            if raised is not None:
                raise raised
            if one.standing is not None and not one.standing.allowed:
                return self._written(one, rates.refused(_named(scope, one.name), one.standing))
            return self.success(one, await one.route.answer(bytes(one.body), one.head, one.client or ""))
        except Exception as error:
            return self._written(one, await problems.answer(Request(_named(scope, one.name)), error))

    def success(self, one: Exchange, content: bytes) -> Answer:
        """The answer around this content."""
        told, length = one.told, b"%d" % len(content)
        return b"".join((
            self._fixed[one.route.path], one.name.encode(), b"\r\n", told, b"content-length: ", length, b"\r\n"
        )), content

    def refusal(
        self, one: Exchange, refuse: Callable[[Scope], Response], peer: str | None, scope: Callable[[], Scope]
    ) -> Answer:
        """The answer to a body that is not read. It says nothing of limits of rates, as whoever refuses bodies in front
        of the application does not know them; but it counts."""
        self.open(one, peer)
        one.told = b""
        return self._written(one, refuse(_named(scope, one.name)))

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

    def _written(self, one: Exchange, answer: Response) -> Answer:
        """A problem, with the headers that a success would have."""
        names = {header for header, _ in answer.raw_headers}
        surface = [header for header in self._surface[one.route.path] if header[0] not in names]
        head = [*answer.raw_headers, *surface, (b"x-request-id", one.name.encode())]
        return status_line(answer.status_code) + lines(head) + one.told, bytes(answer.body)


def _bytes_of(head: Head) -> int:
    return sum(len(name) + len(value) for name, value in head.items())


def status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()


def lines(headers: Headers) -> bytes:
    """Headers as they are sent."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def _named(scope: Callable[[], Scope], name: str) -> Scope:
    found = scope()
    found.setdefault("state", {})["request_id"] = name
    return found
