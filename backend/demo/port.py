"""The port of the web page, taken at the very start, so that two systems can never answer on the same one.

The API's server listens with SO_REUSEPORT: a second one on the port would start without a word and get half of the
requests. A socket that is bound but does not listen keeps everybody else off and lets our own server in.
"""

import socket

from backend.demo.waiting import DemoError
from backend.local.ports import LOOPBACK

PORTS_TRIED = 20


def hold_port(wanted: int) -> socket.socket:
    """A socket that holds `wanted`, or the next free port after it; it is held until the socket is closed.

    Raises DemoError when all of the next ports are in use.
    """
    for port in range(wanted, min(wanted + PORTS_TRIED, 65_536)):
        if _is_free(port):
            held = socket.socket()
            try:
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                held.bind((LOOPBACK, port))
            except OSError:      # somebody was faster
                held.close()
                continue
            return held
    raise DemoError(f"ports {wanted} to {wanted + PORTS_TRIED - 1} are all in use; choose another with --port")


def _is_free(port: int) -> bool:
    """Whether nobody is bound to it: SO_REUSEADDR overlooks connections that are closing, but nobody's SO_REUSEPORT."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
