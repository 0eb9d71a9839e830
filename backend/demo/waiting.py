"""Waiting for a condition, never for a time: every wait has a deadline and says what it waited for."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.15


class DemoError(Exception):
    """The demo cannot go on; the message says what happened and where to look."""


class TooLate(DemoError):
    """A condition did not come true in time."""


def wait_for(
    what: str, probe: Callable[[], T | None], *, seconds_max: float, alive: Callable[[], None] = lambda: None,
    poll_seconds: float = POLL_SECONDS,
) -> T:
    """The first result of `probe` that is true in Python's sense.

    `alive` is called between probes and raises when waiting has become pointless. Raises TooLate.
    """
    deadline = time.monotonic() + seconds_max
    while True:
        found = probe()
        if found:
            return found
        alive()
        if time.monotonic() > deadline:
            raise TooLate(f"waited {seconds_max:.0f} s for {what}")
        time.sleep(poll_seconds)
