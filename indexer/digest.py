"""One number for all `chain_*` tables: two indexes of the same chain have the same digest, however they came about."""

import hashlib

import psycopg
from psycopg import sql
from sqlalchemy import Table

from indexer.schema import metadata
from indexer.store import plain_url

# What depends on when we looked, not on the chain.
_SKIPPED_TABLES = {"chain_reorg"}
_SKIPPED_COLUMNS = {"chain_cursor": {"confirmed_number", "halted", "updated_at"}}


def digest(database_url: str) -> str:
    """SHA-256 (hex) over all rows of all `chain_*` tables in key order."""
    total = hashlib.sha256()
    with psycopg.connect(plain_url(database_url)) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for table in sorted(metadata.tables.values(), key=lambda table: table.name):
            if table.name not in _SKIPPED_TABLES:
                total.update(f"{table.name}\n".encode())
                with connection.cursor() as cursor, cursor.copy(_rows(table)) as rows:
                    for chunk in rows:
                        total.update(chunk)
    return total.hexdigest()


def _rows(table: Table) -> sql.Composed:
    skipped = _SKIPPED_COLUMNS.get(table.name, set())
    columns = [sql.Identifier(column.name) for column in table.columns if column.name not in skipped]
    keys = [sql.Identifier(column.name) for column in table.primary_key.columns]
    return sql.SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT").format(
        sql.SQL(", ").join(columns), sql.Identifier(table.name), sql.SQL(", ").join(keys)
    )
