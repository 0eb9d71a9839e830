"""The only writer of the `chain_*` tables: one transaction per block range with its cursor, or per rollback.

Every transaction first moves the cursor from where we believe it is; when that hits no row, another indexer was faster
and nothing is written. A crash of the server may lose the last transactions: rows and cursor go together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import TupleRow
from sqlalchemy import Table

from indexer import events as ev
from indexer import handlers, schema
from indexer.config import Deployment
from indexer.handlers import Campaign, Epoch, Place, Publisher
from indexer.reader import Block, Occurrence, Range
from indexer.reorg import Tip

CHANNEL = "chain_tables"
PLACE = ("number", "log_index", "tx_hash", "block_timestamp")
Row = TypeVar("Row", Campaign, Epoch, Publisher)
Facts = Sequence[tuple[Place, ev.Event]]

_FACT_TABLES: Mapping[type, str] = {kind.event: kind.table for kind in ev.EVENT_TYPES} | {
    ev.Debited: schema.chain_debit.name,
    ev.PublisherPaid: schema.chain_payout.name,
}
_CAMPAIGN_TABLES = [_FACT_TABLES[kind] for kind in handlers.CAMPAIGN_FACTS]
_EPOCH_TABLES = [_FACT_TABLES[kind] for kind in handlers.EPOCH_FACTS]
_ROWS_BY_NUMBER = [name for name, table in schema.metadata.tables.items() if "number" in table.primary_key.columns]


class LostFence(Exception):
    """Another indexer has moved the cursor: nothing was written, read the cursor again."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the tables are, and of what they tell."""

    tip: Tip
    confirmed_number: int
    genesis_hash: str
    escrow: str
    payout: str
    schema_version: int
    halted: str | None


class _IntLoader(Loader):
    """NUMERIC(78, 0) as int: amounts are never anything else."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data))


class Store:
    """One connection to PostgreSQL, for one chain."""

    def __init__(self, database_url: str, deployment: Deployment) -> None:
        """Connects and creates missing tables. Raises psycopg.OperationalError when the server is not there."""
        schema.create_schema(database_url)
        self._chain_id = deployment.chain_id
        self._deployment = deployment
        self._connection = psycopg.connect(plain_url(database_url), autocommit=True)
        self._connection.adapters.register_loader("numeric", _IntLoader)
        self._connection.execute("SET synchronous_commit = off")

    def close(self) -> None:
        self._connection.close()

    # --- reading ------------------------------------------------------------------------------------------------

    def cursor(self) -> Cursor | None:
        """The cursor of this chain, None before the first `start`."""
        row = self._connection.execute(
            "SELECT number, hash, confirmed_number, genesis_hash, escrow, payout, schema_version, halted"
            " FROM chain_cursor WHERE chain_id = %s",
            (self._chain_id,),
        ).fetchone()
        return None if row is None else Cursor(Tip(row[0], row[1]), *row[2:])

    def hashes(self, low: int, high: int) -> dict[int, str]:
        """Stored block hashes by number, low..high."""
        rows = self._connection.execute(
            "SELECT number, hash FROM chain_block WHERE chain_id = %s AND number BETWEEN %s AND %s",
            (self._chain_id, low, high),
        )
        return dict(rows.fetchall())

    # --- writing ------------------------------------------------------------------------------------------------

    def start(self, base: Block, genesis_hash: str) -> None:
        """First cursor of a chain: `base` is the block below the first that may matter. Harmless when there is one."""
        with self._connection.transaction():
            made = self._connection.execute(
                "INSERT INTO chain_cursor"
                " (chain_id, number, hash, confirmed_number, genesis_hash, escrow, payout, schema_version)"
                " VALUES (%s, %s, %s, 0, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (
                    self._chain_id,
                    base.number,
                    base.hash,
                    genesis_hash,
                    self._deployment.escrow,
                    self._deployment.payout,
                    schema.SCHEMA_VERSION,
                ),
            )
            if made.rowcount:
                self._insert_blocks([base])

    def append(self, part: Range, confirmed_number: int) -> None:
        """Adds a range and all that follows from it. Raises LostFence, handlers.Contradiction; then nothing changed."""
        with self._connection.transaction():
            self._move(part.after, part.tip, confirmed_number)
            self._insert_blocks(part.blocks)
            self._insert_occurrences(part.occurrences)
            self._project(part)
            self._notify()

    def confirm(self, tip: Tip, confirmed_number: int) -> None:
        """Moves only the confirmed number."""
        with self._connection.transaction():
            self._move(tip, tip, confirmed_number)
            self._notify()

    def halt(self, reason: str) -> None:
        """Says in the cursor why the indexer stopped for good; the next progress clears it."""
        with self._connection.transaction():
            self._connection.execute(
                "UPDATE chain_cursor SET halted = %s, updated_at = now() WHERE chain_id = %s", (reason, self._chain_id)
            )
            self._notify()

    def roll_back(self, tip: Tip, ancestor: Block, new_hash: str, confirmed_number: int) -> None:
        """Removes everything above `ancestor`, repairs the projections; `new_hash` is the head that told of the fork.

        Raises LostFence; then nothing changed.
        """
        with self._connection.transaction():
            self._move(tip, Tip(ancestor.number, ancestor.hash), min(confirmed_number, ancestor.number))
            campaigns = self._touched(_CAMPAIGN_TABLES, "campaign", ancestor.number)
            epochs = self._touched(_EPOCH_TABLES, "epoch", ancestor.number)
            publishers = self._touched([schema.chain_payout.name], "publisher_index", ancestor.number)
            for table in _ROWS_BY_NUMBER:
                self._execute("DELETE FROM {table} WHERE chain_id = %s AND number > %s", table, (ancestor.number,))
            self._execute(
                "DELETE FROM {table} WHERE chain_id = %s AND number = %s AND hash <> %s",
                "chain_block",
                (ancestor.number, ancestor.hash),
            )
            if not self.hashes(ancestor.number, ancestor.number):
                self._insert_blocks([ancestor])
            self._refold(campaigns, epochs, publishers)
            self._connection.execute(
                "INSERT INTO chain_reorg (chain_id, ancestor_number, depth, old_hash, new_hash)"
                " VALUES (%s, %s, %s, %s, %s)",
                (self._chain_id, ancestor.number, tip.number - ancestor.number, tip.hash, new_hash),
            )
            self._notify()

    def _move(self, old: Tip, new: Tip, confirmed_number: int) -> None:
        """The fence: exactly the cursor that we know moves on."""
        moved = self._connection.execute(
            "UPDATE chain_cursor SET number = %s, hash = %s, confirmed_number = %s, halted = NULL, updated_at = now()"
            " WHERE chain_id = %s AND number = %s AND hash = %s",
            (new.number, new.hash, confirmed_number, self._chain_id, old.number, old.hash),
        )
        if moved.rowcount != 1:
            raise LostFence(f"the cursor is no longer at block {old.number} ({old.hash})")

    def _notify(self) -> None:
        self._connection.execute(sql.SQL("NOTIFY {}").format(sql.Identifier(CHANNEL)))

    # --- facts --------------------------------------------------------------------------------------------------

    def _insert_blocks(self, blocks: Sequence[Block]) -> None:
        self._copy("chain_block", ("number", "hash", "parent_hash", "timestamp", "proven"), blocks)

    def _insert_occurrences(self, occurrences: Sequence[Occurrence]) -> None:
        self._copy("chain_event", _EVENT_COLUMNS, map(_ledger_row, occurrences))
        tables: dict[str, list[tuple[object, ...]]] = {}
        for occurrence in occurrences:
            tables.setdefault(occurrence.kind.table, []).append((*occurrence.place, *occurrence.event))
        for table, rows in tables.items():
            self._copy(table, _columns(schema.EVENT_TABLES[table]), rows)

    def _copy(self, table: str, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
        """COPY rows; our values are numbers, booleans, hex and None, which need no escaping."""
        prefix = f"{self._chain_id}\t"
        lines = [prefix + "\t".join(["\\N" if value is None else str(value) for value in row]) for row in rows]
        if not lines:
            return
        names = sql.SQL(", ").join(map(sql.Identifier, ("chain_id", *columns)))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write("\n".join(lines) + "\n")

    # --- projections: load, fold, save --------------------------------------------------------------------------

    def _project(self, part: Range) -> None:
        facts = [(occurrence.place, occurrence.event) for occurrence in part.occurrences]
        self._project_campaigns(facts, self._project_epochs(facts, part.inputs))
        self._project_publishers(facts, part.inputs, before=part.after.number)

    def _project_epochs(self, facts: Facts, inputs: handlers.Inputs) -> dict[Place, list[ev.Debited]]:
        numbers = {fact.epoch for _, fact in facts if isinstance(fact, handlers.EPOCH_FACTS)}
        if not numbers:
            return {}
        epochs = {(row.epoch, row.attempt): row for row in self._load(Epoch, "chain_epoch", "epoch", numbers)}
        debits = handlers.fold_epochs(epochs, facts, inputs)
        rows = [(*place, *debit) for place, made in debits.items() for debit in made]
        self._copy("chain_debit", _columns(schema.chain_debit), rows)
        self._replace("chain_epoch", "epoch", numbers, epochs.values())
        return debits

    def _project_campaigns(self, facts: Facts, debits: Mapping[Place, Sequence[ev.Debited]]) -> None:
        wanted: list[tuple[Place, handlers.CampaignFact]] = []
        for place, fact in facts:
            if isinstance(fact, handlers.CAMPAIGN_FACTS):
                wanted.append((place, fact))
            wanted += [(place, debit) for debit in debits.get(place, ())]
        keys = {fact.campaign for _, fact in wanted}
        campaigns = {row.campaign: row for row in self._load(Campaign, "chain_campaign", "campaign", keys)}
        for place, campaign_fact in wanted:
            handlers.fold_campaign(campaigns, place, campaign_fact)
        self._replace("chain_campaign", "campaign", keys, campaigns.values())

    def _project_publishers(self, facts: Facts, inputs: handlers.Inputs, *, before: int) -> None:
        keys = {fact.publisher_index for _, fact in facts if isinstance(fact, ev.Paid)}
        for _, fact in facts:
            if isinstance(fact, ev.Batch):
                keys.update(handlers.batch_indices(fact))
        if not keys:
            return
        known = self._load(Publisher, "chain_publisher", "publisher_index", keys)
        publishers = {row.publisher_index: row for row in known}
        payouts = handlers.fold_publishers(publishers, self._root(before), facts, inputs)
        self._copy("chain_payout", _columns(schema.chain_payout), [(*place, *payout) for place, payout in payouts])
        self._replace("chain_publisher", "publisher_index", keys, publishers.values())

    def _root(self, number: int) -> str | None:
        """The active root at the end of block `number`."""
        row = self._connection.execute(
            "SELECT root FROM chain_root_set WHERE chain_id = %s AND number <= %s"
            " ORDER BY number DESC, log_index DESC LIMIT 1",
            (self._chain_id, number),
        ).fetchone()
        return None if row is None else row[0]

    def _refold(self, campaigns: set[int], epochs: set[int], publishers: set[int]) -> None:
        """Folds the rows of these keys again from the facts that are left."""
        again: dict[int, Campaign] = {}
        for place, fact in self._facts(handlers.CAMPAIGN_FACTS, "campaign", campaigns):
            handlers.fold_campaign(again, place, fact)
        self._replace("chain_campaign", "campaign", campaigns, again.values())
        proposals: dict[tuple[int, int], Epoch] = {}
        for place, epoch_fact in self._facts(handlers.EPOCH_FACTS, "epoch", epochs):
            handlers.fold_epoch(proposals, place, epoch_fact)
        self._replace("chain_epoch", "epoch", epochs, proposals.values())
        paid: dict[int, Publisher] = {}
        for place, payout in self._facts((ev.PublisherPaid,), "publisher_index", publishers):
            handlers.fold_publisher(paid, place, payout)
        self._replace("chain_publisher", "publisher_index", publishers, paid.values())

    def _touched(self, tables: Sequence[str], key: str, above: int) -> set[int]:
        """Keys that have facts above a block."""
        found: set[int] = set()
        for table in tables:
            statement = "SELECT DISTINCT {key} FROM {table} WHERE chain_id = %s AND number > %s"
            found.update(row[0] for row in self._execute(statement, table, (above,), key=key))
        return found

    def _facts(self, kinds: Sequence[type], key: str, keys: set[int]) -> list[tuple[Place, Any]]:
        """All facts of these kinds for these keys, in the order of the chain."""
        found: list[tuple[Place, Any]] = []
        for kind in kinds if keys else ():
            name = _FACT_TABLES[kind]
            columns = _columns(schema.metadata.tables[name])
            statement = "SELECT {columns} FROM {table} WHERE chain_id = %s AND {key} = ANY(%s::numeric[])"
            rows = self._execute(statement, name, (list(keys),), key=key, columns=columns)
            found += [(Place(*row[: len(PLACE)]), kind(*row[len(PLACE) :])) for row in rows]
        return sorted(found, key=lambda pair: pair[0][:2])

    def _load(self, kind: type[Row], table: str, key: str, keys: set[int]) -> list[Row]:
        if not keys:
            return []
        statement = "SELECT {columns} FROM {table} WHERE chain_id = %s AND {key} = ANY(%s::numeric[])"
        rows = self._execute(statement, table, (list(keys),), key=key, columns=_names(kind))
        return [kind(*row) for row in rows]

    def _replace(self, table: str, key: str, keys: set[int], rows: Iterable[Campaign | Epoch | Publisher]) -> None:
        """The rows of these keys become `rows`."""
        if not keys:
            return
        statement = "DELETE FROM {table} WHERE chain_id = %s AND {key} = ANY(%s::numeric[])"
        self._execute(statement, table, (list(keys),), key=key)
        found = list(rows)
        if found:
            names = _names(type(found[0]))
            self._copy(table, names, map(attrgetter(*names), found))

    def _execute(
        self, statement: str, table: str, values: tuple[object, ...], key: str = "number", columns: Sequence[str] = ()
    ) -> psycopg.Cursor[TupleRow]:
        """Runs a statement on one of our tables; the chain id is always its first value."""
        query = sql.SQL(statement).format(
            table=sql.Identifier(table),
            key=sql.Identifier(key),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        )
        return self._connection.execute(query, (self._chain_id, *values))


_EVENT_COLUMNS = tuple(column.name for column in schema.chain_event.columns if column.name != "chain_id")


def _ledger_row(occurrence: Occurrence) -> tuple[object, ...]:
    log = occurrence.log
    topics = ["0x" + topic.hex() for topic in log.topics]
    padded = topics + [None] * (4 - len(topics))
    return (log.number, log.log_index, log.block_hash, log.tx_hash, log.address, *padded, "0x" + log.data.hex())


def _columns(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns if column.name != "chain_id")


def _names(kind: type[Campaign | Epoch | Publisher]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def plain_url(database_url: str) -> str:
    """The URL as libpq reads it, without SQLAlchemy's driver name."""
    scheme, rest = database_url.split("://", 1)
    return f"{scheme.split('+')[0]}://{rest}"
