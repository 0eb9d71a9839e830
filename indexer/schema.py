"""The `chain_*` tables: the only thing that the rest of the system knows of the indexer, which alone writes them.

Numbers of the chain stay numbers: uint256 is NUMERIC(78, 0) and read as int, times are unix seconds. Addresses and
hashes are lowercase 0x-hex text. The tables hold the head's state: to act on a row, wait until its number is at most
`chain_cursor.confirmed_number`.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from psycopg.errors import DeadlockDetected
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    create_engine,
    func,
    text,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.types import TypeDecorator, TypeEngine

from indexer.events import EVENT_TYPES, Debited, FieldType, PublisherPaid, fields_of

SCHEMA_VERSION = 1
CREATE_LOCK = 0x5EED_C4A1  # advisory lock: two indexers that start together create the tables once
# How often tables are created or dropped before a deadlock is an error.
ATTEMPTS_MAX = 10
metadata = MetaData()


class Uint256(TypeDecorator[int]):
    """NUMERIC(78, 0), an int in Python."""

    impl = Numeric(78, 0)
    cache_ok = True

    def process_result_value(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


def _type(abi: str) -> TypeEngine[Any]:
    types: Mapping[str, TypeEngine[Any]] = {
        "uint256": Uint256(),
        "uint64": BigInteger(),
        "uint32": BigInteger(),
        "uint8": SmallInteger(),
        "address": String(42),
        "bytes32": String(66),
        "bool": Boolean(),
    }
    return types[abi]


def _key(*names: str) -> list[Column[Any]]:
    return [Column(name, BigInteger, primary_key=True, autoincrement=False) for name in names]


def _required(name: str, kind: TypeEngine[Any], *, key: bool = False) -> Column[Any]:
    return Column(name, kind, primary_key=key, nullable=False, autoincrement=False)


def _facts(name: str, fields: tuple[FieldType, ...], *, key: tuple[str, ...] = (), index: str | None = None) -> Table:
    """A table of facts: where each stands in the chain, then its own fields."""
    table = Table(
        name,
        metadata,
        *_key("chain_id", "number", "log_index"),
        _required("tx_hash", String(66)),
        _required("block_timestamp", BigInteger()),
        *(_required(field.name, _type(field.abi), key=field.name in key) for field in fields),
    )
    if index:
        Index(f"{name}_by_{index}", table.c.chain_id, table.c[index])
    return table


def _first_key(fields: tuple[FieldType, ...]) -> str | None:
    names = [field.name for field in fields]
    return next((name for name in ("campaign", "epoch", "publisher_index") if name in names), None)


EVENT_TABLES: Mapping[str, Table] = {
    kind.table: _facts(kind.table, kind.fields, index=_first_key(kind.fields)) for kind in EVENT_TYPES
}
chain_debit = _facts("chain_debit", fields_of(Debited), key=("campaign",), index="campaign")
chain_payout = _facts("chain_payout", fields_of(PublisherPaid), key=("publisher_index",), index="publisher_index")

chain_block = Table(
    "chain_block",
    metadata,
    *_key("chain_id", "number"),
    _required("hash", String(66)),
    _required("parent_hash", String(66)),
    _required("timestamp", BigInteger()),
    _required("proven", Boolean()),
)

chain_event = Table(
    "chain_event",
    metadata,
    *_key("chain_id", "number", "log_index"),
    _required("block_hash", String(66)),
    _required("tx_hash", String(66)),
    _required("address", String(42)),
    Column("topic0", String(66)),
    Column("topic1", String(66)),
    Column("topic2", String(66)),
    Column("topic3", String(66)),
    _required("data", Text()),
)

chain_campaign = Table(
    "chain_campaign",
    metadata,
    *_key("chain_id"),
    _required("campaign", Uint256(), key=True),
    _required("owner", String(42)),
    _required("meta", String(66)),
    _required("deposited", Uint256()),
    _required("withdrawn", Uint256()),
    _required("reserved", Uint256()),
    _required("reserved_executable_at", BigInteger()),
    _required("reserved_after_epoch", BigInteger()),
    _required("debited", Uint256()),
    _required("remaining", Uint256()),
    _required("active", Boolean()),
    _required("epoch_cap", Uint256()),
    _required("epoch_cap_from", BigInteger()),
    _required("opened_number", BigInteger()),
)

chain_epoch = Table(
    "chain_epoch",
    metadata,
    *_key("chain_id", "epoch", "attempt"),
    _required("status", String(9)),
    _required("publishers_root", String(66)),
    _required("debits_hash", String(66)),
    _required("total", Uint256()),
    Column("fee", Uint256()),
    _required("publishers", BigInteger()),
    _required("ruleset", String(66)),
    _required("data_hash", String(66)),
    _required("active_at", BigInteger()),
    _required("proposed_number", BigInteger()),
    _required("proposed_tx", String(66)),
    Column("vetoed_number", BigInteger),
    Column("vetoed_tx", String(66)),
    Column("finalized_number", BigInteger),
    Column("finalized_tx", String(66)),
)

chain_publisher = Table(
    "chain_publisher",
    metadata,
    *_key("chain_id"),
    _required("publisher_index", Uint256(), key=True),
    _required("recipient", String(42)),
    _required("paid", Uint256()),
    _required("last_number", BigInteger()),
)

chain_cursor = Table(
    "chain_cursor",
    metadata,
    *_key("chain_id"),
    _required("number", BigInteger()),
    _required("hash", String(66)),
    _required("confirmed_number", BigInteger()),
    _required("genesis_hash", String(66)),
    _required("escrow", String(42)),
    _required("payout", String(42)),
    _required("schema_version", Integer()),
    Column("halted", Text),  # why the indexer stopped for good; null while it works
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

chain_reorg = Table(
    "chain_reorg",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    _required("chain_id", BigInteger()),
    _required("ancestor_number", BigInteger()),
    _required("depth", BigInteger()),
    _required("old_hash", String(66)),
    _required("new_hash", String(66)),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)


def sqlalchemy_url(database_url: str) -> str:
    """The URL with the psycopg 3 driver named."""
    scheme, rest = database_url.split("://", 1)
    return "postgresql+psycopg://" + rest if scheme in ("postgres", "postgresql") else database_url


def create_schema(database_url: str) -> None:
    """Creates the tables that are missing. Safe to call again and from several processes."""
    _with_lock(database_url, drop=False)


def drop_schema(database_url: str) -> None:
    """Drops every `chain_*` table: everything in them can be read from the chain again."""
    _with_lock(database_url, drop=True)


def _with_lock(database_url: str, *, drop: bool) -> None:
    engine = create_engine(sqlalchemy_url(database_url))
    try:
        for attempts_left in reversed(range(ATTEMPTS_MAX)):
            try:
                with engine.begin() as connection:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CREATE_LOCK})
                    (metadata.drop_all if drop else metadata.create_all)(connection)
                return
            except OperationalError as error:
                # Readers lock the tables in an order of their own; who loses a deadlock has changed nothing.
                if not isinstance(error.orig, DeadlockDetected) or not attempts_left:
                    raise
    finally:
        engine.dispose()
