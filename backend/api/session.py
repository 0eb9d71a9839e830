"""How a request proves who sends it: a bearer token, or the cookie of a session."""

from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from backend.auth.session import OpenedSession, Visitor
from backend.auth.visitor import agent_family, ip_prefix
from backend.core.errors import NotAllowed, NotSignedIn

SECURE_COOKIE = "__Host-sightline"   # browsers take it over TLS only, for all of this host and no host beside it
PLAIN_COOKIE = "sightline"           # for http on one's own machine, where browsers refuse the other
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_CHARACTERS_MAX = 200

_bearer = HTTPBearer(auto_error=False, description="token of POST /v1/auth/verify, or an API key")
_cookie = APIKeyCookie(name=SECURE_COOKIE, auto_error=False, description="set by POST /v1/auth/verify")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
Cookie = Annotated[str | None, Depends(_cookie)]
"""Tells OpenAPI that a cookie does as well; which one it is depends on the origin, see `cookie_of`."""


def cookie_of(request: Request, origin: str) -> str | None:
    """The session's token in the cookie that belongs to `origin`."""
    return request.cookies.get(cookie_name(origin))


def cookie_name(origin: str) -> str:
    return SECURE_COOKIE if origin.startswith("https:") else PLAIN_COOKIE


def set_cookie(response: Response, origin: str, opened: OpenedSession, seconds: int) -> None:
    """The new token for the browser, out of reach of scripts; and for no cache."""
    response.headers["Cache-Control"] = "no-store"
    response.set_cookie(
        cookie_name(origin), opened.token, max_age=seconds, path="/", httponly=True, samesite="lax",
        secure=origin.startswith("https:"),
    )


def delete_cookie(response: Response, origin: str) -> None:
    response.delete_cookie(
        cookie_name(origin), path="/", httponly=True, samesite="lax", secure=origin.startswith("https:")
    )


def token_of(request: Request, bearer: HTTPAuthorizationCredentials | None, origin: str) -> str:
    """The token of a request. A browser attaches a cookie by itself, so a change by cookie must come from `origin`."""
    token = bearer.credentials if bearer else cookie_of(request, origin)
    if not token or len(token) > TOKEN_CHARACTERS_MAX:
        raise NotSignedIn("not_signed_in", "sign in first: send the session cookie or Authorization: Bearer")
    if not bearer and request.method not in SAFE_METHODS:
        check_same_origin(request, origin)
    return token


def visitor_of(request: Request) -> Visitor:
    """From where the request comes, truncated."""
    host = request.client.host if request.client else ""
    return Visitor(ip_prefix(host), agent_family(request.headers.get("user-agent", "")))


def check_same_origin(request: Request, origin: str, *, required: bool = True) -> None:
    """Raises NotAllowed `cross_site` unless a page of `origin` sent this (Fetch Metadata, and Origin of RFC 6454).

    With `required`, a request that carries neither header is refused as well.
    """
    site, sent_origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and sent_origin is None and not required:
        return
    foreign = (site is not None and site != "same-origin") or (sent_origin is not None and sent_origin != origin)
    if foreign or (site is None and sent_origin is None):
        raise NotAllowed("cross_site", f"changes by cookie are taken from pages of {origin} only")
