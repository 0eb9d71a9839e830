"""Who is at the other end: the peer, or whom a proxy of ours says that it speaks for."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks such as 10.0.0.0/8 or fd00::/8. Raises ValueError."""
    return tuple(ip_network(text) for text in texts)


def client_ip(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """Address of the client of a request from `peer` with the header X-Forwarded-For (`a, b, c`; may be empty).

    Each proxy appends whom it heard, so only the right end can be believed: the answer is the first from the right
    that is no proxy of ours. What a stranger writes there himself stays further left and counts for nothing.
    """
    found = peer
    for hop in reversed(forwarded_for.split(",")):
        if not _is_in(found, trusted) or not hop.strip():
            break
        found = hop.strip()
    return found


def _is_in(text: str, trusted: Sequence[Network]) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in trusted)
