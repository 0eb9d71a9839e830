"""Invoices, and whether chain, ledger and Stripe agree."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Date, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, created, json_object, row_id


class BillingProfileRow(SQLModel, table=True):
    """Who an account is on its invoices, sealed with the account's key (db/sealed.py)."""

    __tablename__ = "billing_profile"

    account: str = Field(primary_key=True, sa_type=Text)
    sealed: str = Field(sa_type=Text)
    updated_at: datetime | None = created()


class BillingCounter(SQLModel, table=True):
    """The last number of a series and year: numbers have no gaps, since they are taken with the document."""

    __tablename__ = "billing_counter"

    kind: str = Field(primary_key=True, sa_type=Text)
    year: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    last: int = big()


class BillingDocument(SQLModel, table=True):
    """An issued invoice. `sealed` is its whole text, which the law makes us keep; `sha256` is of the text."""

    __tablename__ = "billing_document"
    __table_args__ = (
        CheckConstraint("kind in ('invoice', 'self_billing')", name="billing_document_kind"),
        UniqueConstraint("kind", "account", "to_day", name="billing_document_once"),
        Index("billing_document_account", "account", "id"),
    )

    id: int | None = row_id()
    number: str = Field(sa_type=Text, unique=True)
    kind: str = Field(sa_type=Text)
    account: str = Field(sa_type=Text)
    issued_on: date = Field(sa_type=Date)
    from_day: date = Field(sa_type=Date)
    to_day: date = Field(sa_type=Date)
    gross_micro_usdc: int = big()
    to_epoch: int | None = big(nullable=True)     # self-billing: all epochs up to here are in documents
    sealed: str = Field(sa_type=Text)
    sha256: str = Field(sa_type=Text)
    created_at: datetime | None = created()


class BilledCampaign(SQLModel, table=True):
    """How much of a campaign's charges is in invoices; the next invoice has the rest."""

    __tablename__ = "billed_campaign"

    campaign_id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    billed_micro_usdc: int = big()


class Reconciliation(SQLModel, table=True):
    """A day's comparison of chain, ledger and Stripe; `incomplete` when one of them could not be asked."""

    __tablename__ = "reconciliation"
    __table_args__ = (CheckConstraint("status in ('agree', 'differ', 'incomplete')", name="reconciliation_status"),)

    day: date = Field(sa_type=Date, primary_key=True)
    status: str = Field(sa_type=Text)
    report: dict[str, Any] = json_object()
    created_at: datetime | None = created()
