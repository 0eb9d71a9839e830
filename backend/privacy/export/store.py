"""Exports in SQL, the rows of an account, and the archives on disk: complete or not there."""

import csv
import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, Row, text

from backend.core.ids import Address
from backend.db.sealed import is_sealed, open_sealed
from backend.privacy.export.archive import CSV_FOLDER, NOTES_FILE, ROWS_FILE, cell, line, row_of
from backend.privacy.holdings import Holding, belongs

ROWS_AT_ONCE = 1_000
READ_BYTES = 1 << 20
ZIP_TIME = (1980, 1, 1, 0, 0, 0)      # the same rows give the same bytes


@dataclass(frozen=True, slots=True)
class Export:
    """`status`: waiting, ready or deleted."""

    id: int
    account: Address
    status: str
    bytes: int | None
    sha256: str | None
    requested_at: datetime
    ready_at: datetime | None


# ---- SQL ------------------------------------------------------------------------------------------------------------


def insert_export(connection: Connection, account: Address, now: datetime) -> Export | None:
    """A new export; None while one of the account is waiting."""
    row = connection.execute(
        text("""insert into privacy_export (account, status, requested_at) values (:account, 'waiting', :now)
                on conflict do nothing returning *"""),
        {"account": account, "now": now},
    ).one_or_none()
    return _export(row) if row else None


def exports_of(connection: Connection, account: Address, after: int, limit: int) -> list[Export]:
    rows = connection.execute(
        text("select * from privacy_export where account = :account and id > :after order by id limit :limit"),
        {"account": account, "after": after, "limit": limit},
    )
    return [_export(row) for row in rows]


def read_export(connection: Connection, export: int) -> Export | None:
    row = connection.execute(text("select * from privacy_export where id = :id"), {"id": export}).one_or_none()
    return _export(row) if row else None


def take_waiting(connection: Connection) -> Export | None:
    """The oldest export that nobody works on, ours until the transaction ends."""
    row = connection.execute(text(
        "select * from privacy_export where status = 'waiting' order by id limit 1 for update skip locked"
    )).one_or_none()
    return _export(row) if row else None


def mark_ready(connection: Connection, export: int, length: int, sha256: str, now: datetime) -> None:
    connection.execute(
        text("""update privacy_export set status = 'ready', bytes = :bytes, sha256 = :sha256, ready_at = :now
                 where id = :id and status = 'waiting'"""),
        {"id": export, "bytes": length, "sha256": sha256, "now": now},
    )


def mark_deleted(connection: Connection, ready_before: datetime) -> int:
    """Give up all files that were ready before; how many."""
    return connection.execute(
        text("update privacy_export set status = 'deleted' where status = 'ready' and ready_at < :before"),
        {"before": ready_before},
    ).rowcount


def with_files(connection: Connection) -> set[int]:
    """Exports that have a file, or are getting one."""
    return set(connection.execute(text("select id from privacy_export where status <> 'deleted'")).scalars())


def rows_of(connection: Connection, holding: Holding, account: Address) -> Iterator[dict[str, Any]]:
    """An account's rows of a table, as they are exported, in the order of their key."""
    order = ", ".join(f'"{name}"' for name in _key_of(connection, holding.table))
    found = connection.execute(
        text(f'select * from "{holding.table}" where {belongs(holding)} order by {order}'),  # noqa: S608 -- constants
        {"account": account}, execution_options={"stream_results": True, "yield_per": ROWS_AT_ONCE},
    )
    for row in found.mappings():
        yield row_of({**row, **_opened(connection, row, holding, account)}, holding)


def _opened(connection: Connection, row: Any, holding: Holding, account: Address) -> dict[str, str | None]:
    """The sealed columns of a row in the clear. What is sealed for somebody else stays with them."""
    opened: dict[str, str | None] = {}
    for name in holding.sealed:
        stored = row[name]
        if stored is not None and is_sealed(stored):
            opened[name] = open_sealed(connection, account, stored)
    return opened


def _key_of(connection: Connection, table: str) -> list[str]:
    """The columns of a table's primary key, in order."""
    return list(connection.execute(
        text("""select attribute.attname from pg_index as key
                  cross join lateral unnest(key.indkey) with ordinality as place (number, n)
                  join pg_attribute as attribute on attribute.attrelid = key.indrelid and attnum = place.number
                 where key.indrelid = cast(:table as regclass) and key.indisprimary order by place.n"""),
        {"table": f'"{table}"'},
    ).scalars())


def _export(row: Row[Any]) -> Export:
    return Export(
        row.id, Address(row.account), row.status, row.bytes, row.sha256, row.requested_at, row.ready_at
    )


# ---- files ----------------------------------------------------------------------------------------------------------


class ExportFiles:
    """The folder of all exports: `<id>.zip` when it is ready, `<id>.parts/` with a file a table until then."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, export: int) -> Path | None:
        """The archive; None when it is not there."""
        path = self._archive(export)
        return path if path.is_file() else None

    def has_part(self, export: int, table: str) -> bool:
        return self._part(export, table).is_file()

    def write_part(self, export: int, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """A table's rows, a line each; there completely, or not at all."""
        with _appearing(self._part(export, table)) as file:
            for row in rows:
                file.write(line(row))

    def write_archive(self, export: int, tables: Iterable[str], notes: str) -> tuple[int, str]:
        """Put the parts together and forget them; gives the archive's length and SHA-256."""
        target = self._archive(export)
        fresh = target.with_suffix(".tmp")
        with zipfile.ZipFile(fresh, "w") as archive:
            _store(archive, NOTES_FILE, [notes])
            _store(archive, ROWS_FILE, self._document(export, tables := list(tables)))
            for table in tables:
                _store(archive, f"{CSV_FOLDER}/{table}.csv", self._csv(export, table))
        _sync(fresh)
        fresh.rename(target)
        _sync(self._root)
        shutil.rmtree(self._part(export, "").parent, ignore_errors=True)
        return target.stat().st_size, _digest(target)

    def present(self) -> list[Path]:
        """Everything in the folder."""
        return sorted(self._root.iterdir()) if self._root.is_dir() else []

    def delete(self, paths: Iterable[Path], kept: set[int]) -> None:
        """Delete those of `paths` that belong to no export in `kept`."""
        names = {str(export) for export in kept}
        for path in paths:
            if path.name.partition(".")[0] in names:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _archive(self, export: int) -> Path:
        return self._root / f"{int(export)}.zip"

    def _part(self, export: int, table: str) -> Path:
        return self._root / f"{int(export)}.parts" / f"{table}.jsonl"

    def _lines(self, export: int, table: str) -> Iterator[str]:
        with self._part(export, table).open(encoding="utf-8") as file:
            yield from file

    def _document(self, export: int, tables: Iterable[str]) -> Iterator[str]:
        """One JSON object, table to rows, without ever holding all of it."""
        for place, table in enumerate(tables):
            yield f'{"," if place else "{"}\n"{table}": ['
            for number, row in enumerate(self._lines(export, table)):
                yield ("," if number else "") + "\n" + row.rstrip("\n")
            yield "]"
        yield "\n}\n"

    def _csv(self, export: int, table: str) -> Iterator[str]:
        for number, row in enumerate(map(json.loads, self._lines(export, table))):
            written = io.StringIO()
            writer = csv.writer(written)
            if not number:
                writer.writerow(row)
            writer.writerow([cell(value) for value in row.values()])
            yield written.getvalue()


@contextmanager
def _appearing(path: Path) -> Iterator[TextIO]:
    """A file that takes its name when it is complete and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".tmp")
    with fresh.open("w", encoding="utf-8") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def _store(archive: zipfile.ZipFile, name: str, pieces: Iterable[str]) -> None:
    entry = zipfile.ZipInfo(name, ZIP_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(entry, "w") as file:
        for piece in pieces:
            file.write(piece.encode())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            hashed.update(piece)
    return hashed.hexdigest()
