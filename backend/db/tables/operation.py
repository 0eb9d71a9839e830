"""What was done by whom, and what customers are told of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, created, json_object, row_id, when


class AuditEntry(SQLModel, table=True):
    """One act that changed something, by whom and for which account. Append-only; see db/audit.py."""

    __tablename__ = "audit_entry"

    id: int | None = row_id()
    actor: str = Field(sa_type=Text, index=True)
    account: str = Field(sa_type=Text, index=True)
    action: str = Field(sa_type=Text, index=True)
    subject: str = Field(sa_type=Text, index=True)
    details: dict[str, Any] = json_object()
    created_at: datetime | None = created()


class AuditLink(SQLModel, table=True):
    """The place of an entry in the chain, written by a trigger at commit. Append-only, without gaps."""

    __tablename__ = "audit_link"
    __table_args__ = (Index("ix_audit_link_account", "account", "sequence"),)

    sequence: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    entry_id: int = Field(sa_type=BigInteger, foreign_key="audit_entry.id", unique=True)
    account: str = Field(sa_type=Text)     # of the entry: its own log is read by account and place
    hash: str = Field(sa_type=Text)


class Notice(SQLModel, table=True):
    """Something an account should know; the source of its notifications and of its webhooks. See db/notices.py."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_unread", "account", "id", postgresql_where=text("read_at is null")),
        Index("ix_notice_waiting", "id", postgresql_where=text("fanned_at is null")),
    )

    id: int | None = row_id()
    account: str = Field(sa_type=Text, index=True)
    kind: str = Field(sa_type=Text)
    content: dict[str, Any] = json_object()
    created_at: datetime | None = created()
    read_at: datetime | None = when()
    fanned_at: datetime | None = when()    # when the deliveries to the account's webhooks were made


class Webhook(SQLModel, table=True):
    """Where an account wants to be told. Its secret is derived from the master key and the nonce, never stored."""

    __tablename__ = "webhook"
    __table_args__ = (
        CheckConstraint("status in ('active', 'paused', 'disabled')", name="webhook_status"),
    )

    id: int | None = row_id()
    account: str = Field(sa_type=Text, index=True)
    url: str = Field(sa_type=Text)
    kinds: list[str] = Field(sa_column=Column(JSONB, nullable=False))      # [] means all
    status: str = Field(sa_type=Text)
    secret_nonce: str = Field(sa_type=Text)
    old_secret_nonce: str | None = Field(default=None, sa_type=Text)
    old_secret_until: datetime | None = when()
    failing_since: datetime | None = when()
    created_at: datetime | None = created()


class WebhookDelivery(SQLModel, table=True):
    """One notice on its way to one webhook, until it is delivered or given up."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        CheckConstraint("status in ('pending', 'delivered', 'dead')", name="webhook_delivery_status"),
        Index("ix_webhook_delivery_once", "webhook_id", "notice_id", unique=True,
              postgresql_where=text("replay_of is null")),
        Index("ix_webhook_delivery_due", "next_at", postgresql_where=text("status = 'pending'")),
        Index("ix_webhook_delivery_page", "webhook_id", "id"),
    )

    id: int | None = row_id()
    webhook_id: int = Field(sa_column=Column(BigInteger, ForeignKey("webhook.id", ondelete="CASCADE"), nullable=False))
    notice_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("notice.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    replay_of: int | None = big(nullable=True)
    status: str = Field(sa_type=Text)
    attempts: int
    next_at: datetime = when(nullable=False)
    response_code: int | None
    error: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = when(nullable=False)
    finished_at: datetime | None = when()


class WebhookAttempt(SQLModel, table=True):
    """One try, written before it is made: without `finished_at` nobody knows whether it arrived."""

    __tablename__ = "webhook_attempt"

    id: int | None = row_id()
    delivery_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("webhook_delivery.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    number: int
    started_at: datetime = when(nullable=False)
    finished_at: datetime | None = when()
    response_code: int | None
    error: str | None = Field(default=None, sa_type=Text)
