"""How a request proves who sends it: a bearer token, or the cookie of a session."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from backend.auth.service import AuthService
from backend.auth.session import Session
from backend.core.errors import NotAllowed, NotSignedIn

COOKIE = "sightline_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_CHARACTERS_MAX = 200

_bearer = HTTPBearer(auto_error=False, description="token of POST /v1/auth/verify")
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="set by POST /v1/auth/verify")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
Cookie = Annotated[str | None, Depends(_cookie)]

def current_session(service: AuthService) -> Callable[..., Session]:
    """Dependency that gives the caller's session. Raises NotSignedIn, or NotAllowed for a cross-site cookie."""

    def session(request: Request, bearer: Bearer, cookie: Cookie) -> Session:
        return service.session(token_of(request, bearer, cookie, service.origin))

    return session


def token_of(request: Request, bearer: HTTPAuthorizationCredentials | None, cookie: str | None, origin: str) -> str:
    """The session token of a request. A browser attaches a cookie by itself, so a change by cookie must be ours."""
    token = bearer.credentials if bearer else cookie
    if not token or len(token) > TOKEN_CHARACTERS_MAX:
        raise NotSignedIn("not_signed_in", "sign in first: send the session cookie or Authorization: Bearer")
    if not bearer and request.method not in SAFE_METHODS:
        check_same_origin(request, origin)
    return token


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
