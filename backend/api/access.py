"""Guards every route: `Depends(access.may(Permission.X))` gives the caller, or refuses."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Header, Request

from backend.api.session import Bearer, Cookie, token_of
from backend.auth.caller import Caller
from backend.auth.permissions import Permission
from backend.auth.service import AuthService
from backend.core.acting import acting
from backend.core.errors import NotAllowed
from backend.core.ids import Address

ActingFor = Annotated[
    str | None,
    Header(
        alias="Sightline-Account", pattern=r"^0x[0-9a-fA-F]{40}$",
        description="wallet of the organisation to act for; one's own account when it is left out",
    ),
]


class Access:
    """Makes the dependencies of guarded routes. Each carries its `permission`, so that a test can walk all routes."""

    def __init__(self, service: AuthService) -> None:
        self.service = service

    def may(self, permission: Permission) -> Callable[..., Caller]:
        """Dependency for callers with `permission`. Raises NotSignedIn, or NotAllowed `not_permitted`, `not_a_member`,
        or `cross_site` for a cookie that another site sent along."""

        def caller(request: Request, bearer: Bearer, _: Cookie, account: ActingFor = None) -> Caller:
            token = token_of(request, bearer, self.service.origin)
            found = self.service.caller(token, Address(account.lower()) if account else None)
            if permission not in found.permissions:
                raise NotAllowed("not_permitted", f"this needs the permission {permission}")
            who = acting()
            who.actor, who.account = found.actor, found.account
            return found

        caller.permission = permission  # type: ignore[attr-defined]
        return caller

    def account(self, permission: Permission) -> Callable[..., Address]:
        """As `may`, for routes that need only the account acted for."""
        guard = self.may(permission)

        def account(found: Annotated[Caller, Depends(guard)]) -> Address:
            return found.account

        return account

    def member(self, permission: Permission) -> Callable[..., Address]:
        """As `may`, for routes about the one who signed in, whatever account is acted for."""
        guard = self.may(permission)

        def member(found: Annotated[Caller, Depends(guard)]) -> Address:
            return found.member

        return member

    def token(self, permission: Permission) -> Callable[..., str]:
        """As `may`, for routes about the very session that sends the request."""
        guard = self.may(permission)

        def token(request: Request, bearer: Bearer, found: Annotated[Caller, Depends(guard)]) -> str:
            return token_of(request, bearer, self.service.origin)

        return token
