"""The table of limits: every route belongs to a class, every class has its quotas."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

WINDOW_SECONDS = 60


class RouteClass(StrEnum):
    """What a request costs us, and whom it may hurt."""

    SIGN_IN = "sign-in"        # nonces and signatures: guessing, and contract wallets that we ask on chain
    WRITE = "write"
    READ = "read"
    UPLOAD = "upload"          # each takes a core for a while
    ADS = "ads"                # decisions, events, clicks: many viewers behind one address
    HOOK = "hook"              # other people's servers tell us something
    EXCHANGE = "exchange"      # OpenRTB: few servers, each with the traffic of many worlds


@dataclass(frozen=True, slots=True)
class Quota:
    """Requests in any WINDOW_SECONDS: of one session or API key, and of one network (/24, /48).

    `closed` classes are refused while the counters do not answer, the others are let through. `settled` classes are
    counted in each process and settled with the others a few times a second: for what must not wait for Redis.
    """

    network: int
    caller: int | None = None
    closed: bool = False
    settled: bool = False


TABLE: Mapping[RouteClass, Quota] = {
    RouteClass.SIGN_IN: Quota(network=60, closed=True),
    RouteClass.WRITE: Quota(network=600, caller=120),
    RouteClass.READ: Quota(network=3_000, caller=600),
    RouteClass.UPLOAD: Quota(network=120, caller=30),
    RouteClass.ADS: Quota(network=30_000, settled=True),
    RouteClass.HOOK: Quota(network=3_000),
    RouteClass.EXCHANGE: Quota(network=600_000, settled=True),
}

SAFE_METHODS = frozenset({"GET", "HEAD"})
UNLIMITED_METHODS = frozenset({"OPTIONS"})

_EXACT: Mapping[str, RouteClass] = {
    "/v1/decisions": RouteClass.ADS,
    "/v1/events": RouteClass.ADS,
    "/v1/auth/nonce": RouteClass.SIGN_IN,
    "/v1/auth/verify": RouteClass.SIGN_IN,
    "/v1/auth/rotate": RouteClass.SIGN_IN,
    "/v1/stripe/webhooks": RouteClass.HOOK,
}
_POSTED: Mapping[str, RouteClass] = {
    "/v1/assets": RouteClass.UPLOAD,
    "/v1/conversions": RouteClass.HOOK,
}
_PREFIXES = ("/v1/", "/bundles/")


def class_of(method: str, path: str) -> RouteClass | None:
    """The class of a request; None for pages, assets and health, which a cache or a load balancer answers for."""
    found = _EXACT.get(path)
    if found is not None:
        return None if method in UNLIMITED_METHODS else found
    if path.startswith("/c/"):
        return RouteClass.ADS
    if path.startswith("/openrtb2/"):
        return RouteClass.EXCHANGE
    if not path.startswith(_PREFIXES) or method in UNLIMITED_METHODS:
        return None
    if method in SAFE_METHODS:
        return RouteClass.READ
    return _POSTED.get(path, RouteClass.WRITE)


def limits_table() -> str:
    """TABLE as markdown."""
    lines = ["| Class | per session or API key | per network | without Redis |", "|---|---:|---:|---|"]
    for kind, quota in TABLE.items():
        caller = "–" if quota.caller is None else f"{quota.caller:,}"
        lines.append(f"| `{kind}` | {caller} | {quota.network:,} | {'refused' if quota.closed else 'let through'} |")
    return "\n".join(lines) + "\n"
