"""What publishers offer."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, created, row_id, when


class Publisher(SQLModel, table=True):
    """A wallet that is paid. `index` is its position in the settlement tree for life; 0 is the dust account.

    `listed_name` and `listed_domain`: how it has agreed to be named in sellers.json; null: it has not.
    """

    __tablename__ = "publisher"
    __table_args__ = (
        CheckConstraint("index > 0", name="publisher_index_positive"),
        CheckConstraint("payout_mode in ('auto', 'manual')", name="publisher_payout_mode"),
        CheckConstraint("(listed_name is null) = (listed_domain is null)", name="publisher_listing"),
    )

    index: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    wallet: str = Field(sa_type=Text, unique=True)
    payout_mode: str = Field(default="auto", sa_type=Text)
    listed_name: str | None = Field(default=None, sa_type=Text)
    listed_domain: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = created()


class World(SQLModel, table=True):
    """A virtual world with surfaces to sell. `proof_…`: whether the publisher has shown that it controls the world."""

    __tablename__ = "world"
    __table_args__ = (
        CheckConstraint("status in ('active', 'paused')", name="world_status"),
        CheckConstraint("proof_state in ('unverified', 'verified')", name="world_proof_state"),
        CheckConstraint("proof_method in ('dns', 'file', 'wallet_file', 'scene', 'land')", name="world_proof_method"),
        CheckConstraint("proof_state = 'unverified' or proof_method is not null", name="world_proof_how"),
        CheckConstraint("ads_txt_state in ('listed', 'missing', 'wrong')", name="world_ads_txt_state"),
    )

    id: int | None = row_id()
    publisher_index: int = Field(sa_type=BigInteger, foreign_key="publisher.index", index=True)
    name: str = Field(sa_type=Text)
    engine: str = Field(sa_type=Text)
    category: str = Field(sa_type=Text)
    url: str = Field(sa_type=Text)
    place: str | None = Field(default=None, sa_type=Text)   # Decentraland: "12,-34" or "harbour.dcl.eth"
    status: str = Field(default="active", sa_type=Text)
    # 122 random bits, what the publisher puts where only who controls the world can
    proof_token: str | None = Field(default=None, sa_column=Column(
        Text, nullable=False, server_default=text("replace(gen_random_uuid()::text, '-', '')")
    ))
    proof_state: str = Field(default="unverified", sa_column=Column(
        Text, nullable=False, server_default=text("'unverified'")
    ))
    proof_method: str | None = Field(default=None, sa_type=Text)
    proof_wallet: str | None = Field(default=None, sa_type=Text)    # who signed, where it was proved by a signature
    proof_checked_at: datetime | None = when()
    proof_failures: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    ads_txt_state: str | None = Field(default=None, sa_type=Text)   # of the world's own world-ads.txt; null: never read
    ads_txt_checked_at: datetime | None = when()
    created_at: datetime | None = created()


class Placement(SQLModel, table=True):
    """One surface. `floor_micro_usdc` is the least that one viewable impression on it may cost.

    `accepted_categories`: of campaigns; empty: all. In `test_mode` it shows the house creative and nothing is charged.
    """

    __tablename__ = "placement"
    __table_args__ = (
        CheckConstraint("kind in ('image', 'video', 'audio', 'model')", name="placement_kind"),
        CheckConstraint("status in ('active', 'paused')", name="placement_status"),
        CheckConstraint("width > 0 and height > 0", name="placement_size"),
        CheckConstraint("floor_micro_usdc >= 0", name="placement_floor"),
        CheckConstraint("width_mm > 0 and height_mm > 0", name="placement_size_mm"),
        CheckConstraint("(width_mm is null) = (height_mm is null)", name="placement_both_mm"),
        CheckConstraint("hourly_floor_micro_usdc > 0", name="placement_hourly_floor"),
        CheckConstraint("soft_floor_micro_usdc > floor_micro_usdc", name="placement_soft_floor"),
    )

    id: int | None = row_id()
    world_id: int = Field(sa_type=BigInteger, foreign_key="world.id", index=True)
    name: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    width: int
    height: int
    floor_micro_usdc: int = big()
    width_mm: int | None = None         # of the surface itself, in the world's millimetres
    height_mm: int | None = None
    hourly_floor_micro_usdc: int | None = big(nullable=True)    # of a sponsorship; null: not sold by the hour
    soft_floor_micro_usdc: int | None = big(nullable=True)      # requests ask from the floor to this; null: the floor
    deals_only: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    accepted_categories: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'"))
    )
    test_mode: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    # whether bidders on servers of their own (tables/openrtb.py) are asked for each ad request
    external_demand: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    status: str = Field(default="active", sa_type=Text)
    created_at: datetime | None = created()


class Deal(SQLModel, table=True):
    """An offer of the account `publisher` to the account `advertiser` for one placement, and what became of it.

    offered → accepted (with a line item) | declined | withdrawn; accepted → ended. The price is for one viewable
    impression and never changes: `fixed`, or the least that is paid (`floor`).
    """

    __tablename__ = "deal"
    __table_args__ = (
        CheckConstraint("price_kind in ('fixed', 'floor')", name="deal_price_kind"),
        CheckConstraint("price_micro_usdc > 0", name="deal_price"),
        CheckConstraint("status in ('offered', 'accepted', 'declined', 'withdrawn', 'ended')", name="deal_status"),
        CheckConstraint("(line_item_id is not null) = (status in ('accepted', 'ended'))", name="deal_line_item"),
        Index("deal_of_publisher", "publisher", "id"),
        Index("deal_of_advertiser", "advertiser", "id"),
        Index("deal_of_placement", "placement_id"),
        Index("deal_once", "line_item_id", "placement_id", unique=True, postgresql_where=text("status = 'accepted'")),
    )

    id: int | None = row_id()
    placement_id: int = Field(sa_type=BigInteger, foreign_key="placement.id")
    publisher: str = Field(sa_type=Text)
    advertiser: str = Field(sa_type=Text)
    line_item_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="line_item.id")
    name: str = Field(sa_type=Text)
    price_kind: str = Field(sa_type=Text)
    price_micro_usdc: int = big()
    status: str = Field(default="offered", sa_type=Text)
    decided_at: datetime | None = when()
    created_at: datetime | None = created()


class PlacementShare(SQLModel, table=True):
    """Who is paid for a placement: `basis_points` of 10,000 sales go to this publisher. No rows: the world's."""

    __tablename__ = "placement_share"
    __table_args__ = (CheckConstraint("basis_points between 1 and 10000", name="placement_share_basis_points"),)

    placement_id: int = Field(sa_type=BigInteger, foreign_key="placement.id", primary_key=True)
    publisher_index: int = Field(sa_type=BigInteger, foreign_key="publisher.index", primary_key=True)
    basis_points: int


class PublisherBlock(SQLModel, table=True):
    """What a publisher shows in none of its worlds, or not in one of them (`world_id`).

    `value`: the wallet that owns campaigns (advertiser), a campaign category, or the number of a creative.
    """

    __tablename__ = "publisher_block"
    __table_args__ = (
        CheckConstraint("kind in ('advertiser', 'category', 'creative')", name="publisher_block_kind"),
        UniqueConstraint(
            "publisher_index", "world_id", "kind", "value", name="publisher_block_once",
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: int | None = row_id()
    publisher_index: int = Field(sa_type=BigInteger, foreign_key="publisher.index")
    world_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="world.id", index=True)
    kind: str = Field(sa_type=Text)
    value: str = Field(sa_type=Text)
    created_at: datetime | None = created()
