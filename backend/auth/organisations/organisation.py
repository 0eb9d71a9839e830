"""An organisation and its members: who may join, who may go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.auth.permissions import MemberRole, Side
from backend.core.errors import Conflict, NotAllowed
from backend.core.ids import Address

INVITATION_DAYS = 14
MEMBERS_MAX = 200
INVITATIONS_MAX = 200        # open ones of one organisation


@dataclass(frozen=True, slots=True)
class Organisation:
    """An account by the wallet that holds its money. Without a name it is personal: its wallet alone, on both sides."""

    wallet: Address
    name: str | None
    sides: frozenset[Side]


@dataclass(frozen=True, slots=True)
class Member:
    wallet: Address
    role: MemberRole
    created_at: datetime | None        # None: a personal account is as old as its wallet


@dataclass(frozen=True, slots=True)
class Membership:
    """An organisation as one of its members sees it."""

    organisation: Organisation
    role: MemberRole


@dataclass(frozen=True, slots=True)
class Invitation:
    """An offer to `wallet` to become a member of `account`, whose name is `name`."""

    id: int
    account: Address
    name: str
    wallet: Address
    role: MemberRole
    invited_by: Address
    expires_at: datetime


def personal(wallet: Address) -> Organisation:
    """The account that every wallet has by itself."""
    return Organisation(wallet, None, frozenset(Side))


def check_departure(members: Sequence[Member], leaving: Address) -> None:
    """Raises Conflict `last_owner` when nobody could manage the organisation afterwards."""
    if not any(member.role is MemberRole.OWNER and member.wallet != leaving for member in members):
        raise Conflict("last_owner", "an organisation needs an owner: make somebody else one first")


def check_removal(organisation: Address, wallet: Address) -> None:
    """Raises NotAllowed `account_wallet`: whoever holds the money can leave, but is never shut out."""
    if wallet == organisation:
        raise NotAllowed("account_wallet", "the wallet that holds the money stays an owner until it leaves")
