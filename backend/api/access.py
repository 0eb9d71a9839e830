"""Guards every route: `Depends(access.may(Permission.X))` gives the caller, or refuses."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from backend.api.session import Bearer, Cookie, token_of
from backend.auth.caller import Caller
from backend.auth.permissions import Permission
from backend.auth.service import AuthService
from backend.core.acting import acting
from backend.core.errors import NotAllowed
from backend.core.ids import Address


class Access:
    """Makes the dependencies of guarded routes. Each carries its `permission`, so that a test can walk all routes."""

    def __init__(self, service: AuthService) -> None:
        self.service = service

    def may(self, permission: Permission) -> Callable[..., Caller]:
        """Dependency for callers with `permission`. Raises NotSignedIn, or NotAllowed `not_permitted`."""

        def caller(request: Request, bearer: Bearer, cookie: Cookie) -> Caller:
            found = self.service.caller(token_of(request, bearer, cookie, self.service.origin))
            if permission not in found.permissions:
                raise NotAllowed("not_permitted", f"this needs the permission {permission}")
            who = acting()
            who.actor, who.account = found.member, found.account
            return found

        caller.permission = permission  # type: ignore[attr-defined]
        return caller

    def account(self, permission: Permission) -> Callable[..., Address]:
        """As `may`, for routes that need only the account acted for."""
        guard = self.may(permission)

        def account(found: Annotated[Caller, Depends(guard)]) -> Address:
            return found.account

        return account
