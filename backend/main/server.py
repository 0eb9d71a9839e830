"""How granian runs the API: the same settings for `sightline serve` and for the benchmarks."""

import os
import resource
import signal

from fastapi import FastAPI
from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
from granian.http import HTTP1Settings

# A worker takes no more connections than this, and says nothing to the others: they hang. Behind nginx there are few;
# without it every viewer has one.
CONNECTIONS_MAX = 16_384
BACKLOG = 8_192
FILES_MAX = CONNECTIONS_MAX + 1_024
# Also how long a connection may stay idle. Longer than nginx keeps its own (60 s), so that it is nginx who closes them
# and no request meets a connection that ends.
KEEP_ALIVE_MS = 75_000
# What a worker that was told to end may still take for what it has begun; then it is killed.
DRAIN_SECONDS = 10


def run(target: str, host: str, port: int, workers: int) -> None:
    """Serve the application that the factory `target` makes, until SIGTERM: then the workers take no more connections,
    finish what they have begun, and end. SIGHUP replaces them one after the other."""
    _raise_file_limit()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")      # its threads spin while they wait, on the worker's own core
    Granian(
        target,
        factory=True,
        interface=Interfaces.ASGI,
        address=host,
        port=port,
        workers=workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        runtime_mode=RuntimeModes.st,
        http1_settings=HTTP1Settings(header_read_timeout=KEEP_ALIVE_MS),
        backlog=BACKLOG,
        backpressure=CONNECTIONS_MAX,
        websockets=False,
        log_level="warning",  # type: ignore[arg-type]
        respawn_failed_workers=True,
        workers_kill_timeout=DRAIN_SECONDS,
    ).serve()


def _raise_file_limit() -> None:
    """As many connections as a worker takes, if the system allows it: a shell's 1,024 are soon used up."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = FILES_MAX if hard == resource.RLIM_INFINITY else min(FILES_MAX, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def serve_app() -> FastAPI:
    """The application, for a worker that may be told to end while it still loads it."""
    # granian forks: until it has set handlers of its own, the parent's would swallow the signal
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    from backend.main import serve

    return serve.serve_app()
