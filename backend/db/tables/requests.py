"""What makes requests safe to repeat."""

from datetime import datetime

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import created


class IdempotencyKey(SQLModel, table=True):
    """A creating request and its answer (JSON), so that sending it again answers the same; see db/idempotency.py."""

    __tablename__ = "idempotency_key"

    wallet: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    fingerprint: str = Field(sa_type=Text)
    answer: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    created_at: datetime | None = created()
