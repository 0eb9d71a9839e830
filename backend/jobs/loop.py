"""Runs one job again and again: fast while there is work, idle when there is none, patient when a store is down."""

import logging
import threading
from collections.abc import Callable

from backend.core.errors import Unavailable

log = logging.getLogger("sightline.jobs")

BACKOFF_SECONDS_MAX = 5.0


def run_loop(name: str, step: Callable[[], bool], stop: threading.Event, *, idle_seconds: float) -> None:
    """Call `step` until `stop` is set. `step` returns True when it did work and wants to be called again at once.

    A job's every step is one transaction and can run twice, so any error means: log it, wait longer each time, retry.
    """
    failures = 0
    while not stop.is_set():
        try:
            worked = step()
            failures = 0
        except Unavailable as error:
            failures += 1
            worked = False
            log.warning("%s: %s; retrying", name, error)
        except Exception:
            failures += 1
            worked = False
            log.exception("%s: step failed; retrying", name)
        if not worked:
            stop.wait(min(BACKOFF_SECONDS_MAX, idle_seconds * 2**failures) if failures else idle_seconds)
