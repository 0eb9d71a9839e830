"""Child processes that cannot outlive us, whether we end, crash or are killed with SIGKILL.

One small reaper process leads the process group of all children and ends the group when our end of a pipe closes.
Linux' PR_SET_PDEATHSIG is not used: it is cleared when a child changes its user, is bound to the thread that
forked, and does not exist on macOS.
"""

import atexit
import os
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from backend.local.errors import LocalStackError

REAPER = Path(__file__).with_name("reaper.py")
CLOSE_SECONDS_MAX = 60.0


class Account(NamedTuple):
    """The operating system's user under which a child runs."""

    uid: int
    gid: int


class Guard:
    """A process group that ends with this process. `close` ends it earlier."""

    def __init__(self) -> None:
        life_read, self._life = os.pipe()
        alive_read, self._alive = os.pipe()
        self._owner = os.getpid()
        try:
            self._reaper = subprocess.Popen(
                [sys.executable, "-I", "-S", str(REAPER), str(life_read), str(alive_read)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                process_group=0,
                pass_fds=(life_read, alive_read),
            )
        finally:
            os.close(life_read)
            os.close(alive_read)
        _guards.add(self)

    @property
    def pid(self) -> int:
        """The reaper's process id, which is also the group's."""
        return self._reaper.pid

    @property
    def working(self) -> bool:
        """Whether children are still protected: not after `close`, nor when somebody killed the reaper."""
        return self._life >= 0 and self._reaper.poll() is None

    def popen(
        self,
        args: Sequence[str],
        *,
        env: Mapping[str, str],
        output: IO[bytes],
        cwd: Path,
        account: Account | None = None,
        pass_fds: Sequence[int] = (),
    ) -> "subprocess.Popen[bytes]":
        """Start a child in the group. No moment is unguarded: until its exec the child itself holds our pipe open.

        Raises LocalStackError when the reaper is gone, OSError when the program cannot be started.
        """
        if not self.working:
            raise LocalStackError("The process that guards our servers has ended; start again")
        return subprocess.Popen(
            args,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            process_group=self.pid,
            pass_fds=(self._alive, *pass_fds),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )

    def close(self) -> None:
        """End whatever still runs in the group and wait for the reaper. May be called twice."""
        ours = self._close_pipes() and os.getpid() == self._owner
        if ours:
            self._reaper.wait(CLOSE_SECONDS_MAX)

    def _close_pipes(self) -> bool:
        if self._life < 0:
            return False
        os.close(self._life)
        os.close(self._alive)
        self._life = self._alive = -1
        return True


_guards: "weakref.WeakSet[Guard]" = weakref.WeakSet()
_default: Guard | None = None


def default_guard() -> Guard:
    """The guard of children that need none of their own; closed when the interpreter ends."""
    global _default
    if _default is None or not _default.working:
        _default = Guard()
        atexit.register(_default.close)
    return _default


def _forget_after_fork() -> None:
    """A fork of this process must not keep the pipes open: the group belongs to the original."""
    global _default
    _default = None
    for guard in list(_guards):
        guard._close_pipes()


os.register_at_fork(after_in_child=_forget_after_fork)
