"""Platform roles in SQL."""

from sqlalchemy import Connection, text

from backend.auth.permissions import PlatformRole
from backend.auth.platform.role import Granted
from backend.core.ids import Address


def granted(connection: Connection, wallet: Address | None = None) -> list[Granted]:
    """All roles, or those of one wallet."""
    rows = connection.execute(
        text("""select * from platform_role where cast(:wallet as text) is null or wallet = :wallet
                 order by wallet, role"""),
        {"wallet": wallet},
    )
    return [Granted(Address(row.wallet), PlatformRole(row.role), row.granted_by, row.created_at) for row in rows]


def lock_roles(connection: Connection) -> None:
    """Nobody else changes roles until we commit."""
    connection.execute(text("lock table platform_role in share row exclusive mode"))


def grant_role(connection: Connection, wallet: Address, role: PlatformRole, granted_by: str) -> bool:
    """Whether the role is new."""
    return bool(connection.execute(
        text("""insert into platform_role (wallet, role, granted_by) values (:wallet, :role, :by)
                on conflict do nothing returning 1"""),
        {"wallet": wallet, "role": role.value, "by": granted_by},
    ).scalar())


def revoke_role(connection: Connection, wallet: Address, role: PlatformRole) -> bool:
    """Whether there was such a role."""
    gone = connection.execute(
        text("delete from platform_role where wallet = :wallet and role = :role"),
        {"wallet": wallet, "role": role.value},
    )
    return bool(gone.rowcount)
