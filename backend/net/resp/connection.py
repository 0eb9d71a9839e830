"""One connection: bytes out, replies in, in the order of the commands. Where it leads is read from a URL as redis-py
reads it (redis://, rediss://, unix://)."""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis
import redis
from redis.connection import SSLConnection, parse_url

from backend.net.resp.commands import pack
from backend.net.resp.errors import error_of

Reply = Any          # int, bytes, None, an exception, or a list of these
Then = Callable[[Reply], None]
Waiting = asyncio.Future[Reply] | Then
PORT = 6379


class Connection(asyncio.Protocol):
    """`waiting` holds for every command whose reply has not come who waits for it: see `settle`.

    `lost` is done when the connection is gone. `full` says that the peer does not keep up with reading.
    """

    def __init__(self, unsent_bytes_max: int) -> None:
        self.waiting: deque[Waiting] = deque()
        self.answered = 0
        self.full = False
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unsent_bytes_max = unsent_bytes_max
        self._reader = hiredis.Reader(protocolError=redis.InvalidResponse, replyError=error_of)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=self._unsent_bytes_max)

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            self._resolve()
        except (redis.InvalidResponse, IndexError):         # no RESP, or more replies than commands
            self.transport.abort()

    def _resolve(self) -> None:
        next_reply, waiting = self._reader.gets, self.waiting
        while (reply := next_reply()) is not False:
            one = waiting.popleft()
            self.answered += 1
            settle(one, reply)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False

    def connection_lost(self, error: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)


def settle(one: Waiting, reply: Reply) -> None:
    """Tell who waits. A future that was cancelled is passed over; what a function raises is for
    the loop's handler of exceptions: it must not cost the connection."""
    if not isinstance(one, asyncio.Future):
        try:
            one(reply)
        except Exception as error:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a reply of Redis was not taken", "exception": error}
            )
    elif not one.done():
        if isinstance(reply, redis.RedisError):
            one.set_exception(reply)
        else:
            one.set_result(reply)


class Address:
    """Where a server is, and what it wants to hear first. Raises ValueError for a URL that redis-py would refuse."""

    def __init__(self, url: str) -> None:
        self._about: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]
        self._tls = _tls(self._about) if self._about.get("connection_class") is SSLConnection else None

    def greeting(self) -> list[bytes]:
        """Commands that a new connection begins with."""
        about, commands = self._about, []
        if about.get("password"):
            named = (about["username"],) if about.get("username") else ()
            commands.append(pack("AUTH", *named, about["password"]))
        if about.get("db"):
            commands.append(pack("SELECT", about["db"]))
        return commands

    async def dial(self, unsent_bytes_max: int) -> Connection:
        """A connection on which nothing was said yet. Raises OSError."""
        loop, about = asyncio.get_running_loop(), self._about

        def protocol() -> Connection:
            return Connection(unsent_bytes_max)

        if "path" in about:
            return (await loop.create_unix_connection(protocol, about["path"]))[1]
        host, port = about.get("host", "localhost"), about.get("port", PORT)
        return (await loop.create_connection(protocol, host, port, ssl=self._tls))[1]


def _tls(about: dict[str, Any]) -> ssl.SSLContext:
    """What `ssl_cert_reqs`, `ssl_check_hostname`, `ssl_ca_certs`, `ssl_certfile` and `ssl_keyfile` of the URL say."""
    context = ssl.create_default_context(cafile=about.get("ssl_ca_certs"))
    wanted = str(about.get("ssl_cert_reqs", "required")).removeprefix("CERT_").lower()
    hostname = str(about.get("ssl_check_hostname", "true")).lower() not in ("false", "0", "no")
    context.check_hostname = hostname and wanted == "required"
    if wanted != "required":
        context.verify_mode = ssl.CERT_NONE if wanted == "none" else ssl.CERT_OPTIONAL
    if about.get("ssl_certfile"):
        context.load_cert_chain(about["ssl_certfile"], about.get("ssl_keyfile"))
    return context
