"""What `bench.rate` does where there is no C compiler: one process with uvloop and raw protocols.

It takes half a core for 5,000 requests a second and is itself late then, which its figures say.
"""

import asyncio
import gc
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import uvloop

HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True)
class Sent:
    """Seconds: of each right answer since its request was due, and how late each request was seen to be due."""

    waits: list[float]
    late: list[float]
    errors: int


class _Connection(asyncio.Protocol):
    """One request at a time; gives itself back when its answer is there."""

    def __init__(self, driver: "_Driver") -> None:
        self._driver = driver
        self._buffer = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, content: bytes, due: float) -> None:
        self._due = due
        self._transport.write(content)

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        end = buffer.find(HEAD_END)
        if end < 0:
            return
        head = buffer[:end].lower()
        start = head.find(_LENGTH) + len(_LENGTH)
        stop = head.find(b"\r\n", start)
        if len(buffer) - end - len(HEAD_END) < int(head[start:] if stop < 0 else head[start:stop]):
            return
        self._buffer = b""
        self._driver.answered(self, self._due, buffer)

    def connection_lost(self, error: Exception | None) -> None:
        self._driver.lost(self)

    def close(self) -> None:
        self._transport.close()


class _Driver:
    """Sends what is due on whichever connection is free."""

    def __init__(self, contents: Sequence[bytes], expected: Callable[[bytes], bool], rate: float) -> None:
        self._contents, self._expected, self._rate = contents, expected, rate
        self._free: deque[_Connection] = deque()
        self._late: deque[float] = deque()
        self._sent = 0
        self.waits: list[float] = []
        self.late: list[float] = []
        self.errors = 0
        self.closing = False

    def add(self, connection: _Connection) -> None:
        self._free.append(connection)

    async def run(self, seconds: float) -> None:
        """Requests for so long, then whatever is still under way, three seconds at most."""
        started, due = time.perf_counter(), 0
        total = int(self._rate * seconds)
        while due < total:
            now = time.perf_counter()
            while due < total and started + due / self._rate <= now:
                self.late.append(now - started - due / self._rate)
                self._go(started + due / self._rate)
                due += 1
            await asyncio.sleep(max(0.0, min(0.0005, started + due / self._rate - time.perf_counter())))
        deadline = time.perf_counter() + 3
        while len(self.waits) + self.errors < total and time.perf_counter() < deadline:
            await asyncio.sleep(0.01)
        self.errors = total - len(self.waits)
        self.closing = True

    def answered(self, connection: _Connection, due: float, answer: bytes) -> None:
        if self._expected(answer):
            self.waits.append(time.perf_counter() - due)
        else:
            self.errors += 1
        if self._late:
            self._send(connection, self._late.popleft())
        else:
            self._free.append(connection)

    def lost(self, connection: _Connection) -> None:
        if not self.closing:
            self.errors += 1
        if connection in self._free:
            self._free.remove(connection)

    def _go(self, due: float) -> None:
        if self._free:
            self._send(self._free.popleft(), due)
        else:
            self._late.append(due)

    def _send(self, connection: _Connection, due: float) -> None:
        connection.send(self._contents[self._sent % len(self._contents)], due)
        self._sent += 1


def run(
    url: str, contents: Sequence[bytes], expected: Callable[[bytes], bool], *, rate: float, seconds: float,
    connections: int,
) -> Sent:
    """`rate` requests a second for `seconds`, the `contents` in turns. `expected` is asked about every whole answer."""
    gc.collect()
    gc.freeze()
    gc.disable()            # a pause of the client would look like one of the server
    try:
        return uvloop.run(_run(url, contents, expected, rate, seconds, connections))
    finally:
        gc.enable()
        gc.unfreeze()


async def _run(
    url: str, contents: Sequence[bytes], expected: Callable[[bytes], bool], rate: float, seconds: float,
    connections: int,
) -> Sent:
    parts, driver = urlsplit(url), _Driver(contents, expected, rate)
    opened = []
    for _ in range(connections):
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: _Connection(driver), parts.hostname or "", parts.port or 80
        )
        driver.add(connection)
        opened.append(connection)
    await driver.run(seconds)
    for connection in opened:
        connection.close()
    return Sent(driver.waits, driver.late, driver.errors)
