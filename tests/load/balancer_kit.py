"""Workers on ports of their own behind a balancer: nginx where there is one, else what of it matters here."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from load_kit import SECONDS_MAX, Account, Key, Site, kill

from backend.demo.waiting import wait_for
from backend.local import Child, spawn_child
from backend.local.ports import LOOPBACK, free_port
from backend.local.programs import PROJECT_ROOT
from bench.processes import family

CONFIGURATION = PROJECT_ROOT / "deploy" / "nginx" / "sightline.conf"
ROLLING_RESTART = PROJECT_ROOT / "deploy" / "nginx" / "rolling-restart.sh"
ALIVE = PROJECT_ROOT / "deploy" / "nginx" / "alive.sh"
ASKED_AGAIN = re.compile(r"/(v1/decisions|v1/events|openrtb2/bid)$|/c/")     # as the configuration says
FAIL_SECONDS, ANSWER_SECONDS = 2.0, 20
LOG = "requests.log"                # a line for each request: bytes sent to each worker that was asked, in order
LOG_FORMAT = (
    '{"name": "$http_x_request_id", "method": "$request_method", "path": "$uri", "sent": "$upstream_bytes_sent"}'
)
Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Fleet:
    """`sightline serve` on two ports, each started again when it ends, as systemd does.

    The second one begins as a restart leaves it that was given up: it is out of the balancer and does not run.
    """

    def __init__(self, site: Site, folder: Path) -> None:
        self.ports = [free_port(), free_port()]
        self.workers_file = folder / "sightline-workers.conf"
        first, second = (f"server {LOOPBACK}:{port} max_fails=0" for port in self.ports)
        self.workers_file.write_text(f"{first};\n{second} down;\n")
        self.pids: dict[int, list[int]] = {port: [] for port in self.ports}
        self._site, self._folder = site, folder
        self._children: dict[int, Child] = {}
        self._given_up: set[int] = set()
        self._stopping = threading.Event()
        self._wanted(self.ports[0]).touch()
        self._threads = [threading.Thread(target=self._keep, args=(port,)) for port in self.ports]

    def __enter__(self) -> "Fleet":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for child in self._children.values():
            for pid in family(child.pid):
                kill(pid)
        for thread in self._threads:
            thread.join(SECONDS_MAX)

    def ready(self) -> bool:
        """Whether those that are in use are."""
        return all(self._is_ready(port) for port in self.ports if self._wanted(port).exists())

    def kill_one(self, *, for_good: bool) -> None:
        """SIGKILL to one of them with its children; it comes back, or not."""
        if for_good:
            self._given_up.add(self.ports[0])
        for pid in family(self._children[self.ports[0]].pid):
            kill(pid)

    def end_one_that_hangs(self) -> None:
        """SIGSTOP to the other; the script that operators run finds it and ends it."""
        port = self.ports[1]
        pids = family(self._children[port].pid)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        done = alive(f"{LOOPBACK}:{port}", f"kill -KILL {' '.join(map(str, pids))}", seconds=1)
        assert "does not answer" in done.stderr

    @property
    def restart(self) -> str:
        """The command that starts the worker on $port, again when it runs; returns when the old one has ended."""
        end = "kill -TERM $pid; while kill -0 $pid 2>/dev/null; do sleep 0.05; done"
        return f"cd {self._folder}; touch $port.wanted; if [ -e $port.pid ]; then pid=$(cat $port.pid); {end}; fi"

    def restart_all(self, balancer: "Nginx | Balancer") -> None:
        """Run the script that operators run."""
        done = subprocess.run(
            ["sh", str(ROLLING_RESTART), str(self.workers_file), self.restart],
            env=os.environ | {"NGINX": balancer.command, "NGINX_PID": str(self._folder / "nginx.pid")},
            capture_output=True, text=True, timeout=len(self.ports) * SECONDS_MAX, check=False,
        )
        assert done.returncode == 0, done.stderr

    def _is_ready(self, port: int) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"http://{LOOPBACK}:{port}/readyz", timeout=30).status_code == 200
        return False

    def _wanted(self, port: int) -> Path:
        return self._folder / f"{port}.wanted"

    def _keep(self, port: int) -> None:
        while not self._wanted(port).exists() and not self._stopping.wait(0.05):
            pass
        while not self._stopping.is_set() and port not in self._given_up:
            child = self._children[port] = spawn_child(
                [sys.executable, "-m", "backend.cli", "serve", "--workers", "1"], cwd=PROJECT_ROOT, name="serve",
                env=self._site._settings() | {"SIGHTLINE_PORT": str(port)}, guard=self._site.guard,
                log_path=self._site.base / "logs" / f"fleet-{port}.log",
            )
            self.pids[port].append(child.pid)
            written = self._folder / f"{port}.pid.new"
            written.write_text(str(child.pid))
            written.replace(self._folder / f"{port}.pid")       # whoever reads it finds all of it
            child.wait()


def alive(
    address: str, end: str, seconds: float, programs: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the script that looks after a worker, with all programs or those of a folder."""
    path = os.environ["PATH"] if programs is None else str(programs)
    return subprocess.run(
        ["/bin/sh", str(ALIVE), address, end], env=os.environ | {"ALIVE_SECONDS": str(seconds), "PATH": path},
        capture_output=True, text=True, timeout=SECONDS_MAX, check=True,
    )


@contextmanager
def balanced(fleet: Fleet, folder: Path) -> Iterator["Nginx | Balancer"]:
    """A balancer over the fleet."""
    with Nginx(folder) if shutil.which("nginx") else Balancer(fleet.workers_file) as balancer:
        yield balancer


@dataclass(frozen=True)
class Passage:
    """A request as the balancer saw it: the name that its sender gave it, and how many workers were sent it."""

    name: str
    method: str
    path: str
    sent: int


def passages(folder: Path) -> list[Passage]:
    """All of them, once the balancer has ended. A worker that took no connection was sent nothing."""
    found = []
    for line in (folder / LOG).read_text().splitlines():
        facts = json.loads(line)
        sent = sum(int(one) > 0 for one in re.findall(r"\d+", facts.pop("sent")))
        found.append(Passage(**facts, sent=sent))
    return found


def repeated(account: Account, passed: list[Passage]) -> Counter[Key]:
    """How often each event was sent to a worker without its sender's doing."""
    found: Counter[Key] = Counter()
    for passage in passed:
        for event in account.requests.get(passage.name, ()):
            found[event] += max(passage.sent - 1, 0)
    return found


def write_nginx(folder: Path, port: int) -> list[str]:
    """The shipped configuration on a port of ours, and the command that runs it. nginx keeps no connection of clients:

    those of 1.22 close idle ones when they are told of a new list of workers, maybe under a request that comes just
    then (docs/operating.md). It waits longer for workers: on a busy machine one that is well may be silent for seconds.
    """
    site = CONFIGURATION.read_text().replace("listen 8080", f"listen {LOOPBACK}:{port}")
    site = site.replace("proxy_read_timeout 5s", f"proxy_read_timeout {ANSWER_SECONDS}s")
    (folder / "conf.d").mkdir()
    (folder / "conf.d" / "sightline.conf").write_text(site)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"worker_processes 1;\npid {folder}/nginx.pid;\nerror_log {folder}/nginx.log;\n"
        f"events {{ worker_connections 512; }}\nhttp {{\nlog_format passages '{LOG_FORMAT}';\n"
        f"access_log {folder}/{LOG} passages;\nkeepalive_timeout 0;\n{temporary}include conf.d/*.conf;\n}}\n"
    )
    return ["nginx", "-p", str(folder), "-c", "nginx.conf"]


class Nginx:
    """The real one, with our configuration."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self._command = write_nginx(folder, self._port)
        self._folder = folder
        self.url, self.command = f"http://{LOOPBACK}:{self._port}", " ".join(self._command)

    def __enter__(self) -> "Nginx":
        self._server = subprocess.Popen([*self._command, "-g", "daemon off;"])
        wait_for("nginx", self._listens, seconds_max=SECONDS_MAX)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(SECONDS_MAX)

    def _listens(self) -> bool:
        assert self._server.poll() is None, "nginx has ended"
        with suppress(OSError), socket.create_connection((LOOPBACK, self._port), timeout=SECONDS_MAX):
            return True
        return False


class Balancer:
    """Takes each request to a worker that is not down: the next one when it refuses, and for paths that may be asked
    again also when it breaks; who failed is left alone for two seconds."""

    command = "true"        # it reads the list of workers for every request

    def __init__(self, workers_file: Path) -> None:
        self._file, self._log = workers_file, (workers_file.parent / LOG).open("a", buffering=1)
        self._failed: dict[int, float] = {}
        self._idle: defaultdict[int, list[Wire]] = defaultdict(list)
        self._open: set[asyncio.StreamWriter] = set()
        self._turn = 0
        self._port = free_port()
        self.url = f"http://{LOOPBACK}:{self._port}"
        (workers_file.parent / "nginx.pid").write_text(str(os.getpid()))      # none of its children is an nginx
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def __enter__(self) -> "Balancer":
        self._thread.start()
        assert self._started.wait(SECONDS_MAX)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(SECONDS_MAX)
        self._loop.close()
        self._log.close()

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        clients: set[asyncio.Task[None]] = set()

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            clients.add(task)
            self._open.add(writer)
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    writer.write(await self._answer(await _message(reader)))
            await self._close(writer)

        server = await asyncio.start_server(client, LOOPBACK, self._port)
        self._started.set()
        await self._stop.wait()
        server.close()
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        for writer in list(self._open):
            await self._close(writer)

    async def _answer(self, request: bytes) -> bytes:
        head = request.partition(b"\r\n\r\n")[0].decode()
        method, path, _ = head.split(" ", 2)
        name = re.search(r"\r\nx-request-id: *(\S+)", head, re.IGNORECASE)
        sent: list[str] = []
        answer = await self._ask(request, bool(ASKED_AGAIN.match(path)), sent)
        facts = {"name": name[1] if name else "", "method": method, "path": path, "sent": ", ".join(sent)}
        self._log.write(f"{json.dumps(facts)}\n")
        return answer

    async def _ask(self, request: bytes, again: bool, sent: list[str]) -> bytes:
        for port in self._candidates()[:2]:
            wire: Wire | None = None
            try:
                wire = await self._wire(port)
                wire[1].write(request)
                sent.append(str(len(request)))
                answer = await asyncio.wait_for(_message(wire[0]), ANSWER_SECONDS)
            except (OSError, asyncio.IncompleteReadError):
                self._failed[port] = time.monotonic()
                if wire is not None:
                    await self._close(wire[1])
                    if not again:
                        break
                continue
            if again and b"connection: close" not in answer[: answer.index(b"\r\n\r\n")].lower():
                self._idle[port].append(wire)
            else:
                await self._close(wire[1])
            return answer
        return b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 20\r\n\r\n{\"code\":\"no_worker\"}"

    async def _wire(self, port: int) -> Wire:
        """An idle connection that the worker has not closed, or a new one."""
        while self._idle[port]:
            reader, writer = self._idle[port].pop()
            if not reader.at_eof():
                return reader, writer
            await self._close(writer)
        wire = await asyncio.open_connection(LOOPBACK, port)
        self._open.add(wire[1])
        return wire

    async def _close(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def _candidates(self) -> list[int]:
        found = re.findall(r"^ *server [\d.]+:(\d+)(?!.* down[ ;])", self._file.read_text(), re.MULTILINE)
        now, self._turn = time.monotonic(), self._turn + 1
        alive = [int(port) for port in found if now - self._failed.get(int(port), -9.0) > FAIL_SECONDS]
        ports = alive or [int(port) for port in found]
        return ports[self._turn % len(ports) :] + ports[: self._turn % len(ports)]


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One request or answer; ours always say how long they are."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return head + await reader.readexactly(int(length[1]) if length else 0)
