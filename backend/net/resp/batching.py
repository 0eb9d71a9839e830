"""The client: commands of one turn of the event loop leave in few writes; it reconnects by itself."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import redis

from backend.net.resp.commands import Argument, Script, pack
from backend.net.resp.connection import Address, Connection, Reply, Then, Waiting, settle

WAITING_MAX = 20_000
UNSENT_BYTES_MAX = 16 * 1024 * 1024
REST_SECONDS_MIN, REST_SECONDS_MAX = 0.05, 0.2
CHECKS_PER_TIMEOUT = 4
# Commands of one turn that leave in one write; the server works on them while we make the next ones.
SENT_AT_ONCE = 8


class Busy(redis.ConnectionError):
    """So much waits for Redis already that one more would only wait too."""


class Resp:
    """One connection to one Redis, for one event loop at a time.

    Errors are redis-py's: ConnectionError (down, lost, or Busy), TimeoutError, ResponseError and their kinds. When a
    connection breaks, whether a command that was under way has run is not known: it fails, and nothing is sent twice.
    While Redis is down, calls fail at once; it is tried again after 0.05 s, and then twice that, up to 0.2 s.
    A server that leaves a command unanswered for `timeout_seconds` (up to a quarter more) is taken for lost.
    """

    def __init__(
        self, url: str, *, timeout_seconds: float = 5.0, connect_seconds: float = 2.0, waiting_max: int = WAITING_MAX,
        unsent_bytes_max: int = UNSENT_BYTES_MAX,
    ) -> None:
        self._address = Address(url)
        self._timeout_seconds = timeout_seconds
        self._connect_seconds = connect_seconds
        self._waiting_max = waiting_max
        self._unsent_bytes_max = unsent_bytes_max
        self._scripts: dict[bytes, Script] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._forget()

    def _forget(self) -> None:
        self._connection: Connection | None = None
        self._down: str | None = None
        self._waiting: deque[Waiting] = deque()
        self._out: list[bytes] = []
        self._flushing = False

    def send(self, packed: bytes) -> asyncio.Future[Reply]:
        """The reply to a packed command, to be awaited or cancelled. Replies come in the order of `send`.

        Raises ConnectionError while Redis is down, and Busy.
        """
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.ask(packed, future)
        return future

    def ask(self, packed: bytes, then: Then | asyncio.Future[Reply]) -> None:
        """As `send`, for who can do without a future, which costs as much as a command does: `then` is called with the
        reply as soon as it is read, or with the exception that `send`'s future would raise; never before this returns.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop or self._keeper is None:
            self._begin(loop)
        if self._down is not None:
            raise redis.ConnectionError(self._down)
        connection = self._connection
        if len(self._waiting) >= self._waiting_max or (connection is not None and connection.full):
            raise Busy("too many commands wait for Redis")
        self._waiting.append(then)
        self._out.append(packed)
        if not self._flushing:
            self._flushing = True
            loop.call_soon(self._flush)
        elif len(self._out) >= SENT_AT_ONCE:
            self._write()

    async def call(self, *arguments: Argument) -> Reply:
        """`await client.call("GET", "key")`."""
        return await self.send(pack(*arguments))

    async def all(self, commands: Sequence[bytes]) -> list[Reply]:
        """The replies to several packed commands; the first error among them is raised."""
        futures: list[asyncio.Future[Reply]] = []
        try:
            futures.extend(self.send(packed) for packed in commands)
            return [await future for future in futures]      # all but the first are there already, as a rule
        except BaseException:
            for future in futures:
                if not future.cancel() and not future.cancelled():
                    future.exception()                       # nobody else will look at it
            raise

    async def run(self, script: Script, packed: bytes) -> Reply:
        """The reply to a packed call of `script`, which is loaded where Redis does not know it (any more)."""
        self._scripts[script.sha] = script
        try:
            return await self.send(packed)
        except redis.exceptions.NoScriptError:
            await self.call("SCRIPT", "LOAD", script.source)
            return await self.send(packed)

    async def eval(self, script: Script, keys: Sequence[Argument], arguments: Sequence[Argument] = ()) -> Reply:
        """The reply of `script`."""
        return await self.run(script, script.packed(keys, arguments))

    def register(self, script: Script) -> None:
        """Load `script` on every connection that is opened from now on, so that the first call need not."""
        self._scripts[script.sha] = script

    async def aclose(self) -> None:
        """Close the connection; what waits fails. Whoever sends afterwards opens a new one."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None and self._loop is asyncio.get_running_loop():
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    # ---- one task keeps the connection --------------------------------------------------------------------------

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Connections and futures belong to a loop: with another one, everything begins anew."""
        self._forget()
        self._loop = loop
        self._keeper = loop.create_task(self._keep())

    async def _keep(self) -> None:
        """Connect, watch, and connect again, until cancelled."""
        rest = REST_SECONDS_MIN
        while True:
            try:
                connection = await self._connect()
                rest = REST_SECONDS_MIN
                self._fail(await self._watch(connection))
                continue
            except TimeoutError:
                self._down = "Redis does not accept connections"
            except OSError as error:
                self._down = f"Redis does not accept connections: {error.strerror or type(error).__name__}"
            except Exception as error:       # whatever it is, nobody may wait for ever
                self._down = f"Redis refuses us: {error}"
            finally:
                self._connection = None
                self._fail(redis.ConnectionError(self._down or "the connection to Redis is closed"))
            await asyncio.sleep(rest)
            rest = min(2 * rest, REST_SECONDS_MAX)
            self._down = None

    async def _connect(self) -> Connection:
        async with asyncio.timeout(self._connect_seconds):
            connection = await self._address.dial(self._unsent_bytes_max)
            try:
                await self._greet(connection)
            except BaseException:
                connection.transport.abort()
                raise
        connection.waiting, connection.answered = self._waiting, 0
        self._connection = connection
        self._flush()
        return connection

    async def _greet(self, connection: Connection) -> None:
        loads = [pack("SCRIPT", "LOAD", script.source) for script in self._scripts.values()]
        commands = [*self._address.greeting(), *loads]
        if not commands:
            return
        loop = asyncio.get_running_loop()
        replies: list[asyncio.Future[Reply]] = [loop.create_future() for _ in commands]
        connection.waiting.extend(replies)
        connection.transport.write(b"".join(commands))
        await asyncio.wait([replies[-1], connection.lost], return_when=asyncio.FIRST_COMPLETED)
        if not replies[-1].done():
            raise redis.ConnectionError("it closes connections at once")
        for error in [reply.exception() for reply in replies]:
            if error is not None:
                raise error

    async def _watch(self, connection: Connection) -> redis.RedisError:
        """Returns why the connection is over. Costs nothing per call: how many were answered is looked at now and then.
        """
        marks: deque[int] = deque(maxlen=CHECKS_PER_TIMEOUT)        # each: how many commands there were then
        try:
            while True:
                await asyncio.wait([connection.lost], timeout=self._timeout_seconds / CHECKS_PER_TIMEOUT)
                if connection.lost.done():
                    return redis.ConnectionError("the connection to Redis was lost")
                if len(marks) == marks.maxlen and connection.answered < marks[0]:
                    return redis.TimeoutError("Redis does not answer")
                marks.append(connection.answered + len(connection.waiting))
        finally:
            self._connection = None
            connection.transport.abort()
            connection.waiting = deque()       # a late reply meets nobody
            if not connection.lost.done():
                await asyncio.wait([connection.lost], timeout=1)

    def _flush(self) -> None:
        self._flushing = False
        self._write()

    def _write(self) -> None:
        connection = self._connection
        if connection is not None and self._out and not connection.lost.done():     # else they fail with it
            out, self._out = self._out, []
            connection.transport.write(b"".join(out))

    def _fail(self, why: redis.RedisError) -> None:
        """Whoever waits learns that there will be no answer."""
        waiting, self._waiting, self._out = self._waiting, deque(), []
        for one in waiting:
            settle(one, type(why)(*why.args))
