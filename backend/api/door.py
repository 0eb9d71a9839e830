"""HTTP/1.1 as uvicorn speaks it, with three things of our own: hot routes are answered here, below ASGI; heads, bodies
and idle connections have limits of size and time; and who has only stopped sending is still answered.

A hot request costs less than half of what the server's own way to an application does: no scope, no events, no task
that waits for a body. Everything else goes that way.
"""

import asyncio
import logging
import sys
from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import Any
from weakref import WeakSet

from fastapi import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from backend.api import limits
from backend.api.front import Answer, Exchange, Headers, HotPaths, Scope, lines
from backend.db.failures import REDIS_UNAVAILABLE

QUIET_BYTES_MAX = 64 * 1024       # that become no head and no body; api/limits.py refuses smaller heads more kindly
SWEEP_SECONDS = 5.0
_CLOSING = b"connection: close\r\n"

log = logging.getLogger("sightline.api")

_swept: WeakSet[ServerState] = WeakSet()
_ours: dict[tuple[str, int | None], tuple[str, int | None]] = {}


class Phase(IntEnum):
    """What a connection is at."""

    WAITING = 0     # for a request, or the rest of its head
    READING = 1     # the body of a hot request
    BUSY = 2        # answering, or with the application, which reads bodies itself


class Flow:
    """What uvicorn's FlowControl does, without an event for each of ten thousand connections that never need one."""

    __slots__ = ("_transport", "_writable", "read_paused", "write_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._writable: asyncio.Event | None = None
        self.read_paused = self.write_paused = False

    async def drain(self) -> None:
        """Until the peer has read enough."""
        if self.write_paused:
            if self._writable is None:
                self._writable = asyncio.Event()
            await self._writable.wait()

    def pause_reading(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        self.write_paused = True

    def resume_writing(self) -> None:
        self.write_paused = False
        if self._writable is not None:
            self._writable.set()
            self._writable = None


class Pipeline(list[Any]):
    """Requests that wait behind another, the newest first. An empty deque takes 700 bytes more."""

    __slots__ = ()

    def appendleft(self, waiting: Any) -> None:
        self.insert(0, waiting)


class Door(HttpToolsProtocol):
    """One connection. It keeps little while it is idle: there may be ten thousand."""

    # beside the dictionary of uvicorn's own, which Python keeps small as long as it has no more than 30 names
    __slots__ = ("_head_bytes", "_in_head", "_phase", "_quiet_bytes", "_since", "_stuck_since", "hot")

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.pipeline = Pipeline()      # type: ignore[assignment] # as much of a deque as is used
        self.hot: HotPaths | None = getattr(self.app, "hot", None)
        self._phase = Phase.WAITING
        self._since = 0.0               # of the phase, by the loop's clock
        self._quiet_bytes = 0           # since there was a head or a part of a body
        self._head_bytes = 0            # no fewer than a head has that ends now
        self._stuck_since = 0.0         # since when the peer does not read
        self._in_head = False

    # ---- the connection -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        super().connection_made(transport)
        self.flow = Flow(transport)     # type: ignore[assignment] # does the same
        if self.client and self.server:     # what all have in common is there once
            self.server = _ours.setdefault(self.server, self.server)
            self.client = sys.intern(self.client[0]), self.client[1]
        self._since = self.loop.time()
        if self.server_state not in _swept:
            _swept.add(self.server_state)
            self.loop.call_later(SWEEP_SECONDS, _sweep, self.loop, self.server_state)

    def data_received(self, data: bytes) -> None:
        self._quiet_bytes += len(data)
        self._head_bytes = self._quiet_bytes
        super().data_received(data)
        if self._quiet_bytes > QUIET_BYTES_MAX and not self.transport.is_closing():
            # a head, a trailer, an extension of a chunk without end: the parser would keep them
            self.send_400_response("The request does not come to the point.")

    def send_400_response(self, msg: str) -> None:
        """Not in front of an answer that is still due, or in the middle of it."""
        if self._phase is Phase.BUSY:
            self.transport.close()
        else:
            super().send_400_response(msg)

    def resume_writing(self) -> None:
        """The peer has read something."""
        self._stuck_since = 0.0
        super().resume_writing()

    def eof_received(self) -> bool:     # type: ignore[override] # true: the transport stays open
        """Nothing more will come. What was asked is answered before the connection ends."""
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        cycle.keep_alive = False
        if cycle.more_body:
            if not isinstance(cycle, Exchange):
                return False                    # the application learns it when it reads on
            self._refuse(cycle, limits.cut_short)
        return not self.transport.is_closing()

    def look_at_clock(self, now: float) -> None:
        """End what takes too long."""
        if self.flow.write_paused or self.transport.is_closing():
            self._stuck_since = self._stuck_since or now
            if now - self._stuck_since > self.timeout_keep_alive:
                self.transport.abort()
        elif self._phase is Phase.WAITING and now - self._since > self.timeout_keep_alive:
            self.transport.close()
        elif self._phase is Phase.READING and self.hot is not None and now - self._since > self.hot.body_seconds:
            cycle: Any = self.cycle
            self._refuse(cycle, limits.too_slow)

    # ---- requests -----------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """The scope is laid when the application is to see it."""
        self.url = b""
        self.headers: Headers = []
        self.expect_100_continue = False
        self._in_head = True
        if self._phase is Phase.WAITING:
            self._since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """As uvicorn's, which costs as much again; but trailers are nobody's."""
        if self._in_head:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._quiet_bytes = 0
        if self.transport.is_closing():         # what comes behind a refusal is not for anybody
            return
        hot: Any = self._hot()
        if hot is None:
            self._lay_scope()
            super().on_headers_complete()
            self._phase = Phase.BUSY
            return
        hot.keep_alive = self.parser.should_keep_alive()
        self.cycle = hot
        self._phase = Phase.READING

    def on_body(self, body: bytes) -> None:
        self._quiet_bytes = 0
        cycle: Any = self.cycle
        if cycle is None:               # behind a refusal
            return
        if not isinstance(cycle, Exchange):
            super().on_body(body)
        elif not cycle.response_complete:
            cycle.take(body)
            if self.hot is not None and len(cycle.body) > self.hot.body_bytes_max:
                body_bytes_max = self.hot.body_bytes_max
                self._refuse(cycle, lambda scope: limits.too_large(scope, body_bytes_max))

    def on_message_complete(self) -> None:
        self._quiet_bytes = 0
        cycle: Any = self.cycle
        if cycle is None:
            return
        if not isinstance(cycle, Exchange):
            super().on_message_complete()
        elif not cycle.response_complete:
            cycle.more_body = False
            self._phase = Phase.BUSY
            try:
                self._begin(cycle)
            except Exception:       # the parser would take it for the client's fault
                log.exception("a hot request could not be begun")
                self.transport.close()

    def on_response_complete(self) -> None:
        """As uvicorn's, but that no timer is set for each request: `look_at_clock` is called for all of them."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._phase, self._since = Phase.WAITING, self.loop.time()

    # ---- hot ones -----------------------------------------------------------------------------------------------

    def _hot(self) -> Exchange | None:
        """The request, if it is a plain one for a hot route and nobody is before it."""
        if self.hot is None or self.expect_100_continue:
            return None
        if self.cycle is not None and not self.cycle.response_complete:
            return None
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            return None
        parser = self.parser
        if parser.get_method() != b"POST" or parser.get_http_version() != "1.1" or parser.should_upgrade():
            return None
        return self.hot.of(self.url, self.headers, self._head_bytes)

    def _begin(self, exchange: Exchange) -> None:
        """Without a task where that is possible."""
        hot = self.hot
        assert hot is not None
        hot.open(exchange, self.client[0] if self.client else None)
        started = None if self.flow.write_paused else hot.start(exchange)
        if started is None:
            self._begin_task(exchange)
        elif isinstance(started, bytes):
            self._tell(exchange, hot.success(exchange, started))
        else:
            try:
                started[0](partial(self._arrived, exchange, started[1]))
            except Exception:           # it is raised again where there is time to say what it means
                self._begin_task(exchange)

    def _begin_task(self, exchange: Exchange, raised: Exception | None = None) -> None:
        task = self.loop.create_task(self._answer(exchange, raised))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _answer(self, exchange: Exchange, raised: Exception | None = None) -> None:
        assert self.hot is not None
        answer = await self.hot.answer(exchange, self._scope_of(exchange), raised)
        if self.flow.write_paused and not exchange.disconnected:
            await self.flow.drain()
        self._tell(exchange, answer)

    def _arrived(self, exchange: Exchange, finish: Callable[[Any], bytes | None], reply: Any) -> None:
        """What a started answer waited for is there, or will never be."""
        assert self.hot is not None
        content, raised = None, None
        try:
            if isinstance(reply, Exception):
                raise reply
            content = finish(reply)
        except REDIS_UNAVAILABLE as error:
            raised = error          # whether it was done is not known: nothing is begun again
        except Exception:
            log.debug("a started answer is begun again", exc_info=True)
        if content is not None:
            self._tell(exchange, self.hot.success(exchange, content))
        elif not exchange.disconnected:
            self._begin_task(exchange, raised)

    def _refuse(self, exchange: Exchange, refuse: Callable[[Scope], Response]) -> None:
        """Without its body. The connection ends, because the rest is not read."""
        assert self.hot is not None
        exchange.keep_alive = False
        self._phase = Phase.BUSY
        peer = self.client[0] if self.client else None
        self._tell(exchange, self.hot.refusal(exchange, refuse, peer, self._scope_of(exchange)))

    def _tell(self, exchange: Exchange, answer: Answer) -> None:
        exchange.response_complete = True
        current: Any = self.cycle
        if current is exchange:         # nobody looks at it any more
            current, self.headers = None, []
            self.cycle = current        # as before the first request
        if exchange.disconnected or self.parser is None:        # a request behind it was told that nobody is there
            return
        head, content = answer
        closing = b"" if exchange.keep_alive or _CLOSING in head else _CLOSING
        self.transport.write(b"".join((head, _common(self.server_state), closing, b"\r\n", content)))
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _scope_of(self, exchange: Exchange) -> Callable[[], Scope]:
        def scope() -> Scope:
            route, head = exchange.route, exchange.head
            return {
                "type": "http", "asgi": {"version": self.asgi_version, "spec_version": "2.3"}, "http_version": "1.1",
                "server": self.server, "client": self.client, "scheme": self.scheme, "root_path": self.root_path,
                "headers": list(head.items()), "method": "POST", "path": route.path, "raw_path": route.path.encode(),
                "query_string": b"", "state": {},
            }

        return scope

    def _lay_scope(self) -> None:
        """What uvicorn does when a message begins."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)


_rendered: tuple[Headers, bytes] = [], b""


def _common(state: ServerState) -> bytes:
    """The headers of every answer; the server makes new ones each second."""
    global _rendered
    if state.default_headers is not _rendered[0]:
        _rendered = state.default_headers, lines(state.default_headers)
    return _rendered[1]


def _sweep(loop: asyncio.AbstractEventLoop, state: ServerState) -> None:
    """One look at all connections of a server, again and again: cheaper than a timer for each of them."""
    loop.call_later(SWEEP_SECONDS, _sweep, loop, state)
    now = loop.time()
    for connection in list(state.connections):
        if isinstance(connection, Door):
            try:
                connection.look_at_clock(now)
            except Exception:
                log.exception("a connection could not be ended")
