"""Keeps as many workers as were asked for: starts them, replaces who dies, and all of them in turn when that is wanted.

Workers share one listening socket, so no connection is refused while one of them is away.
"""

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE

READY = b"ready"
READY_SECONDS_MAX = 120.0       # of a replacement; it may be compiling a large catalogue
REST_SECONDS = 1.0              # before a worker is started again that has died before it was ready

log = logging.getLogger("sightline.workers")
_spawn = multiprocessing.get_context("spawn")


class _Worker(Server):
    """Says when it is ready."""

    def __init__(self, config: Config, parent: Connection) -> None:
        super().__init__(config)
        self._parent = parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._parent.send_bytes(READY)


def work(config: Config, listener: socket.socket, parent: Connection) -> None:
    """The life of a worker. It ends when it is told to, or when nobody is left who could tell it."""
    config.configure_logging()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with suppress(KeyboardInterrupt):
        _Worker(config, parent).run([listener])


def _end_with(parent: Connection) -> None:
    with suppress(EOFError, OSError):
        parent.recv_bytes()         # nothing is ever sent
    os.kill(os.getpid(), signal.SIGTERM)


@dataclass(slots=True)
class _Child:
    process: SpawnProcess
    pipe: Connection
    ready: bool = False


class Workers:
    """`run` until SIGTERM or SIGINT; SIGHUP replaces the workers. `drain_seconds`: what they may still take then."""

    def __init__(self, config: Config, listener: socket.socket, drain_seconds: float) -> None:
        self._config, self._listener, self._drain_seconds = config, listener, drain_seconds
        self._children: list[_Child] = []
        self._stopping, self._renewing = threading.Event(), False
        self._wake, self._woken = os.pipe()

    def run(self) -> int:
        """Returns the exit code: 0, or uvicorn's STARTUP_FAILURE (3) when no worker ever became ready."""
        for name in (self._wake, self._woken):
            os.set_blocking(name, False)
        signal.set_wakeup_fd(self._woken)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._told)
        code = self._keep()
        self._end(self._children)
        return code

    def _told(self, number: int, _: object) -> None:
        if number == signal.SIGHUP:
            self._renewing = True
        else:
            self._stopping.set()

    def _keep(self) -> int:
        was_ready, rest = False, 0.0
        while not self._stopping.is_set():
            if rest == 0.0:
                while len(self._children) < self._config.workers:
                    self._children.append(self._start())
            self._wait(self._children, rest or None)
            if self._stopping.is_set():          # whoever has ended meanwhile was told to
                break
            rest = 0.0
            was_ready = was_ready or any(child.ready for child in self._children)
            for child in [child for child in self._children if not child.process.is_alive()]:
                self._children.remove(child)
                log.error("worker %s ended by itself (%s)", child.process.pid, child.process.exitcode)
                if not was_ready:
                    return STARTUP_FAILURE
                rest = rest if child.ready else REST_SECONDS
            while self._renewing and not self._stopping.is_set():       # it may be wanted again meanwhile
                self._renewing = False
                self._renew()
        return 0

    def _start(self) -> _Child:
        ours, theirs = _spawn.Pipe()
        process = _spawn.Process(target=work, args=(self._config, self._listener, theirs))
        process.start()
        theirs.close()
        return _Child(process, ours)

    def _wait(self, children: list[_Child], seconds: float | None) -> None:
        """Until a signal comes, or a worker is ready or ends, or the time is over."""
        starting = {child.pipe: child for child in children if not child.ready}
        ends = [child.process.sentinel for child in children]
        for one in wait([self._wake, *starting, *ends], seconds):
            if one == self._wake:
                with suppress(BlockingIOError):
                    os.read(self._wake, 1_024)
            elif isinstance(one, Connection) and one in starting:
                with suppress(EOFError, OSError):
                    starting[one].ready = one.recv_bytes() == READY

    def _renew(self) -> None:
        """One after the other, each only when its replacement is ready."""
        for old in list(self._children):
            new = self._start()
            waited = 0.0
            while not (new.ready or self._stopping.is_set() or waited > READY_SECONDS_MAX) and new.process.is_alive():
                self._wait([new], REST_SECONDS)
                waited += REST_SECONDS
            if not new.ready:
                log.error("the replacement of worker %s does not get ready: the others stay", old.process.pid)
                self._end([new])
                return
            self._children[self._children.index(old)] = new
            self._end([old])

    def _end(self, children: list[_Child]) -> None:
        """Let them finish what they have begun; all have the same time for it."""
        for child in children:
            child.process.terminate()
        deadline = time.monotonic() + self._drain_seconds
        for child in children:
            child.process.join(max(0.0, deadline - time.monotonic()))
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
            child.pipe.close()
