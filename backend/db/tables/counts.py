"""Totals that nobody wants to count again: of pages by triggers (migration 0012), of rates by a job (pctr/)."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, Text, text
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, row_id, when


class TrafficCount(SQLModel, table=True):
    """How many rows there ever were: nobody counts ten million events to show one number.

    `what` is `received`, or `billed`, `unpaid`, `invalid`, `beyond_budget` as the ledger decided (`name`: kind of
    event), `dropped` (`name`: DropReason), or `answered` (`name`: outcome of ServingTally). Events that wait for the
    ledger are received less decided.
    """

    __tablename__ = "traffic_count"

    what: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(primary_key=True, sa_type=Text)
    n: int = big(server_default=text("0"))


class RateCount(SQLModel, table=True):
    """What followed the decisions for a line item on a placement, folded from RateDelta and `serving_tally` by pctr/.

    `generation` is the pass that changed the row last, so that a reader asks for what is new alone.
    """

    __tablename__ = "rate_count"
    __table_args__ = (Index("rate_count_generation", "generation"),)

    line_item_id: int = Field(primary_key=True, sa_type=BigInteger)
    placement_id: int = Field(primary_key=True, sa_type=BigInteger)
    views: int = big(server_default=text("0"))
    clicks: int = big(server_default=text("0"))
    conversions: int = big(server_default=text("0"))
    decisions: int = big(server_default=text("0"))
    generation: int = big()


class RateDelta(SQLModel, table=True):
    """How an update of `event` changed the counts of a line item on a placement; written by a trigger, then folded.

    An event counts while it is `billed`, `unpaid` or `dropped`: not before the ledger has decided, and no more when
    it turns out to be invalid.
    """

    __tablename__ = "rate_delta"

    id: int | None = row_id()
    line_item_id: int = big()
    placement_id: int = big()
    views: int
    clicks: int
    conversions: int


class RateCursor(SQLModel, table=True):
    """Up to which minute `rate_count` has the tallies, and its last generation.

    One row. Without it everything is counted anew.
    """

    __tablename__ = "rate_cursor"
    __table_args__ = (CheckConstraint("id = 1", name="rate_cursor_one_row"),)

    id: int = Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})
    minute: datetime | None = when()
    generation: int = big()
