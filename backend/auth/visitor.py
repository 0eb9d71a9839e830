"""What we keep of where a session was opened: enough to recognise one's own devices, too little to follow anybody."""

import re

from backend.core.ip_prefix import UNKNOWN
from backend.core.ip_prefix import ip_prefix as network_of

# the first that matches; browsers claim to be each other, so the particular ones come before those they imitate
_FAMILIES = (
    ("Edge", re.compile(r"\bEdg(e|A|iOS)?/")), ("Opera", re.compile(r"\bOPR/")),
    ("Firefox", re.compile(r"\b(Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(Chrome|CriOS|Chromium)/")), ("Safari", re.compile(r"\bSafari/")),
    ("curl", re.compile(r"^curl/")), ("Python", re.compile(r"\bpython\b|^python-", re.IGNORECASE)),
    ("Node.js", re.compile(r"\bnode\b|undici", re.IGNORECASE)),
)


def ip_prefix(host: str) -> str:
    """`203.0.113.0/24` or `2001:db8:7::/48`: the network of an address, never the address. Empty when it is none."""
    network = network_of(host)
    return "" if network == UNKNOWN else network


def agent_family(user_agent: str) -> str:
    """The family of a browser or tool, such as `Firefox`; no version, no system."""
    return next((family for family, pattern in _FAMILIES if pattern.search(user_agent[:500])), "other")
