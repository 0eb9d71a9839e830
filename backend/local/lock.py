"""Who runs in a base folder: a lock that the kernel releases, and a file that says where the servers are.

The servers inherit the lock's descriptor. So it is free only when the last process that could write the data
is gone, whatever became of the process that started it.
"""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from backend.local.errors import LocalStackError

LOCK = "stack.lock"
INFO = "stack.json"
WAIT_SECONDS_MAX = 20.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class StackInfo:
    """A running stack: the process that holds it, the servers' process ids and URLs (empty: not started)."""

    pid: int
    database_url: str = ""
    redis_url: str = ""
    rpc_url: str = ""
    processes: dict[str, int] = field(default_factory=dict)

    def describe(self) -> str:
        urls = {
            "database": redacted(self.database_url),
            "redis": redacted(self.redis_url),
            "chain": redacted(self.rpc_url),
        }
        lines = [f"  {name}: {url}" for name, url in urls.items() if url]
        lines += [f"  {name} has pid {pid}" for name, pid in self.processes.items()]
        return "\n".join(lines)


class StackAlreadyRunning(LocalStackError):
    """The base folder is in use; `info` says by whom."""

    def __init__(self, base: Path, info: StackInfo) -> None:
        super().__init__(
            f"A local stack is already running on {base}, started by pid {info.pid}:\n{info.describe()}\n"
            f"Use it, or stop it first (Ctrl-C in its terminal, or `kill {info.pid}`)"
        )
        self.info = info


def redacted(url: str) -> str:
    """The URL without what may be a secret: the password, options, and the path of a node's URL (often a key)."""
    scheme, separator, rest = url.partition("?")[0].rpartition("://")
    credentials, at, place = rest.rpartition("@")
    if scheme in ("http", "https"):
        place = place.partition("/")[0]
    return f"{scheme}{separator}{credentials.partition(':')[0]}{at}{place}"


def acquire(base: Path) -> int:
    """The descriptor of the lock on `base`.

    Raises StackAlreadyRunning while its owner lives. When the owner was killed, its servers get a moment to end.
    """
    descriptor = os.open(base / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not _try_lock(descriptor, fcntl.LOCK_EX):
        info = read_info(base)
        if info and is_alive(info.pid):
            os.close(descriptor)
            raise StackAlreadyRunning(base, info)
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise LocalStackError(_why_busy(base, info))
        time.sleep(POLL_SECONDS)
    return descriptor


def _why_busy(base: Path, info: StackInfo | None) -> str:
    if info is None:
        return f"Another process is starting a local stack on {base} and is not ready yet: wait for it, or end it"
    pids = " ".join(str(pid) for pid in info.processes.values())
    return f"Servers of an earlier run still work on {base}: end them with `kill {pids}`, then start again"


def running_stack(base: Path) -> StackInfo | None:
    """The stack that runs on `base`, if one does."""
    try:
        descriptor = os.open(base / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        free = _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)
    info = None if free else read_info(base)
    return info if info and is_alive(info.pid) else None


def write_info(base: Path, info: StackInfo) -> None:
    """Write the file whole or not at all; a URL may hold a password, so only its owner can read it."""
    unfinished = base / f"{INFO}.unfinished"
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(asdict(info), indent=2) + "\n")
    unfinished.replace(base / INFO)


def read_info(base: Path) -> StackInfo | None:
    try:
        return StackInfo(**json.loads((base / INFO).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def forget_info(base: Path) -> None:
    (base / INFO).unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's process
    return True


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
