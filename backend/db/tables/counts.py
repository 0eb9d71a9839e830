"""Totals that pages show, kept by triggers in the transaction that changes them (migration 0012)."""

from sqlalchemy import Text, text
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big


class TrafficCount(SQLModel, table=True):
    """How many rows there ever were: nobody counts ten million events to show one number.

    `what` is `received`, or `billed`, `unpaid`, `beyond_budget` as the ledger decided (`name`: kind of event),
    `dropped` (`name`: DropReason), or `answered` (`name`: outcome of ServingTally). Events that wait for the ledger are
    received less decided.
    """

    __tablename__ = "traffic_count"

    what: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(primary_key=True, sa_type=Text)
    n: int = big(server_default=text("0"))
