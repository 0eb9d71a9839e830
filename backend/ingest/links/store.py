"""What click links need when everything behind is down, on the local disk: where they lead, and clicks to count."""

import fcntl
import hmac
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import msgspec
from sqlalchemy import text

from backend.db.engine import Connection
from backend.ingest.quick import Judged

log = logging.getLogger("sightline.ingest")

SPOOL_BYTES_MAX = 64 * 1024 * 1024
REWRITE_RATIO = 2               # a file with more than twice the lines it needs is written anew
MAC_BYTES = 16
NOWHERE = ""                    # the target of a creative that a moderator has taken down

_TAKEN_DOWN = text("select id from creative where status = 'taken_down'")


def taken_down(connection: Connection) -> frozenset[int]:
    """Creatives whose links must lead nowhere."""
    return frozenset(connection.execute(_TAKEN_DOWN).scalars())


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
    def claimed(self) -> Iterator["Waiting"]:
        """What waits, for one process at a time; gone once it was all handed out. When the block ends before, what is
        left is there again, from the click on that was handed out last.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with _locked(self._folder / "replay", wait=False) as is_ours:
            if not is_ours:
                yield Waiting([], self._click)
                return
            self._put_among_claimed(self._file)
            waiting = Waiting(sorted(self._folder.glob("spool-*.jsonl")), self._click)
            try:
                yield waiting
            finally:
                waiting.keep_the_rest()

    def take_up(self) -> None:
        """What another version of this program has written may be what this one can read."""
        with _locked(self._folder / "replay", wait=False) as is_ours:
            if is_ours:
                self._put_among_claimed(self._unread)

    @property
    def _unread(self) -> Path:
        return self._folder / "unread.jsonl"

    def _put_among_claimed(self, file: Path) -> None:
        with _locked(file):
            if file.exists():
                file.replace(self._folder / f"spool-{self._next():08}.jsonl")

    def _click(self, line: bytes) -> SpooledClick | None:
        """None for a line that is not ours; one that is, and cannot be read, waits elsewhere."""
        content = _content(line.removesuffix(b"\n"), self._key, b"sightline-spool")
        if content is None:
            log.warning("a line of the spool of clicks is cut short, or signed with another key")
            return None
        try:
            return msgspec.json.decode(content, type=SpooledClick)
        except msgspec.DecodeError as error:
            log.error("a click in the spool cannot be read, it waits in %s: %s", self._unread.name, error)
            with _locked(self._unread):
                _append(self._unread, line)
            return None

    def _next(self) -> int:
        taken = [int(file.stem.partition("-")[2]) for file in self._folder.glob("spool-*.jsonl")]
        return max(taken, default=0) + 1


class Waiting:
    """Clicks in files, one after the other, so that no more than one of them is in memory."""

    def __init__(self, files: list[Path], read: Callable[[bytes], SpooledClick | None]) -> None:
        self._files = files
        self._read = read
        self._at = 0            # where in the first file the click begins that was handed out last

    def __iter__(self) -> Iterator[SpooledClick]:
        while self._files:
            with self._files[0].open("rb") as lines:
                for line in lines:
                    click = self._read(line)
                    if click is not None:
                        yield click
                    self._at += len(line)
            self._files.pop(0).unlink()
            self._at = 0

    def keep_the_rest(self) -> None:
        if self._at:
            _replace(self._files[0], self._files[0].read_bytes()[self._at :])


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
