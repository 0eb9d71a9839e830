"""Settlements on their way to the chain."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Text, text
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, created


class Epoch(SQLModel, table=True):
    """A settlement on its way to the chain.

    closed → published (bundle written) → proposed (on chain) → finalised; a veto starts the next attempt at `closed`.
    """

    __tablename__ = "epoch"
    __table_args__ = (
        CheckConstraint("status in ('closed', 'published', 'proposed', 'finalised')", name="epoch_status"),
    )

    epoch: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    attempt: int = 0
    status: str = Field(default="closed", sa_type=Text)
    from_ms: int = big()
    to_ms: int = big()
    events: int = big(server_default=text("0"))
    total_micro_usdc: int = big(server_default=text("0"))
    fee_micro_usdc: int = big(server_default=text("0"))
    dust_micro_usdc: int = big(server_default=text("0"))
    previous_root: str | None = Field(default=None, sa_type=Text)
    publishers_root: str | None = Field(default=None, sa_type=Text)
    debits_hash: str | None = Field(default=None, sa_type=Text)
    data_hash: str | None = Field(default=None, sa_type=Text)
    ruleset_hash: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = created()


class EpochPublisher(SQLModel, table=True):
    """A publisher's line in an epoch's statement, all micro-USDC; `cumulative` is over all epochs."""

    __tablename__ = "epoch_publisher"

    epoch: int = Field(primary_key=True, sa_type=BigInteger)
    publisher_index: int = Field(primary_key=True, sa_type=BigInteger)
    recipient: str = Field(sa_type=Text)
    gross_micro_usdc: int = big()
    net_micro_usdc: int = big()
    cumulative_micro_usdc: int = big()


class EpochDebit(SQLModel, table=True):
    """A campaign's debit in an epoch, micro-USDC."""

    __tablename__ = "epoch_debit"

    epoch: int = Field(primary_key=True, sa_type=BigInteger)
    chain_campaign: int = Field(primary_key=True, sa_type=BigInteger)
    amount_micro_usdc: int = big()


class Attestation(SQLModel, table=True):
    """An attestor's EIP-712 signature over one attempt of an epoch, 64 bytes r and vs (EIP-2098) as 0x hex."""

    __tablename__ = "attestation"

    epoch: int = Field(primary_key=True, sa_type=BigInteger)
    attempt: int = Field(primary_key=True)
    attestor: str = Field(primary_key=True, sa_type=Text)
    digest: str = Field(sa_type=Text)
    signature: str = Field(sa_type=Text)
    created_at: datetime | None = created()
