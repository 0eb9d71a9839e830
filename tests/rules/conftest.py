"""Rules are pure: their tests open no sockets."""

import socket
from collections.abc import Iterator
from typing import NoReturn

import pytest


def _refuse(*_: object) -> NoReturn:
    raise AssertionError("a rule opened a connection: rules take data and give data")


@pytest.fixture(scope="module", autouse=True)
def no_sockets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for method in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, method, _refuse)
        yield
