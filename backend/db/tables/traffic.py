"""Invalid traffic: lists, what is counted, what was flagged and why."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, created, json_object, row_id, when


class TrafficList(SQLModel, table=True):
    """A version of a published list, by the SHA-256 of what was read of it; only the one in force keeps its content."""

    __tablename__ = "traffic_list"

    name: str = Field(primary_key=True, sa_type=Text)
    digest: str = Field(primary_key=True, sa_type=Text)
    entries: int
    content: str | None = Field(default=None, sa_type=Text)     # one entry a line; null: replaced since
    fetched_at: datetime | None = created()


class TrafficAllowance(SQLModel, table=True):
    """A data centre's network from which a world is streamed to people; `publisher_index` null: holds for everybody."""

    __tablename__ = "traffic_allowance"
    __table_args__ = (
        UniqueConstraint(
            "network", "publisher_index", name="traffic_allowance_once", postgresql_nulls_not_distinct=True
        ),
    )

    id: int | None = row_id()
    network: str = Field(sa_type=Text)
    publisher_index: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("publisher.index"), nullable=True)
    )
    note: str = Field(default="", sa_type=Text)
    created_at: datetime | None = created()


class TrafficProgress(SQLModel, table=True):
    """How far events are counted; one row."""

    __tablename__ = "traffic_progress"

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    seq: int = big()


class TrafficCell(SQLModel, table=True):
    """Sums of a UTC day on a placement: of all of it, or of a viewer, network or trace (`mark`: keyed hash of the day).

    `placement_id` 0 is the market. `first_ms` is the first decision, `last_ms` the last report, `seq`s those of events.
    """

    __tablename__ = "traffic_cell"
    __table_args__ = (
        CheckConstraint("level in ('market', 'placement', 'network', 'viewer', 'trace')", name="traffic_cell_level"),
    )

    day: date = Field(sa_column=Column(Date, primary_key=True))
    placement_id: int = Field(primary_key=True, sa_type=BigInteger)
    level: str = Field(primary_key=True, sa_type=Text)
    mark: int = Field(primary_key=True, sa_type=BigInteger)
    views: int = big()
    clicks: int = big()
    watched_ms: int = big()
    steady: int = big()
    still: int = big()
    delay_ms: int = big()       # sum over clicks of the time from the decision to the report
    delay_ms2: int = big()      # sum of their squares
    viewers: int = big()
    first_ms: int = big()
    last_ms: int = big()
    first_seq: int = big()
    last_seq: int = big()


class TrafficFlag(SQLModel, table=True):
    """A cell that statistics call invalid, with the evidence: numbers, rule, threshold, versions. No personal data.

    `mark` is blanked with the marks of its events; then nothing more is added. `scope`: all events of the cell, or its
    clicks. The publisher may object once (`objection`), a moderator upholds or lifts.
    """

    __tablename__ = "traffic_flag"
    __table_args__ = (
        CheckConstraint("status in ('standing', 'upheld', 'lifted')", name="traffic_flag_status"),
        CheckConstraint("scope in ('all', 'clicks')", name="traffic_flag_scope"),
        CheckConstraint("(objection is null) = (objected_at is null)", name="traffic_flag_objection"),
        UniqueConstraint("day", "placement_id", "level", "mark", name="traffic_flag_once"),
        Index("traffic_flag_publisher", "publisher_index", "id"),
        Index("traffic_flag_objected", "id", postgresql_where=text("objection is not null and status = 'standing'")),
        Index("traffic_flag_marked", "day", postgresql_where=text("mark is not null")),
    )

    id: int | None = row_id()
    day: date = Field(sa_column=Column(Date, nullable=False))
    placement_id: int = big()
    publisher_index: int = big()
    level: str = Field(sa_type=Text)
    mark: int | None = big(nullable=True)
    rule: str = Field(sa_type=Text)
    scope: str = Field(sa_type=Text)
    evidence: dict[str, Any] = json_object()
    ruleset: str = Field(sa_type=Text)      # SHA-256 of the ruleset whose thresholds were passed
    status: str = Field(default="standing", sa_column=Column(Text, nullable=False, server_default=text("'standing'")))
    objection: str | None = Field(default=None, sa_type=Text)
    objected_at: datetime | None = when()
    decided_by: str | None = Field(default=None, sa_type=Text)
    decided_at: datetime | None = when()
    note: str | None = Field(default=None, sa_type=Text)
    told: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    created_at: datetime | None = created()


class FlaggedEvent(SQLModel, table=True):
    """An event under its first flag, and what the ledger did.

    pending → reversed (was charged), voided (was not), late (its epoch is closed), missed (the budget was gone before);
    lifting → reinstated (charged again), cleared (costs nothing), forgone (no longer fits the budget).
    """

    __tablename__ = "flagged_event"
    __table_args__ = (
        CheckConstraint(
            "state in ('pending', 'reversed', 'voided', 'late', 'missed', 'lifting', 'reinstated', 'cleared', "
            "'forgone')",
            name="flagged_event_state",
        ),
        Index("flagged_event_waiting", "event_id", postgresql_where=text("state in ('pending', 'lifting')")),
        Index("flagged_event_flag", "flag_id"),
    )

    event_id: str = Field(primary_key=True, sa_type=Text)
    flag_id: int = Field(sa_column=Column(BigInteger, ForeignKey("traffic_flag.id"), nullable=False))
    state: str = Field(default="pending", sa_column=Column(Text, nullable=False, server_default=text("'pending'")))
    amount_micro_usdc: int = big(server_default=text("0"))      # what was given back, or was charged and stays
