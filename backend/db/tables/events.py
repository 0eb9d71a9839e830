"""What happened in the worlds, and what was answered to ad requests."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big


class Event(SQLModel, table=True):
    """An accepted event, billed by the ledger. One row per decision and kind, ever.

    Written by ingest (views, clicks), by conversions, and by the ledger for hours of sponsorships.
    """

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("stream_id", "stream_index", name="event_stream_position"),
        CheckConstraint("kind in ('viewable', 'click', 'conversion', 'sponsored_hour')", name="event_kind"),
        CheckConstraint("status in ('accepted', 'billed', 'unpaid', 'dropped', 'invalid')", name="event_status"),
        CheckConstraint("price_micro_usdc >= 0", name="event_price"),
        Index("event_accepted", "seq", postgresql_where=text("status = 'accepted'")),
        Index("event_status_changed", "settled_seq", postgresql_where=text("settled_seq is not null")),
        Index("event_unpaid", "placement_id", "received_ms", postgresql_where=text("status = 'unpaid'")),
        Index("event_unpaid_received", "received_ms", postgresql_include=["placement_id"],
              postgresql_where=text("status = 'unpaid'")),
        Index("event_with_samples", "received_ms", postgresql_where=text("samples::text <> '[]'")),
        Index("event_click_ref", "click_ref", postgresql_where=text("click_ref is not null")),
        Index("event_of_sponsorship", "line_item_id", "decision_id",
              postgresql_where=text("bid_kind = 'sponsorship' and kind in ('viewable', 'click')")),
    )

    event_id: str = Field(primary_key=True, sa_type=Text)
    seq: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), unique=True, nullable=False))
    decision_id: str = Field(sa_type=Text, index=True)
    kind: str = Field(sa_type=Text)
    bid_kind: str = Field(sa_type=Text)
    chain_campaign: int = big()
    line_item_id: int = big()
    creative_id: int = big()
    placement_id: int = big()
    publisher_index: int = big()
    price_micro_usdc: int = big()   # 0 when this kind costs nothing under bid_kind
    occurred_ms: int = big()
    received_ms: int = big()
    stream_id: str = Field(sa_type=Text)
    stream_index: int
    # json, not jsonb: nobody looks inside with SQL, and as text it costs half the time to store
    samples: list[Any] = Field(sa_column=Column(JSON, nullable=False, server_default=text("'[]'::json")))
    # billed: charged; unpaid: this kind costs nothing under its bid; dropped: the budget was gone;
    # invalid: flagged as invalid traffic, and what was charged given back
    status: str = Field(default="accepted", sa_type=Text)
    settled_seq: int | None = big(nullable=True)   # order in which the ledger decided it
    # what a conversion after this view or click costs, fixed by its decision; 0 unless the bid is cpa
    action_price_micro_usdc: int = big(server_default=text("0"))
    click_ref: str | None = Field(default=None, sa_type=Text)   # of a click: see core/click_id.py
    # keyed hashes of one day, for invalid traffic alone, blanked after two: the viewer on this placement, the network
    viewer_mark: int | None = big(nullable=True)
    network_mark: int | None = big(nullable=True)


class DroppedEvent(SQLModel, table=True):
    """An event that is not charged, with its reason; counted once by its place in the stream."""

    __tablename__ = "dropped_event"
    __table_args__ = (
        Index("dropped_event_placement", "placement_id", "received_ms"),
        Index("dropped_event_received", "received_ms", postgresql_include=["placement_id", "reason"]),
    )

    stream_id: str = Field(primary_key=True, sa_type=Text)
    stream_index: int = Field(primary_key=True)
    reason: str = Field(sa_type=Text, index=True)
    kind: str | None = Field(default=None, sa_type=Text)
    decision_id: str | None = Field(default=None, sa_type=Text)
    placement_id: int | None = big(nullable=True)
    received_ms: int = big()


class EarlyClick(SQLModel, table=True):
    """A click that was dropped because its view had not come; when it comes, the click counts. Kept for a day.

    `record`: the AcceptedRecord of the stream, as JSON.
    """

    __tablename__ = "early_click"
    __table_args__ = (Index("early_click_received", "received_ms"),)

    event_id: str = Field(primary_key=True, sa_type=Text)
    stream_id: str = Field(sa_type=Text)
    stream_index: int
    received_ms: int = big()
    record: bytes


class ServingTally(SQLModel, table=True):
    """Answers to ad requests by minute: outcome `decision`, or a NoBidReason per line item (0: none was left)."""

    __tablename__ = "serving_tally"
    __table_args__ = (
        Index("serving_tally_placement", "placement_id", "minute"),
        Index("serving_tally_line_item", "line_item_id", "minute"),
    )

    minute: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    placement_id: int = Field(primary_key=True, sa_type=BigInteger)
    line_item_id: int = Field(primary_key=True, sa_type=BigInteger)
    outcome: str = Field(primary_key=True, sa_type=Text)
    n: int = big(server_default=text("0"))
