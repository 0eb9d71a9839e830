"""Addresses are kept as the network they are in: a /24 or a /48, which many people share."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

IPV4_BITS, IPV6_BITS = 24, 48
UNKNOWN = "unknown"


def ip_prefix(text: str | None) -> str:
    """`203.0.113.0/24` of 203.0.113.9, `2001:db8:1::/48` of an IPv6 address; `unknown` of what is no address.

    An IPv4 address inside of an IPv6 one (mapped, RFC 4291 §2.5.5.2) is taken as what it is; a zone is dropped.
    """
    try:
        found = ip_address((text or "").strip().split("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    bits = IPV4_BITS if isinstance(found, IPv4Address) else IPV6_BITS
    return str(ip_network((found, bits), strict=False))
