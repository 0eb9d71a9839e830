"""What advertisers describe."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, DateTime, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, created, json_object, row_id, when


class Campaign(SQLModel, table=True):
    """What an advertiser describes.

    Its money is the chain campaign opened for `funder`, by default the owner, with the same `meta`.
    """

    __tablename__ = "campaign"
    __table_args__ = (CheckConstraint("status in ('active', 'paused', 'ended')", name="campaign_status"),)

    id: int | None = row_id()
    owner: str = Field(sa_type=Text, index=True)
    funder: str | None = Field(default=None, sa_type=Text)   # null: the owner opens the escrow account; else for whom
    name: str = Field(sa_type=Text)
    category: str = Field(sa_type=Text)
    meta: str = Field(sa_type=Text, unique=True)
    status: str = Field(default="active", sa_type=Text)
    # a payment by card is in doubt: nothing is served until it is settled (onramp/book.py)
    frozen: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    created_at: datetime | None = created()


class LineItem(SQLModel, table=True):
    """One buying order of a campaign. `bid_micro_usdc` is the most one event of `bid_kind` may cost.

    `booked_placement_id` is the placement that a sponsorship takes while it is active; no two overlap in time.
    """

    __tablename__ = "line_item"
    __table_args__ = (
        CheckConstraint("bid_kind in ('vcpm', 'cpc', 'cpa', 'sponsorship')", name="line_item_bid_kind"),
        CheckConstraint("bid_micro_usdc > 0", name="line_item_bid_positive"),
        CheckConstraint("daily_cap_micro_usdc > 0 and total_cap_micro_usdc > 0", name="line_item_caps_positive"),
        CheckConstraint("pacing in ('asap', 'even', 'front_loaded')", name="line_item_pacing"),
        CheckConstraint("status in ('active', 'paused')", name="line_item_status"),
        CheckConstraint("ends_at > starts_at", name="line_item_dates"),
        CheckConstraint("hours ~ '^[0-9a-f]{42}$' and (hours is null) = (time_zone is null)", name="line_item_hours"),
        CheckConstraint(
            "frequency_impressions > 0 and frequency_hours between 1 and 24", name="line_item_frequency"
        ),
        CheckConstraint("recency_minutes between 1 and 1440", name="line_item_recency"),
        CheckConstraint("booked_placement_id is null or bid_kind = 'sponsorship'", name="line_item_booking"),
        ExcludeConstraint(
            (text("int8range(booked_placement_id, booked_placement_id, '[]')"), "&&"),
            (text("tstzrange(starts_at, ends_at)"), "&&"),
            where=text("booked_placement_id is not null"), name="line_item_booked_once",
        ),
    )

    id: int | None = row_id()
    campaign_id: int = Field(sa_type=BigInteger, foreign_key="campaign.id", index=True)
    name: str = Field(sa_type=Text)
    bid_kind: str = Field(sa_type=Text)
    bid_micro_usdc: int = big()
    daily_cap_micro_usdc: int | None = big(nullable=True)
    total_cap_micro_usdc: int | None = big(nullable=True)
    pacing: str = Field(default="even", sa_type=Text)
    starts_at: datetime = when(nullable=False)
    ends_at: datetime = when(nullable=False)
    targeting: dict[str, Any] = json_object()
    status: str = Field(default="active", sa_type=Text)
    hours: str | None = Field(default=None, sa_type=Text)       # of the week, 168 bits in hex; null: all of them
    time_zone: str | None = Field(default=None, sa_type=Text)
    frequency_impressions: int | None = None                    # to one viewer within frequency_hours; null: no cap
    frequency_hours: int | None = None
    recency_minutes: int | None = None                          # between two ads to one viewer; null: no cap
    booked_placement_id: int | None = Field(
        default=None, sa_type=BigInteger, foreign_key="placement.id", nullable=True
    )
    # a server of its own bids for it (tables/openrtb.py), and bid_micro_usdc is the most that it may
    external: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    created_at: datetime | None = created()


class CampaignTerms(SQLModel, table=True):
    """A document of a campaign's terms; version 1 hashes to `campaign.meta`, each later one names the one before."""

    __tablename__ = "campaign_terms"

    campaign_id: int = Field(sa_type=BigInteger, foreign_key="campaign.id", primary_key=True)
    version: int = Field(primary_key=True)
    document: str = Field(sa_type=Text)
    sha256: str = Field(sa_type=Text)
    created_at: datetime | None = created()


class ServingLandscape(SQLModel, table=True):
    """Ad requests by hour: what another owner (`bid_bucket`) or the winner's own (`price_bucket`) had to beat.

    Line item 0: nobody won. Buckets are of `backend.serving.tally.landscape`; kept for five weeks.
    """

    __tablename__ = "serving_landscape"
    __table_args__ = (Index("serving_landscape_placement", "placement_id", "hour"),)

    hour: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    placement_id: int = Field(primary_key=True, sa_type=BigInteger)
    line_item_id: int = Field(primary_key=True, sa_type=BigInteger)
    bid_bucket: int = Field(primary_key=True)
    price_bucket: int = Field(primary_key=True)
    n: int = big(server_default=text("0"))


class PacingWeek(SQLModel, table=True):
    """One row: how the ad requests of all placements spread over the 168 UTC hours of the week, from Monday 00:00.

    1,000 is the average. Pacing follows it; made anew once a day.
    """

    __tablename__ = "pacing_week"
    __table_args__ = (CheckConstraint("id = 1 and cardinality(weights) = 168", name="pacing_week_one"),)

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    weights: list[int] = Field(sa_column=Column(ARRAY(Integer), nullable=False))
    made_at: datetime = when(nullable=False)


class ServingAudience(SQLModel, table=True):
    """Ad requests by hour and what they said of country, language or device ('' when they did not); kept as above."""

    __tablename__ = "serving_audience"
    __table_args__ = (Index("serving_audience_placement", "placement_id", "hour"),)

    hour: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    placement_id: int = Field(primary_key=True, sa_type=BigInteger)
    dimension: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(primary_key=True, sa_type=Text)
    n: int = big(server_default=text("0"))
