"""Exports: asked for by the account, gathered by a worker, opened by a signed link."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from backend.core.errors import Conflict, NotFound
from backend.core.ids import Address
from backend.db import audit, notices
from backend.db.engine import Connection, Engine
from backend.db.idempotency import once
from backend.privacy.export import archive, store
from backend.privacy.export.store import Export, ExportFiles
from backend.privacy.holdings import exported


@dataclass(frozen=True, slots=True)
class Opened:
    """An export as its owner sees it; with a link while there is a file."""

    export: Export
    expires_at: datetime | None
    link: str | None


class ExportService:
    """The account's side. `key` signs links; `origin` is what browsers see; `clock` gives Unix seconds."""

    def __init__(
        self, engine: Engine, files: ExportFiles, key: bytes, origin: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._files = files
        self._key = key
        self._origin = origin.rstrip("/")
        self._clock = clock

    def ask(self, account: Address, idempotency_key: str | None) -> Opened:
        """A new export. Raises Conflict `export_waiting` while another one of the account is being made."""
        with self._engine.begin() as connection:
            export = once(
                connection, account, idempotency_key, {"operation": "privacy.export"}, Export,
                lambda: self._new(connection, account),
            )
        return self._opened(export)

    def exports(self, account: Address, after: int, limit: int) -> list[Opened]:
        with self._engine.begin() as connection:
            found = store.exports_of(connection, account, after, limit)
        return [self._opened(export) for export in found]

    def export(self, account: Address, export: int) -> Opened:
        """One export with a fresh link when it is ready. Raises NotFound `export_unknown`."""
        with self._engine.begin() as connection:
            found = store.read_export(connection, export)
        if found is None or found.account != account:
            raise NotFound("export_unknown", "you have no export with this id")
        return self._opened(found)

    def download(self, export: int, expires: int, signature: str) -> Path:
        """The file behind a link. Raises NotAllowed `link_invalid`, `link_expired`, NotFound `export_gone`."""
        with self._engine.begin() as connection:
            found = store.read_export(connection, export)
        archive.check_link(self._key, export, found.account if found else None, expires, signature, self._now())
        path = self._files.path(export)
        if found is None or found.status != "ready" or path is None:
            raise NotFound("export_gone", "the export is not ready, or its seven days are over")
        return path

    def _new(self, connection: Connection, account: Address) -> Export:
        export = store.insert_export(connection, account, self._now())
        if export is None:
            raise Conflict("export_waiting", "an export of this account is being made; wait for it")
        audit.record(connection, "export.request", f"export:{export.id}")
        return export

    def _opened(self, export: Export) -> Opened:
        if export.status != "ready":
            return Opened(export, None, None)
        expires_at = (self._now() + archive.LINK_LIFE).replace(microsecond=0)
        expires = int(expires_at.timestamp())
        signed = archive.signature(self._key, export.id, export.account, expires)
        link = f"{self._origin}/v1/privacy/exports/{export.id}/download?expires={expires}&signature={signed}"
        return Opened(export, expires_at, link)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


class ExportMaker:
    """The worker's side: gathers one export a step. Killed, it goes on with the table that it had begun."""

    def __init__(self, engine: Engine, files: ExportFiles, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._files = files
        self._clock = clock

    def step(self) -> bool:
        """True when an export was made; the lock on its row keeps a second worker off."""
        with self._engine.begin() as connection:
            export = store.take_waiting(connection)
            if export is None:
                return False
            tables = {holding.table: holding.what for holding in exported()}
            for holding in exported():
                if not self._files.has_part(export.id, holding.table):
                    rows = store.rows_of(connection, holding, export.account)
                    self._files.write_part(export.id, holding.table, rows)
            now = datetime.fromtimestamp(self._clock(), UTC)
            length, sha256 = self._files.write_archive(
                export.id, tables, archive.notes(export.account, now, tables)
            )
            store.mark_ready(connection, export.id, length, sha256, now)
            notices.notify(connection, export.account, "export.finished", export=export.id)
        return True

    def sweep(self) -> bool:
        """Give up files whose days are over, and delete every file that belongs to no export. False: no hurry."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        with self._engine.begin() as connection:
            store.mark_deleted(connection, now - archive.FILE_LIFE)
        present = self._files.present()     # before the rows, or the files of a new export could look like nobody's
        with self._engine.begin() as connection:
            kept = store.with_files(connection)
        self._files.delete(present, kept)
        return False
