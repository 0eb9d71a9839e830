"""Notices in SQL; they are written by db/notices.py."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from backend.core.ids import Address


@dataclass(frozen=True, slots=True)
class Notice:
    """Something an account was told; `read_at` is None until somebody of it has read it."""

    id: int
    kind: str
    content: dict[str, Any]
    created_at: datetime
    read_at: datetime | None


def page(connection: Connection, account: Address, after: int, limit: int, *, unread: bool) -> list[Notice]:
    rows = connection.execute(
        text("""select id, kind, content, created_at, read_at from notice
                 where account = :account and id > :after and (read_at is null or not :unread)
                 order by id limit :limit"""),
        {"account": account, "after": after, "limit": limit, "unread": unread},
    )
    return [Notice(row.id, row.kind, row.content, row.created_at, row.read_at) for row in rows]


def unread(connection: Connection, account: Address) -> int:
    return int(connection.execute(
        text("select count(*) from notice where account = :account and read_at is null"), {"account": account}
    ).scalar_one())


def mark_read(connection: Connection, account: Address, notice: int) -> bool:
    """False when the account has no such notice."""
    return connection.execute(
        text("""update notice set read_at = coalesce(read_at, now()) where account = :account and id = :notice
                returning 1"""),
        {"account": account, "notice": notice},
    ).scalar() is not None


def mark_read_up_to(connection: Connection, account: Address, notice: int) -> int:
    """How many were unread up to and with `notice`."""
    return connection.execute(
        text("update notice set read_at = now() where account = :account and id <= :notice and read_at is null"),
        {"account": account, "notice": notice},
    ).rowcount
