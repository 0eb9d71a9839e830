"""Organisations: who acts for an account besides its own wallet. A membership takes effect with the next request."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from backend.auth.keys.store import revoke_keys_by
from backend.auth.organisations import store
from backend.auth.organisations.organisation import (
    INVITATION_DAYS,
    INVITATIONS_MAX,
    MEMBERS_MAX,
    Invitation,
    Member,
    Membership,
    Organisation,
    check_departure,
    check_removal,
    personal,
)
from backend.auth.permissions import MemberRole, Side
from backend.core.acting import acting
from backend.core.errors import Conflict, NotFound
from backend.core.ids import Address
from backend.db import audit
from backend.db.engine import Connection, Engine
from backend.db.notices import notify


class OrganisationService:
    """Accounts with members. `account` is always the wallet that names the organisation. `clock` gives Unix seconds."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def organisation(self, account: Address) -> Organisation:
        """The organisation, or the personal account that every wallet has."""
        with self._engine.begin() as connection:
            return store.organisation_of(connection, account) or personal(account)

    def accounts(self, wallet: Address) -> list[Membership]:
        """Every account that `wallet` may act for, its personal one first if it has no organisation of its own."""
        with self._engine.begin() as connection:
            found = store.memberships_of(connection, wallet)
            organised = store.organisation_of(connection, wallet) is not None
        return found if organised else [Membership(personal(wallet), MemberRole.OWNER), *found]

    def describe(self, account: Address, name: str, sides: frozenset[Side]) -> Organisation:
        """Name the account and say where it stands. The first time makes it an organisation, owned by its wallet.

        Only the wallet itself can reach an account that is not an organisation yet, so the first owner is the caller.
        """
        wanted = Organisation(account, name, sides)
        with self._engine.begin() as connection:
            if store.save_organisation(connection, wanted):
                store.save_member(connection, account, account, MemberRole.OWNER)
            audit.record(connection, "organisation.describe", f"organisation:{account}", sides=sorted(sides))
        return wanted

    def members(self, account: Address) -> list[Member]:
        """The members by age; of a personal account its wallet alone."""
        with self._engine.begin() as connection:
            if store.organisation_of(connection, account) is None:
                return [Member(account, MemberRole.OWNER, None)]
            return store.members_of(connection, account)

    def invite(self, account: Address, wallet: Address, role: MemberRole) -> Invitation:
        """Offer a wallet a role; a second offer replaces the first.

        Raises Conflict `no_organisation`, `already_member`, `too_many_members`.
        """
        now = self._now()
        expires_at = now.replace(microsecond=0) + timedelta(days=INVITATION_DAYS)
        with self._engine.begin() as connection:
            organisation = _locked(connection, account)
            if any(member.wallet == wallet for member in store.members_of(connection, account)):
                raise Conflict("already_member", "this wallet is a member already: change its role instead")
            others = [found for found in store.invitations_of(connection, account, now) if found.wallet != wallet]
            if len(others) >= INVITATIONS_MAX:
                raise Conflict("too_many_members", f"at most {INVITATIONS_MAX} invitations can be open")
            by = Address(acting().actor)
            number = store.save_invitation(connection, account, wallet, role, by, expires_at)
            audit.record(connection, "member.invite", f"organisation:{account}", wallet=wallet, role=role.value)
            notify(connection, wallet, "invitation.received", organisation=account, role=role.value, invitation=number)
        return Invitation(number, account, organisation.name or "", wallet, role, by, expires_at)

    def invitations_by(self, account: Address) -> list[Invitation]:
        with self._engine.begin() as connection:
            return store.invitations_of(connection, account, self._now())

    def invitations_to(self, wallet: Address) -> list[Invitation]:
        with self._engine.begin() as connection:
            return store.invitations_to(connection, wallet, self._now())

    def withdraw(self, account: Address, invitation: int) -> None:
        """Take back an invitation. Raises NotFound `invitation_unknown`."""
        with self._engine.begin() as connection:
            store.organisation_of(connection, account, lock=True)
            taken = store.take_invitation_of(connection, account, invitation)
            if taken is None:
                raise _no_invitation()
            audit.record(connection, "member.withdraw", f"organisation:{account}", wallet=taken.wallet)

    def accept(self, wallet: Address, invitation: int) -> Membership:
        """Become a member. Raises NotFound `invitation_unknown`; Conflict `too_many_members`."""
        with self._engine.begin() as connection:
            taken = self._taken(connection, wallet, invitation)
            organisation = _locked(connection, taken.account)
            if len(store.members_of(connection, taken.account)) >= MEMBERS_MAX:
                raise Conflict("too_many_members", f"an organisation has at most {MEMBERS_MAX} members")
            store.save_member(connection, taken.account, wallet, taken.role)
            acting().account = taken.account        # it is the organisation's trail that tells of its members
            audit.record(connection, "member.join", f"organisation:{taken.account}", role=taken.role.value)
            notify(connection, taken.account, "member.joined", wallet=wallet, role=taken.role.value)
        return Membership(organisation, taken.role)

    def decline(self, wallet: Address, invitation: int) -> None:
        """Refuse an invitation. Raises NotFound `invitation_unknown`."""
        with self._engine.begin() as connection:
            taken = self._taken(connection, wallet, invitation)
            acting().account = taken.account
            audit.record(connection, "member.decline", f"organisation:{taken.account}")

    def change_role(self, account: Address, wallet: Address, role: MemberRole) -> Member:
        """Raises NotFound `member_unknown`, NotAllowed `account_wallet`, Conflict `last_owner`."""
        with self._engine.begin() as connection:
            member = _member(connection, account, wallet)
            if role is not MemberRole.OWNER:
                check_removal(account, wallet)
                check_departure(store.members_of(connection, account), wallet)
            store.save_member(connection, account, wallet, role)
            audit.record(connection, "member.change", f"organisation:{account}", wallet=wallet, role=role.value)
            notify(connection, account, "member.changed", wallet=wallet, role=role.value)
        return Member(wallet, role, member.created_at)

    def remove(self, account: Address, wallet: Address) -> None:
        """End a membership; keys that the member made die with it.

        Raises NotFound `member_unknown`, NotAllowed `account_wallet`, Conflict `last_owner`.
        """
        with self._engine.begin() as connection:
            _member(connection, account, wallet)
            check_removal(account, wallet)
            self._end(connection, account, wallet, "member.remove")

    def leave(self, account: Address, wallet: Address) -> None:
        """End one's own membership. Raises NotFound `member_unknown`, Conflict `last_owner`."""
        with self._engine.begin() as connection:
            _member(connection, account, wallet)
            self._end(connection, account, wallet, "member.leave")

    def _end(self, connection: Connection, account: Address, wallet: Address, action: str) -> None:
        check_departure(store.members_of(connection, account), wallet)
        store.delete_member(connection, account, wallet)
        revoke_keys_by(connection, account, wallet, self._now())
        audit.record(connection, action, f"organisation:{account}", wallet=wallet)
        notify(connection, account, "member.left", wallet=wallet)

    def _taken(self, connection: Connection, wallet: Address, invitation: int) -> Invitation:
        """The invitation, which is used up. Locks the organisation first, as everything else that changes members."""
        found = next(
            (one for one in store.invitations_to(connection, wallet, self._now()) if one.id == invitation), None
        )
        if found is None:
            raise _no_invitation()
        store.organisation_of(connection, found.account, lock=True)
        taken = store.take_invitation_to(connection, wallet, invitation)
        if taken is None:                   # somebody was faster
            raise _no_invitation()
        return taken

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _locked(connection: Connection, account: Address) -> Organisation:
    organisation = store.organisation_of(connection, account, lock=True)
    if organisation is None:
        raise Conflict("no_organisation", "give the account a name first: PUT /v1/organisation")
    return organisation


def _member(connection: Connection, account: Address, wallet: Address) -> Member:
    """The member, with the organisation locked."""
    store.organisation_of(connection, account, lock=True)
    found = next((member for member in store.members_of(connection, account) if member.wallet == wallet), None)
    if found is None:
        raise NotFound("member_unknown", "the organisation has no member with this wallet")
    return found


def _no_invitation() -> NotFound:
    return NotFound("invitation_unknown", "there is no such invitation, or it is over")
