"""How uvicorn runs the API: the same settings for `sightline serve` and for the benchmarks."""

import logging
import os
import resource
import socket
import sys
from typing import TYPE_CHECKING

from uvicorn import Config

from backend.main.workers import Workers

if TYPE_CHECKING:               # whoever only keeps workers does not need it in memory
    from fastapi import FastAPI

# A worker answers no more connections than this with anything but 503. Behind nginx there are few; without it every
# viewer has one.
CONNECTIONS_MAX = 16_384
BACKLOG = 8_192
FILES_MAX = CONNECTIONS_MAX + 1_024
# How long a connection may stay idle. Longer than nginx keeps its own (60 s), so that it is nginx who closes them and
# no request meets a connection that ends.
KEEP_ALIVE_SECONDS = 75
# What a worker that was told to end may still take for what it has begun; then it is killed.
DRAIN_SECONDS = 10
END_SECONDS = 5         # and for handing over what it has counted


def run(target: str, host: str, port: int, workers: int) -> None:
    """Serve the application that the factory `target` makes, until SIGTERM: then the workers take no more connections,
    finish what they have begun, and end. SIGHUP replaces them one after the other; one that dies is replaced.

    Exits with 3 when no worker gets ready.
    """
    _raise_file_limit()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")      # its threads spin while they wait, on the worker's own core
    config = Config(
        target,
        factory=True,
        interface="asgi3",
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http="backend.api.door:Door",
        ws="none",
        lifespan="on",
        backlog=BACKLOG,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        access_log=False,
        proxy_headers=False,        # api/limits.py reads them, from proxies that we know
        server_header=False,
        log_level=logging.WARNING,
    )
    sys.exit(Workers(config, _bound(host, port), DRAIN_SECONDS + END_SECONDS).run())


def _bound(host: str, port: int) -> socket.socket:
    """A socket at an address that somebody may hold for us: the demo does, before anything else takes the port."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        sys.exit(f"sightline: cannot listen on {host}:{port}: {error}")
    bound.set_inheritable(True)
    return bound


def _raise_file_limit() -> None:
    """As many connections as a worker takes, if the system allows it: a shell's 1,024 are soon used up."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = FILES_MAX if hard == resource.RLIM_INFINITY else min(FILES_MAX, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def serve_app() -> "FastAPI":
    """The application, for a worker."""
    from backend.main import serve

    return serve.serve_app()
