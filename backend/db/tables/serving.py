"""What deciding processes read to stay in step."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel


class ServingChange(SQLModel, table=True):
    """A statement that changed what is sold or bought, written by triggers; kept for an hour.

    `ids` name things of a `kind`: line_item, campaign, placement, world, publisher; a `member` by hashes of the two
    wallets. The one row of the kind `forgotten` has the number of rows that are gone, so that the number of all changes
    is the same for everybody, for ever. `xid` is the transaction: changes become visible in the order in which
    transactions end.
    """

    __tablename__ = "serving_change"
    __table_args__ = (Index("serving_change_xid", "xid"),)

    seq: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    xid: int | None = Field(default=None, sa_column=Column(
        BigInteger, nullable=False, server_default=text("pg_current_xact_id()::text::bigint")
    ))
    kind: str = Field(sa_type=Text)
    ids: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    at: datetime | None = Field(default=None, sa_column=Column(
        DateTime(timezone=True), nullable=False, server_default=text("now()")
    ))
