"""Free ports on this machine's loopback interface."""

import random
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from backend.local.errors import LocalStackError, ServerDied

LOOPBACK = "127.0.0.1"
ATTEMPTS_MAX = 5
# Below those that a system gives to whoever asks for any (Linux from 32768, others from 49152): no connection that is
# opened and no server of somebody else takes such a port in the seconds before ours listens, or while it is restarted.
PORTS = range(20_000, 32_768)

T = TypeVar("T")


def free_port() -> int:
    """A TCP port that is free now and is given to nobody else by chance. Raises LocalStackError when there is none."""
    for port in random.SystemRandom().sample(PORTS, ATTEMPTS_MAX):      # tests begin the other dice anew
        with suppress(OSError):
            return _bound(port)
    try:
        return _bound(0)        # whichever the system gives
    except OSError as error:
        raise LocalStackError(
            f"No port can be opened on {LOOPBACK} ({error.strerror}). Allow listening on the loopback interface "
            "(firewall, sandbox or container settings), or set DATABASE_URL, REDIS_URL and RPC_URL to running servers"
        ) from error


def _bound(port: int) -> int:
    """The port that a socket gets. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, port))
        found: int = probe.getsockname()[1]
        return found


def with_free_port(start: Callable[[int], T]) -> T:
    """`start(port)`, again with another port when somebody took the port before the server did."""
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return start(free_port())
        except ServerDied as error:
            if "in use" not in str(error):
                raise
    return start(free_port())
