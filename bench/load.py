"""A small HTTP load generator: keep-alive connections on raw sockets, one request at a time on each (closed loop)."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import uvloop

HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Load:
    """What came back: answers a second, and waiting times in milliseconds."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def request(url: str, method: str, path: str, body: bytes = b"", user_agent: str = "Mozilla/5.0") -> bytes:
    """The bytes of one HTTP/1.1 request."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nUser-Agent: {user_agent}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last one is complete."""

    def __init__(self, next_request: Callable[[], bytes | None], expected: Callable[[bytes, bytes], bool]) -> None:
        self._next_request = next_request
        self._expected = expected
        self._buffer = b""
        self._sent_at = 0.0
        self.waits: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(HEAD_END)
        if not found or len(rest) < _content_length(head):
            return
        self.waits.append(time.perf_counter() - self._sent_at)
        self._buffer = b""
        if not self._expected(head[:12], rest):
            self.connection_lost(RuntimeError(f"unexpected answer: {(head + HEAD_END + rest)[:500]!r}"))
            return
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or RuntimeError("the server closed a connection"))
        self._transport.close()

    def _send(self) -> None:
        content = self._next_request()
        if content is None:
            if not self.done.done():
                self.done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(content)


def _content_length(head: bytes) -> int:
    start = head.lower().index(b"content-length:") + 15
    return int(head[start : head.find(b"\r\n", start) if b"\r\n" in head[start:] else None])


def run(
    url: str, next_request: Callable[[], bytes | None], expected: Callable[[bytes, bytes], bool], *,
    connections: int, seconds: float,
) -> Load:
    """Load the server for some seconds, or until `next_request` has no more. `expected(status line, body)` is asked

    about every answer; the first that is not stops everything with an error, so that no failure counts as speed.
    """
    return uvloop.run(_run(url, next_request, expected, connections, seconds))


async def _run(
    url: str, next_request: Callable[[], bytes | None], expected: Callable[[bytes, bytes], bool], connections: int,
    seconds: float,
) -> Load:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    started = time.perf_counter()

    def until_the_end() -> bytes | None:
        return next_request() if time.perf_counter() - started < seconds else None

    opened = [
        await asyncio.get_running_loop().create_connection(
            lambda: _Connection(until_the_end, expected), host, port
        )
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for _, connection in opened))
    waits = sorted(wait for _, connection in opened for wait in connection.waits)
    return Load(
        len(waits), time.perf_counter() - started, waits[len(waits) // 2] * 1e3, waits[len(waits) * 99 // 100] * 1e3
    )
