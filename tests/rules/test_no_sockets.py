"""The guard that keeps the tests of rules away from the network."""

import socket

import pytest


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_socket__connect_in_a_rule_test__refused(method: str) -> None:
    with socket.socket() as opened, pytest.raises(AssertionError, match="rules take data"):
        getattr(opened, method)(("127.0.0.1", 9))
