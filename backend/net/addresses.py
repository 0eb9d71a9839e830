"""Where our servers may connect when a stranger names the place: an https URL, and public addresses only."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

URL_CHARACTERS_MAX = 2_048
HTTPS_PORT = 443
LOCALHOST = "localhost"

# `ipaddress.is_global` says yes to multicast, NAT64 and, in older Pythons, 6to4: so this list is our own.
_DENIED_V4 = tuple(IPv4Network(network) for network in (
    "0.0.0.0/8",          # this host (RFC 791)
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",             # private (RFC 1918)
    "100.64.0.0/10",      # carriers' NAT (RFC 6598); metadata of some clouds
    "127.0.0.0/8",        # loopback
    "168.63.129.16/32",   # Azure's host, seen from its machines
    "169.254.0.0/16",     # link-local (RFC 3927): metadata of most clouds
    "192.0.0.0/24",       # IETF protocols (RFC 6890)
    "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",         # documentation (RFC 5737)
    "192.31.196.0/24", "192.175.48.0/24",                        # AS112: answers for private names (RFC 7534, 7535)
    "192.52.193.0/24",    # AMT relays (RFC 7450)
    "192.88.99.0/24",     # 6to4 relays (RFC 7526)
    "198.18.0.0/15",      # benchmarks (RFC 2544)
    "224.0.0.0/4",        # multicast
    "240.0.0.0/4",        # reserved, and broadcast
))
_UNICAST_V6 = IPv6Network("2000::/3")   # all that IANA gives out: everything else is local, mapped, NAT64 or multicast
_DENIED_V6 = tuple(IPv6Network(network) for network in (
    "2001::/23",          # IETF protocols: Teredo, benchmarks, ORCHID (RFC 2928)
    "2001:db8::/32", "3fff::/20",                                # documentation (RFC 3849, 9637)
    "2002::/16",          # 6to4: an IPv4 address inside (RFC 3056)
    "2620:4f:8000::/48",  # AS112
))
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)    # upper half of an interface id that ends with an IPv4 address (RFC 5214)


class Refusal(StrEnum):
    """Why nothing was fetched. The values are public and stable."""

    URL = "url"                        # not an https URL that we follow
    PORT = "port"                      # not 443
    NAME = "name"                      # the name has no address
    ADDRESS = "address"                # an address of the name is not public
    CONNECTION = "connection"          # nobody answers there
    CERTIFICATE = "certificate"        # not the certificate of that host
    TIMEOUT = "timeout"
    REDIRECT = "redirect"              # we follow none: the next place was not checked
    TOO_LARGE = "too_large"
    ANSWER = "answer"                  # not HTTP


class FetchRefused(Exception):
    """Nothing was fetched; `reason` says why."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect and what to ask for: `host` without brackets, `path` with its query."""

    host: str
    port: int
    path: str
    tls: bool

    @property
    def authority(self) -> str:
        """Value of the Host header (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (HTTPS_PORT if self.tls else 80) else f"{host}:{self.port}"


def target_of(url: str, *, allow_local: bool) -> Target:
    """The place that `url` names. Raises FetchRefused (`url`, `port`).

    `allow_local` is for local stacks: http and other ports too. The addresses are checked by `check_addresses`.
    """
    if len(url) > URL_CHARACTERS_MAX or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise FetchRefused(Refusal.URL, "too long, or has characters that must be percent-encoded")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise FetchRefused(Refusal.URL, "is not a URL") from error
    tls = parts.scheme == "https"
    plain = allow_local and parts.scheme == "http"
    if not host or parts.username is not None or parts.password is not None or not (tls or plain):
        raise FetchRefused(Refusal.URL, "must be https://, name a host and carry no user name")
    port = port or (HTTPS_PORT if tls else 80)
    if port != HTTPS_PORT and not allow_local:
        raise FetchRefused(Refusal.PORT, "only port 443 is connected to")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host.rstrip("."), port, path, tls)


def check_addresses(addresses: list[str], *, allow_local: bool) -> list[str]:
    """`addresses` themselves when every one may be connected to (L58). Raises FetchRefused (`name`, `address`).

    One address that is not public condemns all: an honest host has none, and it might be the one that is reached.
    `allow_local` lets loopback through, and nothing else.
    """
    if not addresses:
        raise FetchRefused(Refusal.NAME, "the name has no address")
    for address in addresses:
        if not (is_public(address) or (allow_local and is_loopback(address))):
            raise FetchRefused(Refusal.ADDRESS, "the name leads to an address that is not public")
    return addresses


def is_public(address: str) -> bool:
    """Whether `address` is unicast on the public Internet and hides no other address in it."""
    found = _parsed(address)
    if isinstance(found, IPv4Address):
        return not any(found in network for network in _DENIED_V4)
    if isinstance(found, IPv6Address):
        return (
            found.scope_id is None and found in _UNICAST_V6 and not any(found in network for network in _DENIED_V6)
            and (int(found) >> 32) & 0xFFFF_FFFF not in _ISATAP
        )
    return False


def is_loopback(address: str) -> bool:
    """127.0.0.0/8 or ::1, in no disguise."""
    found = _parsed(address)
    return found is not None and found.is_loopback and getattr(found, "ipv4_mapped", None) is None


def literal(host: str) -> str | None:
    """The address that a URL's host is, if it is one and not a name."""
    found = _parsed(host)
    return None if found is None else str(found)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
