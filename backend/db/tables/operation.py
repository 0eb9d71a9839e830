"""What was done by whom, and what customers are told of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import created, json_object, row_id


class AuditEntry(SQLModel, table=True):
    """One act that changed something, by whom and for which account. Append-only; see db/audit.py."""

    __tablename__ = "audit_entry"

    id: int | None = row_id()
    actor: str = Field(sa_type=Text)
    account: str = Field(sa_type=Text, index=True)
    action: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    details: dict[str, Any] = json_object()
    created_at: datetime | None = created()


class Notice(SQLModel, table=True):
    """Something an account should know; the source of its notifications and of its webhooks. See db/notices.py."""

    __tablename__ = "notice"

    id: int | None = row_id()
    account: str = Field(sa_type=Text, index=True)
    kind: str = Field(sa_type=Text)
    content: dict[str, Any] = json_object()
    created_at: datetime | None = created()
