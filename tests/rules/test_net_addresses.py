"""Where our servers may connect when a stranger names the place (L58)."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.net.addresses import (
    FetchRefused,
    Refusal,
    check_addresses,
    is_loopback,
    is_public,
    literal,
    target_of,
)

PUBLIC = (
    "1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1",
    "192.0.1.1", "198.17.255.255", "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::200e",
    "2001:200::1", "2001:4860:4860::8888", "2003::1", "3fff:1000::1",
)
NOT_PUBLIC = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1",
    "127.255.255.255", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8",
    "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.1.1", "192.175.48.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:10::1",
    "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "2620:4f:8000::1", "3fff::1", "4000::1",
    "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "2606:4700::1111%eth0", "fec0::1", "ff02::1",
    "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:7f00:1",
    "", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1 ", "1.1.1.1/32",
)
EVERY_V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
EVERY_V6 = st.integers(0, 2**128 - 1).map(IPv6Address)


@pytest.mark.parametrize("address", PUBLIC)
def test_is_public__unicast_on_the_internet__yes(address: str) -> None:
    assert is_public(address)
    assert check_addresses([address], allow_local=False) == [address]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_is_public__anything_else__no(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(FetchRefused) as refused:
        check_addresses(["1.1.1.1", address], allow_local=False)
    assert refused.value.reason is Refusal.ADDRESS


@given(EVERY_V4)
def test_is_public__any_ipv4__never_one_that_python_calls_private(address: IPv4Address) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast


@given(EVERY_V6)
def test_is_public__any_ipv6__never_one_that_python_calls_private(address: IPv6Address) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast
        assert (address.ipv4_mapped, address.sixtofour, address.teredo) == (None, None, None)


@given(EVERY_V4, st.sampled_from(("::ffff:0:0", "64:ff9b::", "64:ff9b:1::", "::", "2001::", "fe80::5efe:0:0")))
def test_is_public__ipv4_carried_in_the_end_of_an_ipv6__no(inside: IPv4Address, prefix: str) -> None:
    assert not is_public(str(IPv6Address(int(IPv6Address(prefix)) + int(inside))))


@given(EVERY_V4)
def test_is_public__ipv4_carried_by_6to4__no(inside: IPv4Address) -> None:
    assert not is_public(str(IPv6Address((0x2002 << 112) | (int(inside) << 80) | 1)))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_check_addresses__loopback__only_where_local_is_allowed(address: str) -> None:
    assert check_addresses([address], allow_local=True) == [address]
    with pytest.raises(FetchRefused):
        check_addresses([address], allow_local=False)


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "0.0.0.0", "fd00::1"])
def test_check_addresses__private_but_not_loopback__refused_even_where_local_is_allowed(address: str) -> None:
    assert not is_loopback(address)
    with pytest.raises(FetchRefused):
        check_addresses([address], allow_local=True)


def test_check_addresses__none__name_refused() -> None:
    with pytest.raises(FetchRefused) as refused:
        check_addresses([], allow_local=True)
    assert refused.value.reason is Refusal.NAME


@pytest.mark.parametrize(("host", "address"), [
    ("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("0:0:0:0:0:0:0:1", "::1"), ("example.com", None), ("127.1", None),
])
def test_literal__host__is_an_address_or_a_name(host: str, address: str | None) -> None:
    assert literal(host) == address


def test_target_of__https_url__host_port_path_and_query() -> None:
    target = target_of("https://Hooks.Example/a/b?c=d&e#part", allow_local=False)
    assert (target.host, target.port, target.path, target.tls) == ("hooks.example", 443, "/a/b?c=d&e", True)
    assert target.authority == "hooks.example"
    assert target_of("https://hooks.example", allow_local=False).path == "/"


def test_target_of__local_url__other_ports_and_http() -> None:
    assert target_of("http://127.0.0.1:8000/x", allow_local=True).authority == "127.0.0.1:8000"
    assert target_of("https://[::1]:8443/", allow_local=True).authority == "[::1]:8443"


@pytest.mark.parametrize(("url", "reason"), [
    ("http://hooks.example/", Refusal.URL), ("ftp://hooks.example/", Refusal.URL), ("file:///etc/passwd", Refusal.URL),
    ("gopher://hooks.example/", Refusal.URL), ("//hooks.example/", Refusal.URL), ("hooks.example", Refusal.URL),
    ("https://", Refusal.URL), ("https:///path", Refusal.URL), ("https://user@hooks.example/", Refusal.URL),
    ("https://:secret@hooks.example/", Refusal.URL), ("https://hooks.example\\@evil.example/", Refusal.URL),
    ("https://hooks.example/a b", Refusal.URL), ("https://hooks.example/\r\nX: y", Refusal.URL),
    ("https://[::1", Refusal.URL), ("https://hooks.example:99999/", Refusal.URL),
    ("https://höhle.example/", Refusal.URL),
    ("https://hooks.example/" + "a" * 2_048, Refusal.URL),
    ("https://hooks.example:22/", Refusal.PORT), ("https://hooks.example:8443/", Refusal.PORT),
    ("https://hooks.example:80/", Refusal.PORT),
])
def test_target_of__anything_but_plain_https__refused(url: str, reason: Refusal) -> None:
    with pytest.raises(FetchRefused) as refused:
        target_of(url, allow_local=False)
    assert refused.value.reason is reason


@given(st.text(max_size=80))
def test_target_of__any_text__a_target_or_a_refusal(text: str) -> None:
    try:
        target = target_of(text, allow_local=False)
    except FetchRefused:
        return
    assert target.tls
    assert target.port == 443
    assert target.path.isascii()


def test_fetch_refused__text__says_reason_and_detail() -> None:
    assert str(FetchRefused(Refusal.NAME, "no address")) == "name: no address"
