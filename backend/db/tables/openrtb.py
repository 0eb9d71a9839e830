"""Whom we buy from and sell to outside: exchanges that ask us for bids, and bidders that we ask."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import created, row_id


class Exchange(SQLModel, table=True):
    """An exchange that sells to us (decision 0014): it is paid as the publisher of a world that stands for it.

    Its placements are the formats that it offers; one that has an `imp.tagid` for its name is for that tag alone.
    `networks`: from where it may ask, as 192.0.2.0/24; none: from everywhere. `click_macro`: what it puts before a
    click's address. `strict`: requests that are not exactly as the specification says are refused.
    """

    __tablename__ = "exchange"
    __table_args__ = (
        CheckConstraint("status in ('active', 'paused')", name="exchange_status"),
        UniqueConstraint("token_digest", name="exchange_token"),
    )

    id: int | None = row_id()
    world_id: int = Field(sa_type=BigInteger, foreign_key="world.id", unique=True)
    name: str = Field(sa_type=Text)
    domain: str = Field(sa_type=Text)
    seat: str = Field(sa_type=Text)                 # ours, as it names us in wseat and bseat
    token_digest: str = Field(sa_type=Text)         # SHA-256 of its bearer token
    networks: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'"))
    )
    strict: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    needs_schain: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    click_macro: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=text("''")))
    status: str = Field(default="active", sa_type=Text)
    created_at: datetime | None = created()


class ExternalBidder(SQLModel, table=True):
    """A server that bids for one line item, whose campaign pays for what it wins. `seat` is its own name for us."""

    __tablename__ = "external_bidder"
    __table_args__ = (
        CheckConstraint("status in ('active', 'paused')", name="external_bidder_status"),
        CheckConstraint("timeout_ms between 10 and 300", name="external_bidder_timeout"),
        CheckConstraint("qps_max between 1 and 10000", name="external_bidder_qps"),
    )

    id: int | None = row_id()
    line_item_id: int = Field(sa_type=BigInteger, foreign_key="line_item.id", unique=True)
    name: str = Field(sa_type=Text)
    endpoint: str = Field(sa_type=Text)
    seat: str = Field(sa_type=Text)
    timeout_ms: int = Field(sa_type=Integer)
    qps_max: int = Field(sa_type=Integer)           # of each process
    approved: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    status: str = Field(default="active", sa_type=Text)
    created_at: datetime | None = created()
