"""Refuses what is one too many, before anything is read or looked up, and tells how much is left.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy: "write";q=120;w=60` and
`RateLimit: "write";r=17;t=42`. Who asks is a session or an API key (by the hash of its token, so a made-up token counts
too) and the network of the address.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from fastapi import Request, Response

from backend.api import problems
from backend.api.session import PLAIN_COOKIE, SECURE_COOKIE
from backend.core.errors import Unavailable
from backend.core.ip_prefix import ip_prefix
from backend.operation.rates.service import RateService, Standing
from backend.operation.rates.table import WINDOW_SECONDS, Quota, class_of

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_COOKIES = tuple(f"{name}=".encode() for name in (SECURE_COOKIE, PLAIN_COOKIE))
network_of = lru_cache(65_536)(ip_prefix)


class RateLimits:
    """ASGI middleware inside of the RequestGuard, which says who the client is."""

    def __init__(self, app: App, *, service: RateService) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            receive = self._settling_at_the_end(receive)
        kind = class_of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if kind is None:
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        try:
            standing = await self._service.take(kind, network_of(client[0] if client else None), _caller(scope))
        except Unavailable as error:
            await problems.problem(
                Request(scope), 503, error.code, error.detail, retry_after_seconds=problems.RETRY_AFTER_SECONDS
            )(scope, receive, send)
            return
        if standing is None:
            await self._app(scope, receive, send)
            return
        told = headers_of(standing)
        if not standing.allowed:
            await refused(scope, standing)(scope, receive, _telling(send, told))
            return
        await self._app(scope, receive, _telling(send, told))

    def _settling_at_the_end(self, receive: Receive) -> Receive:
        async def settling() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._service.settle()
            return message

        return settling


def _telling(send: Send, told: list[tuple[bytes, bytes]]) -> Send:
    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *told]
        await send(message)

    return telling


def refused(scope: Scope, standing: Standing) -> Response:
    """The answer to what is one too many."""
    whose = "your network" if standing.policy.endswith("-network") else "your session or API key"
    return problems.problem(
        Request(scope), 429, "rate_limited", f"{whose} has used up the limit \"{standing.policy}\"",
        retry_after_seconds=standing.reset_seconds, extra={"policy": standing.policy},
    )


def headers_of(standing: Standing) -> list[tuple[bytes, bytes]]:
    """RateLimit and RateLimit-Policy."""
    name, policy = _policy(standing.policy, standing.quota)
    return [policy, (b"ratelimit", b"%b;r=%d;t=%d" % (name, standing.remaining, standing.reset_seconds))]


@lru_cache
def _policy(policy: str, quota: Quota) -> tuple[bytes, tuple[bytes, bytes]]:
    """The quoted name, and what it stands for."""
    limit = quota.network if policy.endswith("-network") or quota.caller is None else quota.caller
    name = f'"{policy}"'.encode()
    return name, (b"ratelimit-policy", b"%b;q=%d;w=%d" % (name, limit, WINDOW_SECONDS))


def _caller(scope: Scope) -> str | None:
    """The hash of the token that the request carries, if any."""
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return _hash(value[7:].strip())
        if name == b"cookie":
            for part in value.split(b";"):
                if part.strip().startswith(_COOKIES):
                    return _hash(part.partition(b"=")[2])
    return None


def _hash(token: bytes) -> str:
    return blake2b(token, digest_size=16).hexdigest()
