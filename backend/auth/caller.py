"""Who is asking, for whom, and what that lets them do."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from backend.auth.permissions import (
    NEVER_BY_KEY,
    MemberRole,
    Permission,
    PlatformRole,
    Role,
    Side,
    member_roles,
    permitted,
)
from backend.core.errors import NotAllowed
from backend.core.ids import Address

_WATCHERS = frozenset({PlatformRole.ADMIN, PlatformRole.AUDITOR})


@dataclass(frozen=True, slots=True)
class Caller:
    """`account` is the wallet of the organisation acted for (one's own by default); `member` is who signed in.

    `key` is the prefix of the API key that was sent, if one was; then `member` is who made the key.
    """

    account: Address
    member: Address
    permissions: frozenset[Permission]
    key: str | None = None

    @property
    def actor(self) -> str:
        """How the audit trail names who acted."""
        return f"key:{self.key}" if self.key else self.member


@dataclass(frozen=True, slots=True)
class Standing:
    """What the tables know of a wallet and the account it wants to act for. `sides` is None for a personal account."""

    wallet: Address
    account: Address
    sides: frozenset[Side] | None
    member: MemberRole | None
    platform: frozenset[PlatformRole]

    def with_platform(self, role: PlatformRole) -> "Standing":
        return replace(self, platform=self.platform | {role})


def caller_of(standing: Standing) -> Caller:
    """The caller with all that a wallet may do for the account.

    Raises NotAllowed `not_a_member`, whether or not there is such an account; admins and auditors may look at any.
    """
    roles = _account_roles(standing)
    foreign = not roles and standing.account != standing.wallet
    if foreign and not standing.platform & _WATCHERS:
        raise NotAllowed("not_a_member", "you are not a member of the account named by Sightline-Account")
    held = roles | {Role(role.value) for role in standing.platform}
    return Caller(standing.account, standing.wallet, permitted(held) if held else _ONESELF)


def key_caller(standing: Standing, prefix: str, scopes: Iterable[str]) -> Caller:
    """The caller behind an API key: its scopes, as far as its creator is still a member who may do as much."""
    theirs = permitted(_account_roles(standing))
    if PlatformRole.AUDITOR in standing.platform:
        theirs = frozenset()
    granted = frozenset(permission for permission in theirs if permission.value in frozenset(scopes)) - NEVER_BY_KEY
    return Caller(standing.account, standing.wallet, granted, prefix)


def _account_roles(standing: Standing) -> frozenset[Role]:
    """A wallet without an organisation of its own is the owner of itself, on both sides of the market."""
    if standing.sides is None:
        own = standing.account == standing.wallet
        return member_roles(MemberRole.OWNER, Side) if own else frozenset()
    return member_roles(standing.member, standing.sides) if standing.member else frozenset()


# of a wallet that has left its own organisation: it can still sign out, and be invited back
_ONESELF = frozenset({Permission.ACCOUNT_READ, Permission.ACCOUNT_WRITE, Permission.SESSIONS_WRITE})
