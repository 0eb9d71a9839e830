"""Who the client is behind proxies of ours: nobody else may say."""

import pytest

from backend.core.client_ip import client_ip, networks

OURS = networks(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(("peer", "forwarded", "client"), [
    ("203.0.113.9", "", "203.0.113.9"),
    ("203.0.113.9", "198.51.100.1", "203.0.113.9"),                    # a stranger says so
    ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
    ("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),               # the left part is the stranger's own
    ("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.2.3.4", "203.0.113.9"),     # two proxies
    ("10.0.0.1", "10.9.9.9", "10.9.9.9"),                              # everybody is ours
    ("10.0.0.1", "", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.9,", "10.0.0.1"),
    ("10.0.0.1", "unknown", "unknown"),
    ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
    ("fd00::1", "2001:db8::1", "2001:db8::1"),
])
def test_client_ip__forwarded__believes_only_our_proxies(peer: str, forwarded: str, client: str) -> None:
    assert client_ip(peer, forwarded, OURS) == client


def test_client_ip__no_proxies__is_the_peer() -> None:
    assert client_ip("10.0.0.1", "203.0.113.9", ()) == "10.0.0.1"


def test_networks__not_a_network__is_refused() -> None:
    with pytest.raises(ValueError):
        networks(["10.0.0.1/8"])
