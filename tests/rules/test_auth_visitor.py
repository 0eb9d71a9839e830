"""What is kept of where somebody signs in, and what the texts of tokens and keys are made of (L48)."""

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.auth.keys.key import key_digest, key_prefix, key_text
from backend.auth.visitor import agent_family, ip_prefix


@pytest.mark.parametrize(("host", "prefix"), [
    ("203.0.113.77", "203.0.113.0/24"), ("::ffff:203.0.113.77", "203.0.113.0/24"), ("127.0.0.1", "127.0.0.0/24"),
    ("2001:db8:7:1:2:3:4:5", "2001:db8:7::/48"), ("::1", "::/48"), ("fe80::1%eth0", "fe80::/48"),
    ("", ""), ("testclient", ""), ("203.0.113.77, 10.0.0.1", ""), ("unix:", ""),
])
def test_ip_prefix__of_a_host__is_its_network(host: str, prefix: str) -> None:
    assert ip_prefix(host) == prefix


@given(st.ip_addresses())
def test_ip_prefix__any_address__hides_8_or_80_bits(host: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    network = ipaddress.ip_network(ip_prefix(str(host)))
    assert network.num_addresses in (2**8, 2**80)


CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"


@pytest.mark.parametrize(("agent", "family"), [
    ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox"), (CHROME, "Chrome"),
    (CHROME + " Edg/130.0.0.0", "Edge"), (CHROME + " OPR/115.0.0.0", "Opera"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14) AppleWebKit/605.1 (KHTML) Version/18.0 Safari/605.1.15", "Safari"),
    ("Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML) CriOS/130.0 Mobile Safari/604.1", "Chrome"),
    ("curl/8.5.0", "curl"), ("python-httpx/0.28.1", "Python"), ("node", "Node.js"), ("", "other"),
    ("x" * 9_000, "other"),
])
def test_agent_family__of_a_user_agent__is_one_word(agent: str, family: str) -> None:
    assert agent_family(agent) == family


@given(st.text())
def test_agent_family__any_text__says_nothing_that_was_sent(agent: str) -> None:
    assert agent_family(agent) in {"Edge", "Opera", "Firefox", "Chrome", "Safari", "curl", "Python", "Node.js", "other"}


def test_key__text__names_its_prefix_and_is_known_by_its_hash() -> None:
    """L48."""
    text = key_text(bytes(range(6)), bytes(range(32)))
    assert re.fullmatch(r"sl_[0-9a-f]{12}_[0-9a-f]{64}", text)
    assert key_prefix(text) == "000102030405"
    assert text[16:] not in key_digest(text)
    with pytest.raises(ValueError, match="random bytes"):
        key_text(b"short", bytes(32))


@given(st.text(max_size=100) | st.from_regex(r"sl_[0-9a-f]{0,13}_[0-9a-f]{0,65}\n?", fullmatch=True))
def test_key__any_text__has_a_prefix_only_if_it_is_a_key(text: str) -> None:
    assert (key_prefix(text) is not None) == bool(re.fullmatch(r"sl_[0-9a-f]{12}_[0-9a-f]{64}", text))
