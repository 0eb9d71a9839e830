"""People's rights: exports, erasures, the keys that personal data is sealed with."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, created, json_object, row_id, when


class SubjectKey(SQLModel, table=True):
    """The key that a subject's personal data is sealed with, wrapped by the master key; see db/sealed.py.

    `purpose` is `personal`, or `law-<year>` for what the law makes us keep until the end of that year. Deleting a row
    makes unreadable what it sealed, so backups of the other tables never hold this one.
    """

    __tablename__ = "subject_key"
    __table_args__ = (UniqueConstraint("subject", "purpose", name="subject_key_once"),)

    id: str = Field(primary_key=True, sa_type=Text)
    subject: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    keep_until: date | None = Field(default=None, sa_type=Date)
    wrapped: str = Field(sa_type=Text)
    created_at: datetime | None = created()


class PrivacyExport(SQLModel, table=True):
    """Everything that we hold about an account, on its way into one archive.

    waiting → ready (the file is there) → deleted (after its days, or with the account).
    """

    __tablename__ = "privacy_export"
    __table_args__ = (
        CheckConstraint("status in ('waiting', 'ready', 'deleted')", name="privacy_export_status"),
        Index("privacy_export_one_waiting", "account", unique=True, postgresql_where=text("status = 'waiting'")),
    )

    id: int | None = row_id()
    account: str = Field(sa_type=Text, index=True)
    status: str = Field(default="waiting", sa_type=Text)
    bytes: int | None = big(nullable=True)
    sha256: str | None = Field(default=None, sa_type=Text)
    requested_at: datetime = when(nullable=False)
    ready_at: datetime | None = when()


class Erasure(SQLModel, table=True):
    """An account that was erased, and what was done. Stays, so that a backup that comes back is erased again."""

    __tablename__ = "erasure"

    id: int | None = row_id()
    account: str = Field(sa_type=Text, index=True)
    done: dict[str, Any] = json_object()
    erased_at: datetime = when(nullable=False)
