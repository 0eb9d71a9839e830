"""What makes requests safe to repeat."""

from datetime import datetime

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import created


class IdempotencyKey(SQLModel, table=True):
    """A creating request and its answer (JSON), so that sending it again answers the same; see db/idempotency.py."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_created_at", "created_at"),)

    wallet: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    fingerprint: str = Field(sa_type=Text)
    answer: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    created_at: datetime | None = created()
