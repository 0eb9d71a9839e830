"""A connection to an application through Door, without a network: bytes go in when a test says so, and time is told."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from backend.api.door import Door

PEER = ("10.0.0.1", 5_000)


class Line(asyncio.Transport):
    """The server's end of a connection; keeps what is written."""

    def __init__(self, door: Door) -> None:
        super().__init__({"peername": PEER, "sockname": ("127.0.0.1", 8_000)})
        self.door = door
        self.sent = b""
        self.closed = self.aborted = self.reading_paused = False
        self.unread = False             # whether the peer reads nothing, so that closing has to wait
        self.changed = asyncio.Event()

    def write(self, data: Any) -> None:
        assert not self.closed, "nothing is written to a closed connection"
        self.sent += bytes(data)
        self.changed.set()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            if not self.unread:
                asyncio.get_running_loop().call_soon(self.door.connection_lost, None)
        self.changed.set()

    def abort(self) -> None:
        self.closed = self.aborted = True
        self.changed.set()

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading_paused = True

    def resume_reading(self) -> None:
        self.reading_paused = False


class Answer:
    """A response that has arrived."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.text = body.decode()

    def json(self) -> Any:
        return json.loads(self.text)


class Caller:
    """One client."""

    def __init__(self, app: Any, **settings: Any) -> None:
        config = Config(
            app, http=Door, ws="none", lifespan="off", interface="asgi3", log_config=None, proxy_headers=False,
            **settings,
        )
        config.load()
        self.door = Door(config, ServerState(), {}, asyncio.get_running_loop())
        self.line = Line(self.door)
        self.door.connection_made(self.line)

    def send(self, data: bytes) -> None:
        self.door.data_received(data)

    def request(
        self, method: str, target: str, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """A whole request at once; Content-Length is added where `headers` do not say how long the body is."""
        named = {name.lower() for name, _ in headers}
        more = [] if {"content-length", "transfer-encoding"} & named else [("Content-Length", str(len(body)))]
        head = "".join(f"{name}: {value}\r\n" for name, value in [("Host", "127.0.0.1:8000"), *headers, *more])
        self.send(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)

    def half_close(self) -> None:
        """Nothing more will be sent; what a server does not want to keep open ends."""
        if not self.door.eof_received():
            self.line.close()

    async def answer(self) -> Answer:
        """The next response. Raises EOFError when the connection ends without it."""
        while True:
            self.line.changed.clear()
            found = self._take()
            if found is not None:
                return found
            if self.line.closed:
                raise EOFError(self.line.sent)
            await self.line.changed.wait()

    def _take(self) -> Answer | None:
        head, end, rest = self.line.sent.partition(b"\r\n\r\n")
        if not end:
            return None
        found = Answer(head, b"")
        length = int(found.headers.get("content-length", 0))
        if len(rest) < length:
            return None
        self.line.sent = rest[length:]
        return Answer(head, rest[:length])
