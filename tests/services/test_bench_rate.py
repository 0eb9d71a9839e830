"""The load of the benchmarks at a fixed rate, against a small server that pauses, lies, or hangs up."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import rate
from bench.load import request

PAUSE_SECONDS = 0.3
RIGHT = b"HTTP/1.1 200 OK\r\nServer: small\r\nContent-Length: 7\r\n\r\n"
ANSWERS = {
    "/right": RIGHT + b"an ad..",
    "/accepted": RIGHT.replace(b"200 OK", b"202 Accepted").replace(b"Content-L", b"content-l") + b"an ad..",
    "/refused": RIGHT.replace(b"200 OK", b"503 Unavailable") + b"an ad..",
    "/other": RIGHT + b"nothing",
    "/endless": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nan ad\r\n0\r\n\r\n",
    "/more": RIGHT + b"an ad..more",
}
needs_compiler = pytest.mark.skipif(rate.program() is None, reason="no C compiler: bench.rate_loop makes the load")


class Small(asyncio.Protocol):
    """Answers by the path of the request; `/pause` stops the whole server once, `/silent` is never answered."""

    asked: Counter[str]

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        path = data.split()[1].decode()
        self.asked[path] += 1
        if path == "/hang-up":
            self.transport.close()
        elif path == "/pieces":
            self.transport.write(RIGHT[:30])
            asyncio.get_running_loop().call_later(0.005, self.transport.write, RIGHT[30:] + b"an ad..")
        elif path == "/pause":
            if self.asked[path] == 100:
                time.sleep(PAUSE_SECONDS)       # the pause is what is measured
            self.transport.write(ANSWERS["/right"])
        elif path != "/silent":
            self.transport.write(ANSWERS[path])


class Server:
    """The small server in a thread of its own, and what it was asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.loop = asyncio.new_event_loop()
        protocol = type("Asked", (Small,), {"asked": self.asked})
        self.listening = self.loop.run_until_complete(self.loop.create_server(protocol, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.sockets[0].getsockname()[1]}"
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.listening.close()
        self.loop.close()

    def load(
        self, *paths: str, per_second: float, seconds: float, connections: int = 4, timeout_seconds: float = 20
    ) -> rate.Waits:
        return rate.run(
            self.url, [request(self.url, "GET", path) for path in paths], "an ad", rate=per_second, seconds=seconds,
            connections=connections, timeout_seconds=timeout_seconds,
        )


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@needs_compiler
def test_run__all_answers_are_right__as_many_as_were_sent_at_the_rate(server: Server) -> None:
    waits = server.load("/right", "/accepted", "/pieces", per_second=1_000, seconds=0.3, connections=16)
    assert (waits.requests, waits.errors, waits.about_errors) == (300, 0, "")
    assert server.asked == {"/right": 100, "/accepted": 100, "/pieces": 100}
    assert waits.seconds >= 0.298
    assert 0 < waits.p50_ms <= waits.p99_ms <= waits.p999_ms <= waits.max_ms
    assert waits.max_ms >= 5        # an answer in two pieces has come when the second is there


@needs_compiler
def test_run__server_pauses__all_who_would_have_come_meanwhile_waited(server: Server) -> None:
    """150 of 350 were due in the pause. Only four were sent before it ended: alone they would be below the 99th."""
    waits = server.load("/pause", per_second=500, seconds=0.7)
    assert (waits.requests, waits.errors) == (350, 0)
    assert waits.max_ms >= PAUSE_SECONDS * 1000
    assert waits.p99_ms >= 0.9 * PAUSE_SECONDS * 1000


@needs_compiler
def test_run__wrong_answers_and_broken_connections__each_is_an_error(server: Server) -> None:
    paths = ("/right", "/refused", "/other", "/endless", "/more", "/hang-up")
    waits = server.load(*paths, per_second=600, seconds=0.1, connections=32)
    assert sum(server.asked.values()) == 60
    assert waits.requests == 10
    assert waits.errors == 50
    assert waits.about_errors.startswith("40 wrong, 10 broken: HTTP/1.1 ")


@needs_compiler
def test_run__no_answers__each_is_waited_for_and_is_an_error(server: Server) -> None:
    """Alone, since a pause of the machine makes late whatever is under way."""
    waits = server.load("/silent", per_second=100, seconds=0.1, connections=10, timeout_seconds=1)
    assert server.asked == {"/silent": 10}
    assert (waits.requests, waits.errors, waits.about_errors) == (0, 10, "10 timeouts")
    assert waits.max_ms >= 1_000


@needs_compiler
def test_run__nobody_listens__says_so_in_time(server: Server) -> None:
    server.listening.close()
    with pytest.raises(RuntimeError, match="does not take all connections"):
        server.load("/right", per_second=100, seconds=0.1, timeout_seconds=0.1)


def test_run__no_compiler__python_makes_the_load_and_says_so(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rate, "BUILT", tmp_path)
    monkeypatch.setenv("CC", "no-such-compiler")
    waits = server.load("/right", "/refused", per_second=200, seconds=0.2)
    assert (waits.requests, waits.errors, waits.tool) == (20, 20, "bench.rate_loop")
    assert server.asked == {"/right": 20, "/refused": 20}
