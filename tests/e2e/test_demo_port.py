"""The port of the demo's web page: never shared, not even with a server that listens with SO_REUSEPORT."""

import socket

import pytest

from backend.demo.port import PORTS_TRIED, hold_port
from backend.demo.waiting import DemoError
from backend.local.ports import LOOPBACK, free_port


def port_of(held: socket.socket) -> int:
    port: int = held.getsockname()[1]
    return port


def listener(port: int, option: int) -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, option, 1)
    server.bind((LOOPBACK, port))
    server.listen()
    return server


def test_hold_port__free__that_one() -> None:
    wanted = free_port()
    with hold_port(wanted) as held:
        assert port_of(held) == wanted


def test_hold_port__held_by_another_demo__the_next() -> None:
    with hold_port(free_port()) as first, hold_port(port_of(first)) as second:
        assert port_of(first) < port_of(second) < port_of(first) + PORTS_TRIED


@pytest.mark.parametrize("option", [socket.SO_REUSEADDR, socket.SO_REUSEPORT])
def test_hold_port__somebody_listens__the_next(option: int) -> None:
    wanted = free_port()
    with listener(wanted, option), hold_port(wanted) as held:
        assert port_of(held) != wanted


def test_hold_port__held__our_server_may_listen_and_is_the_one_that_answers() -> None:
    with hold_port(free_port()) as held, listener(port_of(held), socket.SO_REUSEPORT) as server:
        with socket.create_connection((LOOPBACK, port_of(held)), timeout=5) as client:
            accepted, _ = server.accept()
            accepted.sendall(b"ours")
            accepted.close()
            assert client.recv(16) == b"ours"


def test_hold_port__none_left__says_what_to_do() -> None:
    with pytest.raises(DemoError, match="--port"):
        hold_port(65_536)
