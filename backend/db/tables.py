"""Our tables. `chain_*` tables are the indexer's (indexer/schema.py); stages meet here and nowhere else.

Money is BIGINT micro-USDC with CHECKs; times are timestamptz, or BIGINT Unix milliseconds where they enter a bundle.
Addresses are lowercase 0x text, hashes 0x text, decision and event ids hex without 0x.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


def _id() -> Any:
    return Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))


def _created() -> Any:
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now()))


def _when(nullable: bool = True) -> Any:
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=nullable))


def _big(nullable: bool = False, **more: Any) -> Any:
    return Field(default=None, sa_column=Column(BigInteger, nullable=nullable, **more))


def _json() -> Any:
    return Field(default=None, sa_column=Column(JSONB, nullable=False, server_default=text("'{}'::jsonb")))


class Campaign(SQLModel, table=True):
    """What an advertiser describes. Its money is the chain campaign opened by the same owner with the same `meta`."""

    __tablename__ = "campaign"
    __table_args__ = (CheckConstraint("status in ('active', 'paused', 'ended')", name="campaign_status"),)

    id: int | None = _id()
    owner: str = Field(sa_type=Text, index=True)
    name: str = Field(sa_type=Text)
    category: str = Field(sa_type=Text)
    meta: str = Field(sa_type=Text, unique=True)
    status: str = Field(default="active", sa_type=Text)
    created_at: datetime | None = _created()


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

    id: int | None = _id()
    campaign_id: int = Field(sa_type=BigInteger, foreign_key="campaign.id", index=True)
    name: str = Field(sa_type=Text)
    bid_kind: str = Field(sa_type=Text)
    bid_micro_usdc: int = _big()
    daily_cap_micro_usdc: int | None = _big(nullable=True)
    total_cap_micro_usdc: int | None = _big(nullable=True)
    pacing: str = Field(default="even", sa_type=Text)
    starts_at: datetime = _when(nullable=False)
    ends_at: datetime = _when(nullable=False)
    targeting: dict[str, Any] = _json()
    status: str = Field(default="active", sa_type=Text)
    created_at: datetime | None = _created()


class Creative(SQLModel, table=True):
    """The asset of a line item, named by the hash that the SDK checks before it shows it."""

    __tablename__ = "creative"
    __table_args__ = (
        CheckConstraint("kind in ('image', 'video')", name="creative_kind"),
        CheckConstraint("status in ('pending', 'approved', 'rejected')", name="creative_status"),
        CheckConstraint("width > 0 and height > 0", name="creative_size"),
    )

    id: int | None = _id()
    line_item_id: int = Field(sa_type=BigInteger, foreign_key="line_item.id", index=True)
    kind: str = Field(sa_type=Text)
    width: int
    height: int
    asset_url: str = Field(sa_type=Text)
    asset_sha256: str = Field(sa_type=Text)
    click_url: str = Field(sa_type=Text)
    status: str = Field(default="approved", sa_type=Text)
    created_at: datetime | None = _created()


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
    created_at: datetime | None = _created()


class World(SQLModel, table=True):
    """A virtual world with surfaces to sell."""

    __tablename__ = "world"
    __table_args__ = (CheckConstraint("status in ('active', 'paused')", name="world_status"),)

    id: int | None = _id()
    publisher_index: int = Field(sa_type=BigInteger, foreign_key="publisher.index", index=True)
    name: str = Field(sa_type=Text)
    engine: str = Field(sa_type=Text)
    category: str = Field(sa_type=Text)
    url: str = Field(sa_type=Text)
    status: str = Field(default="active", sa_type=Text)
    created_at: datetime | None = _created()


class Placement(SQLModel, table=True):
    """One surface. `floor_micro_usdc` is the least that one viewable impression on it may cost."""

    __tablename__ = "placement"
    __table_args__ = (
        CheckConstraint("kind in ('image', 'video')", name="placement_kind"),
        CheckConstraint("status in ('active', 'paused')", name="placement_status"),
        CheckConstraint("width > 0 and height > 0", name="placement_size"),
        CheckConstraint("floor_micro_usdc >= 0", name="placement_floor"),
    )

    id: int | None = _id()
    world_id: int = Field(sa_type=BigInteger, foreign_key="world.id", index=True)
    name: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    width: int
    height: int
    floor_micro_usdc: int = _big()
    status: str = Field(default="active", sa_type=Text)
    created_at: datetime | None = _created()


class Event(SQLModel, table=True):
    """An accepted event; written by ingest, billed by the ledger. One row per decision and kind, ever."""

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("stream_id", "stream_index", name="event_stream_position"),
        CheckConstraint("kind in ('viewable', 'click')", name="event_kind"),
        CheckConstraint("status in ('accepted', 'billed', 'unpaid', 'dropped')", name="event_status"),
        CheckConstraint("price_micro_usdc >= 0", name="event_price"),
        Index("event_accepted", "seq", postgresql_where=text("status = 'accepted'")),
        Index("event_status_changed", "settled_seq"),
    )

    event_id: str = Field(primary_key=True, sa_type=Text)
    seq: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), unique=True, nullable=False))
    decision_id: str = Field(sa_type=Text, index=True)
    kind: str = Field(sa_type=Text)
    bid_kind: str = Field(sa_type=Text)
    chain_campaign: int = _big()
    line_item_id: int = _big()
    creative_id: int = _big()
    placement_id: int = _big()
    publisher_index: int = _big()
    price_micro_usdc: int = _big()   # 0 when this kind costs nothing under bid_kind
    occurred_ms: int = _big()
    received_ms: int = _big()
    stream_id: str = Field(sa_type=Text)
    stream_index: int
    samples: list[Any] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'[]'::jsonb")))
    # billed: charged; unpaid: this kind costs nothing under its bid; dropped: the budget was gone
    status: str = Field(default="accepted", sa_type=Text)
    settled_seq: int | None = _big(nullable=True)   # order in which the ledger decided it


class DroppedEvent(SQLModel, table=True):
    """An event that is not charged, with its reason; counted once by its place in the stream."""

    __tablename__ = "dropped_event"

    stream_id: str = Field(primary_key=True, sa_type=Text)
    stream_index: int = Field(primary_key=True)
    reason: str = Field(sa_type=Text, index=True)
    kind: str | None = Field(default=None, sa_type=Text)
    decision_id: str | None = Field(default=None, sa_type=Text)
    placement_id: int | None = _big(nullable=True)
    received_ms: int = _big()


class LedgerAccount(SQLModel, table=True):
    """Totals of an account, kept in the same transaction as its transfers.

    Accounts: `campaign:<chain id of campaign>`, `earned:<publisher index>`, `payable:<publisher index>`, `fee`, `dust`.
    """

    __tablename__ = "ledger_account"
    __table_args__ = (CheckConstraint("debits >= 0 and credits >= 0", name="ledger_account_positive"),)

    account: str = Field(primary_key=True, sa_type=Text)
    debits: int = _big(server_default=text("0"))
    credits: int = _big(server_default=text("0"))


class LedgerTransfer(SQLModel, table=True):
    """One balanced double entry: `amount` leaves one account and arrives in another. Append-only but for `epoch`."""

    __tablename__ = "ledger_transfer"
    __table_args__ = (
        CheckConstraint("amount_micro_usdc > 0", name="ledger_transfer_positive"),
        CheckConstraint("debit_account <> credit_account", name="ledger_transfer_two_accounts"),
        CheckConstraint("kind in ('charge', 'earn', 'fee', 'dust')", name="ledger_transfer_kind"),
        UniqueConstraint("event_id", name="ledger_transfer_event_once"),
        Index("ledger_transfer_open", "id", postgresql_where=text("epoch is null")),
        Index("ledger_transfer_epoch", "epoch", "kind"),
    )

    id: int | None = _id()
    kind: str = Field(sa_type=Text)
    debit_account: str = Field(sa_type=Text)
    credit_account: str = Field(sa_type=Text)
    amount_micro_usdc: int = _big()
    event_id: str | None = Field(default=None, sa_type=Text)
    epoch: int | None = _big(nullable=True)
    created_at: datetime | None = _created()


class LineItemSpend(SQLModel, table=True):
    """What a line item was charged on a UTC day, for caps and pacing; kept with the transfers."""

    __tablename__ = "line_item_spend"

    line_item_id: int = Field(primary_key=True, sa_type=BigInteger)
    day: date = Field(primary_key=True)
    spent_micro_usdc: int = _big(server_default=text("0"))


class Epoch(SQLModel, table=True):
    """A settlement on its way to the chain.

    closed → published (bundle written) → proposed (on chain) → finalised; a veto starts the next attempt at `closed`.
    """

    __tablename__ = "epoch"
    __table_args__ = (
        CheckConstraint("status in ('closed', 'published', 'proposed', 'finalised')", name="epoch_status"),
    )

    epoch: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    attempt: int = 0
    status: str = Field(default="closed", sa_type=Text)
    from_ms: int = _big()
    to_ms: int = _big()
    events: int = _big(server_default=text("0"))
    total_micro_usdc: int = _big(server_default=text("0"))
    fee_micro_usdc: int = _big(server_default=text("0"))
    dust_micro_usdc: int = _big(server_default=text("0"))
    previous_root: str | None = Field(default=None, sa_type=Text)
    publishers_root: str | None = Field(default=None, sa_type=Text)
    debits_hash: str | None = Field(default=None, sa_type=Text)
    data_hash: str | None = Field(default=None, sa_type=Text)
    ruleset_hash: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = _created()


class EpochPublisher(SQLModel, table=True):
    """A publisher's line in an epoch's statement, all micro-USDC; `cumulative` is over all epochs."""

    __tablename__ = "epoch_publisher"

    epoch: int = Field(primary_key=True, sa_type=BigInteger)
    publisher_index: int = Field(primary_key=True, sa_type=BigInteger)
    recipient: str = Field(sa_type=Text)
    gross_micro_usdc: int = _big()
    net_micro_usdc: int = _big()
    cumulative_micro_usdc: int = _big()


class EpochDebit(SQLModel, table=True):
    """A campaign's debit in an epoch, micro-USDC."""

    __tablename__ = "epoch_debit"

    epoch: int = Field(primary_key=True, sa_type=BigInteger)
    chain_campaign: int = Field(primary_key=True, sa_type=BigInteger)
    amount_micro_usdc: int = _big()


class Attestation(SQLModel, table=True):
    """An attestor's EIP-712 signature over one attempt of an epoch, 64 bytes r and vs (EIP-2098) as 0x hex."""

    __tablename__ = "attestation"

    epoch: int = Field(primary_key=True, sa_type=BigInteger)
    attempt: int = Field(primary_key=True)
    attestor: str = Field(primary_key=True, sa_type=Text)
    digest: str = Field(sa_type=Text)
    signature: str = Field(sa_type=Text)
    created_at: datetime | None = _created()


class ServingTally(SQLModel, table=True):
    """Answers to ad requests by minute: outcome `decision`, or a NoBidReason per line item (0: none was left)."""

    __tablename__ = "serving_tally"

    minute: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    placement_id: int = Field(primary_key=True, sa_type=BigInteger)
    line_item_id: int = Field(primary_key=True, sa_type=BigInteger)
    outcome: str = Field(primary_key=True, sa_type=Text)
    n: int = _big(server_default=text("0"))


class IdempotencyKey(SQLModel, table=True):
    """A creating request and its answer (JSON), so that sending it again answers the same; see db/idempotency.py."""

    __tablename__ = "idempotency_key"

    wallet: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    fingerprint: str = Field(sa_type=Text)
    answer: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    created_at: datetime | None = _created()
