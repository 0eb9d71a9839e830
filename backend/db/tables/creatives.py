"""Assets, the creatives that show them, and what moderators said of those."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, created, json_object, row_id, when

_KINDS = "kind in ('image', 'video', 'audio', 'model')"


def _words() -> Any:
    """A list of words from a closed list; empty by default."""
    return Field(default=None, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))


class Asset(SQLModel, table=True):
    """A file that an account has uploaded, named by the hash of the bytes that are served.

    Two accounts with the same bytes have a row each and share the file. Sizes are pixels, of a model millimetres.
    """

    __tablename__ = "asset"
    __table_args__ = (
        CheckConstraint(_KINDS, name="asset_kind"), CheckConstraint("bytes > 0", name="asset_bytes_positive"),
        UniqueConstraint("account", "sha256", name="asset_once"), Index("ix_asset_sha256", "sha256"),
    )

    id: int | None = row_id()
    account: str = Field(sa_type=Text)
    sha256: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    media_type: str = Field(sa_type=Text)
    bytes: int = big()
    width: int
    height: int
    duration_ms: int
    triangles: int
    details: dict[str, Any] = json_object()
    created_at: datetime | None = created()


class Creative(SQLModel, table=True):
    """One version of what a line item shows, named by the hash that the SDK checks before it shows it.

    A row's asset never changes: a change is a row of its own with the same `lineage_id` (null: the first version).
    `hosted`: the asset is one of ours. A claim keeps other moderators away until `claimed_until`.
    """

    __tablename__ = "creative"
    __table_args__ = (
        CheckConstraint(_KINDS, name="creative_kind"),
        CheckConstraint(
            "status in ('pending', 'approved', 'rejected', 'replaced', 'taken_down', 'withdrawn')",
            name="creative_status",
        ),
        CheckConstraint("width > 0 and height > 0 or kind = 'audio'", name="creative_size"),
        CheckConstraint("appeal in ('open', 'granted', 'denied')", name="creative_appeal"),
        UniqueConstraint("lineage_id", "version", name="creative_version_once"),
        Index("ix_creative_status", "status", "id"), Index("ix_creative_asset_sha256", "asset_sha256"),
        Index("ix_creative_appeal", "appeal", "id"),
    )

    id: int | None = row_id()
    line_item_id: int = Field(sa_type=BigInteger, foreign_key="line_item.id", index=True)
    lineage_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="creative.id", nullable=True)
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default=text("1")))
    kind: str = Field(sa_type=Text)
    width: int
    height: int
    duration_ms: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    asset_url: str = Field(sa_type=Text)
    asset_sha256: str = Field(sa_type=Text)
    hosted: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    click_url: str = Field(sa_type=Text)
    alt_text: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=text("''")))
    status: str = Field(default="approved", sa_type=Text)
    reasons: list[str] = _words()
    note: str | None = Field(default=None, sa_type=Text)
    decided_by: str | None = Field(default=None, sa_type=Text)
    decided_at: datetime | None = when()
    appeal: str | None = Field(default=None, sa_type=Text)
    appeal_text: str | None = Field(default=None, sa_type=Text)
    appealed_at: datetime | None = when()
    claimed_by: str | None = Field(default=None, sa_type=Text)
    claimed_until: datetime | None = when()
    created_at: datetime | None = created()


class CreativeReview(SQLModel, table=True):
    """One thing that happened to a creative in moderation. Append-only."""

    __tablename__ = "creative_review"

    id: int | None = row_id()
    creative_id: int = Field(sa_type=BigInteger, foreign_key="creative.id", index=True)
    action: str = Field(sa_type=Text)
    moderator: str | None = Field(default=None, sa_type=Text)     # null: the advertiser, or the operator's own setting
    reasons: list[str] = _words()
    note: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = created()
