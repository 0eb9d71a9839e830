"""One child process: started under a guard, its output in a log file, its log shown when it dies."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from backend.local.errors import LocalStackError, ServerDied
from backend.local.guard import Account, Guard, default_guard

POLL_SECONDS = 0.02
LOG_TAIL_BYTES = 4000


class Child:
    """A running process of ours. It ends at the latest when we end."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log_path: Path) -> None:
        self.name = name
        self.log_path = log_path
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs, negative for the signal that ended it."""
        return self._process.poll()

    def send(self, number: int) -> None:
        """Send a signal; nothing happens when the process has ended."""
        self._process.send_signal(number)

    def terminate(self) -> None:
        self.send(signal.SIGTERM)

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once ended. Raises TimeoutError after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} (pid {self.pid}) still runs after {timeout} s") from None

    def stop(self, *, number: int = signal.SIGTERM, seconds_max: float = 10.0) -> int:
        """End it in order with a signal, by force after `seconds_max`. Returns the exit code."""
        self.send(number)
        try:
            return self.wait(seconds_max)
        except TimeoutError:
            self.kill()
            return self.wait(seconds_max)

    def log_tail(self, bytes_max: int = LOG_TAIL_BYTES) -> str:
        """The end of what it has written."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - bytes_max))
                return log.read().decode(errors="replace").strip()
        except OSError:
            return ""

    def raise_if_dead(self) -> None:
        """Raises ServerDied with the log's end when the process has ended."""
        if not self.alive:
            raise ServerDied(
                f"{self.name} ended with exit code {self.exit_code}. The end of {self.log_path}:\n{self.log_tail()}"
            )


def spawn_child(
    args: Sequence[str],
    *,
    env: Mapping[str, str],
    log_path: Path,
    cwd: Path | None = None,
    name: str | None = None,
    guard: Guard | None = None,
    account: Account | None = None,
    pass_fds: Sequence[int] = (),
) -> Child:
    """Start a process that cannot outlive us; `env` is its whole environment.

    Its output goes to `log_path`; the log of the run before is kept beside it with `.1` appended.
    Raises LocalStackError when the program cannot be started.
    """
    name = name or Path(args[0]).name
    log_path.parent.mkdir(parents=True, exist_ok=True)
    if log_path.exists():
        log_path.replace(log_path.with_name(log_path.name + ".1"))
    try:
        with log_path.open("wb") as log:
            process = (guard or default_guard()).popen(
                args, env=env, output=log, cwd=cwd or Path.cwd(), account=account, pass_fds=pass_fds
            )
    except OSError as error:
        raise LocalStackError(
            f"{name} cannot be started from {args[0]} ({error.strerror}): is it installed?"
        ) from error
    return Child(name, process, log_path)


def wait_until(child: Child, ready: Callable[[], bool], *, seconds_max: float) -> None:
    """Poll `ready` until it holds.

    Raises ServerDied when the child ends first, LocalStackError when it takes too long.
    """
    deadline = time.monotonic() + seconds_max
    while not ready():
        child.raise_if_dead()
        if time.monotonic() > deadline:
            raise LocalStackError(
                f"{child.name} did not answer within {seconds_max:.0f} s. "
                f"The end of {child.log_path}:\n{child.log_tail()}"
            )
        time.sleep(POLL_SECONDS)
    child.raise_if_dead()  # somebody else may have answered on the port that our child could not get
