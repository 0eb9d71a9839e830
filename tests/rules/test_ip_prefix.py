"""No address is kept whole."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.ip_prefix import UNKNOWN, ip_prefix


@pytest.mark.parametrize(("text", "prefix"), [
    ("203.0.113.77", "203.0.113.0/24"),
    (" 203.0.113.77 ", "203.0.113.0/24"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
    ("::ffff:203.0.113.77", "203.0.113.0/24"),
    ("fe80::1%eth0", "fe80::/48"),
])
def test_ip_prefix__address__is_its_network(text: str, prefix: str) -> None:
    assert ip_prefix(text) == prefix


@pytest.mark.parametrize("text", [None, "", "localhost", "203.0.113.77:80", "1.2.3", "01.2.3.4", "/tmp/socket"])
def test_ip_prefix__no_address__is_unknown(text: str | None) -> None:
    assert ip_prefix(text) == UNKNOWN


@given(st.ip_addresses())
def test_ip_prefix__any_address__shares_it_with_its_neighbours(found: IPv4Address | IPv6Address) -> None:
    network = ip_network(ip_prefix(str(found)))
    assert network.num_addresses >= 256
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    assert ip_address(str(mapped or found)) in network
