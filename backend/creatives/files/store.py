"""Bytes of assets by the hash of their content: written once, never changed (L55)."""

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

CHUNK_BYTES = 256 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


class AssetFiles(Protocol):
    """What any store of objects can do; keys are the asset's SHA-256 in hex. S3: put, head, get with Range, delete."""

    def write(self, content: bytes, thumbnail: bytes) -> str:
        """Keep both for ever and give back the hash of `content`. Durable when it returns; may be done twice."""

    def size(self, sha256: str) -> int | None:
        """Bytes of the content; None when it is not there."""

    def chunks(self, sha256: str, start: int, end: int) -> Iterator[bytes]:
        """Bytes `start` up to and without `end`. Raises FileNotFoundError at the first chunk."""

    def thumbnail(self, sha256: str) -> bytes | None:
        """A small WebP."""

    def delete(self, sha256: str) -> None:
        """Forget both; nothing happens when they are not there."""

    def keys(self, prefix: str, before_seconds: float) -> list[str]:
        """Hashes that begin with two hex digits and were written before a Unix time."""


class AssetFolder:
    """AssetFiles in a folder: `<root>/ab/abcd…` and `<root>/ab/abcd….thumbnail`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, content: bytes, thumbnail: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        # the content comes last: whoever sees it finds its thumbnail too
        _write_once(path.with_suffix(".thumbnail"), thumbnail)
        _write_once(path, content)
        _sync_folder(path.parent)
        return sha256

    def size(self, sha256: str) -> int | None:
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def chunks(self, sha256: str, start: int, end: int) -> Iterator[bytes]:
        with self._path(sha256).open("rb") as file:
            file.seek(start)
            left = end - start
            while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk

    def thumbnail(self, sha256: str) -> bytes | None:
        try:
            return self._path(sha256).with_suffix(".thumbnail").read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, sha256: str) -> None:
        path = self._path(sha256)
        path.unlink(missing_ok=True)
        path.with_suffix(".thumbnail").unlink(missing_ok=True)

    def keys(self, prefix: str, before_seconds: float) -> list[str]:
        folder = self._root / prefix
        if not folder.is_dir():
            return []
        return sorted(
            path.name for path in folder.iterdir()
            if _SHA256.fullmatch(path.name) and path.stat().st_mtime < before_seconds
        )

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError("a key is 64 lowercase hex digits")
        return self._root / sha256[:2] / sha256


def _write_once(path: Path, content: bytes) -> None:
    """Complete or not there, whatever is killed meanwhile; of two writers of the same bytes either may win."""
    if path.exists():
        return
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
