"""What advertisers describe."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Text
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
    created_at: datetime | None = created()


class LineItem(SQLModel, table=True):
    """One buying order of a campaign. `bid_micro_usdc` is the most one event of `bid_kind` may cost."""

    __tablename__ = "line_item"
    __table_args__ = (
        CheckConstraint("bid_kind in ('vcpm', 'cpc')", name="line_item_bid_kind"),
        CheckConstraint("bid_micro_usdc > 0", name="line_item_bid_positive"),
        CheckConstraint("daily_cap_micro_usdc > 0 and total_cap_micro_usdc > 0", name="line_item_caps_positive"),
        CheckConstraint("pacing in ('asap', 'even')", name="line_item_pacing"),
        CheckConstraint("status in ('active', 'paused')", name="line_item_status"),
        CheckConstraint("ends_at > starts_at", name="line_item_dates"),
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
    created_at: datetime | None = created()


class Creative(SQLModel, table=True):
    """The asset of a line item, named by the hash that the SDK checks before it shows it."""

    __tablename__ = "creative"
    __table_args__ = (
        CheckConstraint("kind in ('image', 'video')", name="creative_kind"),
        CheckConstraint("status in ('pending', 'approved', 'rejected')", name="creative_status"),
        CheckConstraint("width > 0 and height > 0", name="creative_size"),
    )

    id: int | None = row_id()
    line_item_id: int = Field(sa_type=BigInteger, foreign_key="line_item.id", index=True)
    kind: str = Field(sa_type=Text)
    width: int
    height: int
    asset_url: str = Field(sa_type=Text)
    asset_sha256: str = Field(sa_type=Text)
    click_url: str = Field(sa_type=Text)
    status: str = Field(default="approved", sa_type=Text)
    created_at: datetime | None = created()
