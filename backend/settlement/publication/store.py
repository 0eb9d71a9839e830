"""Bundles on disk: `<root>/<chain id>/<epoch>-<attempt>/`, complete or not there."""

import errno
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from backend.settlement.statement import EVENTS_FILE, STATEMENT_FILE
from backend.settlement.verify import Bundle

FILES = {STATEMENT_FILE: "application/json", EVENTS_FILE: "application/zstd"}


class BundleFiles:
    """The folder of all bundles. A bundle appears in one step, whatever is killed meanwhile."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, chain_id: int, epoch: int, attempt: int) -> Path:
        """Where a bundle is, or would be."""
        return self._root / str(int(chain_id)) / f"{int(epoch)}-{int(attempt)}"

    def path(self, chain_id: int, epoch: int, attempt: int, name: str) -> Path | None:
        """A file of a bundle; None when it is not there or `name` is not one of FILES."""
        if name not in FILES:
            return None
        path = self.folder(chain_id, epoch, attempt) / name
        return path if path.is_file() else None

    def read(self, chain_id: int, epoch: int, attempt: int) -> Bundle | None:
        folder = self.folder(chain_id, epoch, attempt)
        try:
            return Bundle((folder / STATEMENT_FILE).read_bytes(), (folder / EVENTS_FILE).read_bytes())
        except FileNotFoundError:
            return None

    def read_statement(self, chain_id: int, epoch: int, attempt: int) -> bytes | None:
        """Only the statement, which is all that most readers need."""
        path = self.path(chain_id, epoch, attempt, STATEMENT_FILE)
        return path.read_bytes() if path else None

    def write(self, chain_id: int, epoch: int, attempt: int, bundle: Bundle) -> None:
        """Write a bundle, or do nothing when the same one is there. Another one makes way: it was never proposed."""
        target = self.folder(chain_id, epoch, attempt)
        if self.read(chain_id, epoch, attempt) == bundle:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.parent / f".{target.name}.{secrets.token_hex(8)}"
        fresh.mkdir()
        for name, content in ((STATEMENT_FILE, bundle.statement), (EVENTS_FILE, bundle.events)):
            _write_durably(fresh / name, content)
        while not _renamed(fresh, target):
            if self.read(chain_id, epoch, attempt) == bundle:       # somebody has written the same meanwhile
                shutil.rmtree(fresh)
                return
            stale = fresh.with_name(fresh.name + ".old")
            with suppress(FileNotFoundError):
                target.rename(stale)
                shutil.rmtree(stale)
        _sync_folder(target.parent)


def _renamed(folder: Path, target: Path) -> bool:
    """False when there is such a folder already."""
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
