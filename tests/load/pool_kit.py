"""Keep-alive connections on raw sockets: a tenth of what httpx costs, for tests that want the server to be busy."""

import asyncio
from collections import deque
from typing import cast
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, content: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(content)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(HEAD_END)
        if not found:
            return
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        if len(body) < int(lower[start:].split(b"\r\n", 1)[0]):
            return
        self._buffer = b""
        if self._answer and not self._answer.done():
            self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("the server closed a connection"))


class Pool:
    """So many connections; who asks waits for a free one."""

    def __init__(self, url: str, size: int) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._size = size
        self._free: deque[Connection] = deque()
        self._room = asyncio.Semaphore(size)

    async def __aenter__(self) -> "Pool":
        for _ in range(self._size):
            _, connection = await asyncio.get_running_loop().create_connection(Connection, self._host, self._port)
            self._free.append(connection)
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._free:
            connection.transport.close()

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError when there is none."""
        content = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nUser-Agent: Mozilla/5.0\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        async with self._room:
            connection = self._free.popleft()
            try:
                return await connection.ask(content)
            finally:
                self._free.append(connection)
