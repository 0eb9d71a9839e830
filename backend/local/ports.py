"""Free ports on this machine's loopback interface."""

import socket
from collections.abc import Callable
from typing import TypeVar

from backend.local.errors import LocalStackError, ServerDied

LOOPBACK = "127.0.0.1"
ATTEMPTS_MAX = 5

T = TypeVar("T")


def free_port() -> int:
    """A TCP port that the operating system says is free now. Raises LocalStackError when it gives none."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
            return port
    except OSError as error:
        raise LocalStackError(
            f"No port can be opened on {LOOPBACK} ({error.strerror}). Allow listening on the loopback interface "
            "(firewall, sandbox or container settings), or set DATABASE_URL, REDIS_URL and RPC_URL to running servers"
        ) from error


def with_free_port(start: Callable[[int], T]) -> T:
    """`start(port)`, again with another port when somebody took the port before the server did."""
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return start(free_port())
        except ServerDied as error:
            if "in use" not in str(error):
                raise
    return start(free_port())
