"""Organisations, members and invitations in SQL. Names are sealed: an organisation may be one person (L65)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from backend.auth.organisations.organisation import Invitation, Member, Membership, Organisation
from backend.auth.permissions import MemberRole, Side
from backend.core.ids import Address
from backend.db.sealed import is_sealed, open_sealed, seal

_INVITATION = """
select invitation.*, organisation.name
  from invitation join organisation on organisation.wallet = invitation.account
"""


def organisation_of(connection: Connection, wallet: Address, *, lock: bool = False) -> Organisation | None:
    """With `lock` nobody else changes it or its members until we commit."""
    query = "select * from organisation where wallet = :wallet"
    row = connection.execute(text(query + (" for update" if lock else "")), {"wallet": wallet}).one_or_none()
    return _organisation(connection, row) if row else None


def save_organisation(connection: Connection, organisation: Organisation) -> bool:
    """Whether it is new."""
    return bool(connection.execute(
        text("""insert into organisation (wallet, name, advertiser, publisher)
                values (:wallet, :name, :advertiser, :publisher)
                on conflict (wallet) do update
                   set name = excluded.name, advertiser = excluded.advertiser, publisher = excluded.publisher
                returning xmax = 0"""),     # PostgreSQL's way to tell a new row from a changed one
        {"wallet": organisation.wallet, "name": seal(connection, organisation.wallet, organisation.name or ""),
         "advertiser": Side.ADVERTISER in organisation.sides, "publisher": Side.PUBLISHER in organisation.sides},
    ).scalar())


def memberships_of(connection: Connection, wallet: Address) -> list[Membership]:
    """The organisations of which `wallet` is a member, its own included."""
    rows = connection.execute(
        text("""select organisation.*, member.role from member join organisation on organisation.wallet = member.account
                 where member.wallet = :wallet order by organisation.wallet"""),
        {"wallet": wallet},
    )
    return [Membership(_organisation(connection, row), MemberRole(row.role)) for row in rows]


def members_of(connection: Connection, account: Address) -> list[Member]:
    rows = connection.execute(
        text("select * from member where account = :account order by created_at, wallet"), {"account": account}
    )
    return [Member(Address(row.wallet), MemberRole(row.role), row.created_at) for row in rows]


def save_member(connection: Connection, account: Address, wallet: Address, role: MemberRole) -> None:
    connection.execute(
        text("""insert into member (account, wallet, role) values (:account, :wallet, :role)
                on conflict (account, wallet) do update set role = excluded.role"""),
        {"account": account, "wallet": wallet, "role": role.value},
    )


def delete_member(connection: Connection, account: Address, wallet: Address) -> None:
    connection.execute(
        text("delete from member where account = :account and wallet = :wallet"), {"account": account, "wallet": wallet}
    )


def save_invitation(
    connection: Connection, account: Address, wallet: Address, role: MemberRole, invited_by: Address,
    expires_at: datetime,
) -> int:
    """The invitation's id; one that is open for the same wallet becomes this one."""
    return int(connection.execute(
        text("""insert into invitation (account, wallet, role, invited_by, expires_at)
                values (:account, :wallet, :role, :by, :expires_at)
                on conflict (account, wallet) do update
                   set role = excluded.role, invited_by = excluded.invited_by, expires_at = excluded.expires_at
                returning id"""),
        {"account": account, "wallet": wallet, "role": role.value, "by": invited_by, "expires_at": expires_at},
    ).scalar_one())


def invitations_of(connection: Connection, account: Address, now: datetime) -> list[Invitation]:
    """The open invitations of an organisation."""
    rows = connection.execute(
        text(_INVITATION + " where invitation.account = :account and expires_at > :now order by id"),
        {"account": account, "now": now},
    )
    return [_invitation(connection, row) for row in rows]


def invitations_to(connection: Connection, wallet: Address, now: datetime) -> list[Invitation]:
    """What `wallet` can accept."""
    rows = connection.execute(
        text(_INVITATION + " where invitation.wallet = :wallet and expires_at > :now order by id"),
        {"wallet": wallet, "now": now},
    )
    return [_invitation(connection, row) for row in rows]


def take_invitation_to(connection: Connection, wallet: Address, invitation: int) -> Invitation | None:
    """An invitation of `wallet`, which is gone then: of two who take it one gets it."""
    return _taken(connection, "wallet = :who", wallet, invitation)


def take_invitation_of(connection: Connection, account: Address, invitation: int) -> Invitation | None:
    """An invitation by `account`, which is gone then."""
    return _taken(connection, "account = :who", account, invitation)


def _taken(connection: Connection, whose: str, who: Address, invitation: int) -> Invitation | None:
    row = connection.execute(
        text(f"""with invitation as (delete from invitation where id = :id and {whose} returning *)
                 {_INVITATION}"""),   # noqa: S608 -- put together from constants
        {"id": invitation, "who": who},
    ).one_or_none()
    return _invitation(connection, row) if row else None


def _organisation(connection: Connection, row: Row[Any]) -> Organisation:
    sides = frozenset(side for side in Side if getattr(row, side.value))
    wallet = Address(row.wallet)
    return Organisation(wallet, _name(connection, wallet, row.name), sides)


def _invitation(connection: Connection, row: Row[Any]) -> Invitation:
    account = Address(row.account)
    return Invitation(
        row.id, account, _name(connection, account, row.name), Address(row.wallet), MemberRole(row.role),
        Address(row.invited_by), row.expires_at,
    )


def _name(connection: Connection, account: Address, stored: str) -> str:
    """The organisation's name; empty when its key is gone, as in a backup of an erased account."""
    return (open_sealed(connection, account, stored) or "") if is_sealed(stored) else stored
