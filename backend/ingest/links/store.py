"""What click links need when everything behind is down, on the local disk: where they lead, and clicks to count."""

import fcntl
import hmac
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import msgspec

from backend.ingest.quick import Judged

SPOOL_BYTES_MAX = 64 * 1024 * 1024
REWRITE_RATIO = 2               # a file with more than twice the lines it needs is written anew
MAC_BYTES = 16


class Targets:
    """Creative → URL, in a file that is only added to. A line that we have not signed leads nobody anywhere.

    Workers of one machine share the file; each adds what it has not seen in it.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = key
        self._known = self._load()

    def of(self, creative: int) -> str | None:
        return self._known.get(creative)

    def keep(self, targets: Mapping[int, str]) -> int:
        """Add what is new or has changed, on disk when this returns; gives how many."""
        fresh = {creative: url for creative, url in targets.items() if self._known.get(creative) != url}
        if fresh:
            lines = b"".join(self._line(creative, url) for creative, url in fresh.items())
            with _locked(self._path):
                _append(self._path, lines)
            self._known |= fresh
        return len(fresh)

    def _load(self) -> dict[int, str]:
        if not self._path.exists():
            return {}
        known: dict[int, str] = {}
        with _locked(self._path):
            lines = self._path.read_bytes().splitlines()
            for line in lines:
                content = _content(line, self._key, b"sightline-target")
                if content is not None:
                    creative, _, url = content.decode().partition(" ")
                    known[int(creative)] = url
            if len(lines) > REWRITE_RATIO * max(len(known), 1):
                _replace(self._path, b"".join(self._line(creative, url) for creative, url in known.items()))
        return known

    def _line(self, creative: int, url: str) -> bytes:
        return _signed(b"%d %b" % (creative, url.encode()), self._key, b"sightline-target")


class SpooledClick(msgspec.Struct):
    """A click that Redis could not take when it came: judged already, so nothing of the viewer need be kept."""

    received_ms: int
    judged: Judged


class Spool:
    """Clicks in a file, each synced to disk before anybody says so. A line that we have not signed counts for nothing.
    """

    def __init__(self, folder: Path, key: bytes, *, bytes_max: int = SPOOL_BYTES_MAX) -> None:
        self._folder = folder
        self._key = key
        self._bytes_max = bytes_max

    @property
    def _file(self) -> Path:
        return self._folder / "spool.jsonl"

    def keep(self, clicks: list[SpooledClick]) -> None:
        """Add them, with one sync. Raises OSError when the disk will not have them, or has enough of them."""
        lines = b"".join(_signed(msgspec.json.encode(click), self._key, b"sightline-spool") for click in clicks)
        with _locked(self._file):
            if self._file.exists() and self._file.stat().st_size + len(lines) > self._bytes_max:
                raise OSError("the spool of clicks is full")
            _append(self._file, lines)

    def is_empty(self) -> bool:
        return not self._file.exists() and not any(self._folder.glob("spool-*.jsonl"))

    @contextmanager
    def claimed(self) -> Iterator[list[SpooledClick]]:
        """What waits, for one process at a time; gone when the block ends well, there again when it raises."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with _locked(self._folder / "replay", wait=False) as is_ours:
            if not is_ours:
                yield []
                return
            with _locked(self._file):
                if self._file.exists():
                    self._file.replace(self._folder / f"spool-{self._next():08}.jsonl")
            files = sorted(self._folder.glob("spool-*.jsonl"))
            yield [click for file in files for click in self._clicks(file)]
            for file in files:
                file.unlink()

    def _clicks(self, file: Path) -> Iterator[SpooledClick]:
        for line in file.read_bytes().splitlines():
            content = _content(line, self._key, b"sightline-spool")
            if content is not None:
                yield msgspec.json.decode(content, type=SpooledClick)

    def _next(self) -> int:
        taken = [int(file.stem.partition("-")[2]) for file in self._folder.glob("spool-*.jsonl")]
        return max(taken, default=0) + 1


def _signed(content: bytes, key: bytes, person: bytes) -> bytes:
    """A line of a file of ours."""
    mac = blake2b(content, digest_size=MAC_BYTES, key=key[:64], person=person).hexdigest()
    return b"%b %b\n" % (content, mac.encode())


def _content(line: bytes, key: bytes, person: bytes) -> bytes | None:
    """What a line says; None for half of one after a crash, or somebody else's."""
    content, _, _mac = line.rpartition(b" ")
    return content if hmac.compare_digest(line + b"\n", _signed(content, key, person)) else None


@contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Alone with `path` among the processes of this machine; False when that would mean waiting and `wait` is not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def _append(path: Path, lines: bytes) -> None:
    """On disk when this returns. What a crash cut short before is ended, so that it spoils no line of ours."""
    with path.open("a+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                lines = b"\n" + lines
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, content: bytes) -> None:
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
