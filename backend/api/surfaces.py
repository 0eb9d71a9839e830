"""The headers of each surface: what its answers let a browser do differs, so they differ, in one table.

SDK routes and assets are used by pages of every origin; nothing else is. Nothing of ours may be framed.
"""

from collections.abc import Mapping
from enum import StrEnum

HSTS = (b"strict-transport-security", b"max-age=31536000")

ANSWER_POLICY = "default-src 'none'; frame-ancestors 'none'"
ASSET_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; media-src 'self' https:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
DOCS_POLICY = (   # Swagger UI sets styles and draws its icons from data
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class Surface(StrEnum):
    API = "api"            # JSON for dashboards and servers; no CORS: pages of other origins cannot read it
    SDK = "sdk"            # called by worlds, so from every origin, and never with credentials
    ASSET = "asset"        # shown by worlds; runs nothing, whatever a browser takes it for
    PAGE = "page"          # our own HTML
    DOCS = "docs"


_COMMON = {
    "x-content-type-options": "nosniff", "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_OURS_ONLY = {"cross-origin-resource-policy": "same-origin"}
_EVERYBODYS = {
    "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin",
    "access-control-expose-headers": "ratelimit, ratelimit-policy, retry-after, x-request-id",
}
_WINDOW = {"cross-origin-opener-policy": "same-origin"}

TABLE: Mapping[Surface, Mapping[str, str]] = {
    Surface.API: _COMMON | _OURS_ONLY | {
        "content-security-policy": ANSWER_POLICY, "cache-control": "private, no-cache",
    },
    Surface.SDK: _COMMON | _EVERYBODYS | {"content-security-policy": ANSWER_POLICY, "cache-control": "no-store"},
    Surface.ASSET: _COMMON | _EVERYBODYS | {"content-security-policy": ASSET_POLICY},
    Surface.PAGE: _COMMON | _OURS_ONLY | _WINDOW | {"content-security-policy": PAGE_POLICY},
    Surface.DOCS: _COMMON | _OURS_ONLY | _WINDOW | {"content-security-policy": DOCS_POLICY},
}
PREFLIGHT = {
    "access-control-allow-methods": "GET, POST", "access-control-allow-headers": "content-type",
    "access-control-max-age": "86400",
}
"""The answer to OPTIONS of an SDK route, on top of its surface; without Allow-Credentials none are sent."""

ASSET_PREFIXES = ("/a/", "/house/")
SDK_PREFIXES = ("/c/", "/openrtb2/click/", "/openrtb2/track/", "/openrtb2/vast/")       # viewers' players and browsers
SDK_PATHS = frozenset({"/v1/decisions", "/v1/events"})
HEADERS = {
    surface: [(name.encode(), value.encode()) for name, value in headers.items()] for surface, headers in TABLE.items()
}


def surface_of(path: str, content_type: bytes) -> Surface:
    """Where an answer belongs: by its path, and of the rest HTML is a page."""
    if path in SDK_PATHS or path.startswith(SDK_PREFIXES):
        return Surface.SDK
    if path.startswith(ASSET_PREFIXES):
        return Surface.ASSET
    if path == "/docs" or path.startswith("/docs/"):
        return Surface.DOCS
    return Surface.PAGE if content_type.startswith(b"text/html") else Surface.API
