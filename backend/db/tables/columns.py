"""Columns that many tables share."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Identity, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field


def row_id() -> Any:
    """A number that PostgreSQL gives out; the primary key."""
    return Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))


def created() -> Any:
    """When the row was written."""
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now()))


def when(nullable: bool = True) -> Any:
    """A moment, timestamptz."""
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=nullable))


def big(nullable: bool = False, **more: Any) -> Any:
    """A BIGINT: money in micro-USDC, Unix milliseconds, numbers of other tables."""
    return Field(default=None, sa_column=Column(BigInteger, nullable=nullable, **more))


def json_object() -> Any:
    """JSONB that is `{}` by default."""
    return Field(default=None, sa_column=Column(JSONB, nullable=False, server_default=text("'{}'::jsonb")))
