"""What publishers offer."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Text
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, created, row_id


class Publisher(SQLModel, table=True):
    """A wallet that is paid. `index` is its position in the settlement tree for life; 0 is the dust account."""

    __tablename__ = "publisher"
    __table_args__ = (
        CheckConstraint("index > 0", name="publisher_index_positive"),
        CheckConstraint("payout_mode in ('auto', 'manual')", name="publisher_payout_mode"),
    )

    index: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    wallet: str = Field(sa_type=Text, unique=True)
    payout_mode: str = Field(default="auto", sa_type=Text)
    created_at: datetime | None = created()


class World(SQLModel, table=True):
    """A virtual world with surfaces to sell."""

    __tablename__ = "world"
    __table_args__ = (CheckConstraint("status in ('active', 'paused')", name="world_status"),)

    id: int | None = row_id()
    publisher_index: int = Field(sa_type=BigInteger, foreign_key="publisher.index", index=True)
    name: str = Field(sa_type=Text)
    engine: str = Field(sa_type=Text)
    category: str = Field(sa_type=Text)
    url: str = Field(sa_type=Text)
    status: str = Field(default="active", sa_type=Text)
    created_at: datetime | None = created()


class Placement(SQLModel, table=True):
    """One surface. `floor_micro_usdc` is the least that one viewable impression on it may cost."""

    __tablename__ = "placement"
    __table_args__ = (
        CheckConstraint("kind in ('image', 'video')", name="placement_kind"),
        CheckConstraint("status in ('active', 'paused')", name="placement_status"),
        CheckConstraint("width > 0 and height > 0", name="placement_size"),
        CheckConstraint("floor_micro_usdc >= 0", name="placement_floor"),
    )

    id: int | None = row_id()
    world_id: int = Field(sa_type=BigInteger, foreign_key="world.id", index=True)
    name: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    width: int
    height: int
    floor_micro_usdc: int = big()
    status: str = Field(default="active", sa_type=Text)
    created_at: datetime | None = created()
