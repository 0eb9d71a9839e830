"""When a delivery that failed is tried again, and when it is given up."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST_DELAY_SECONDS = 10
DELAY_SECONDS_MAX = 6 * 3_600
GIVE_UP_AFTER = timedelta(days=3)
DISABLE_AFTER = timedelta(days=3)        # failing all that time, whatever was sent


@dataclass(frozen=True, slots=True)
class Again:
    """Try again at a moment."""

    at: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Too old: dead, until somebody replays it."""


def after_failure(created_at: datetime, attempts: int, now: datetime, chance: float) -> Again | GiveUp:
    """What follows the failure of attempt number `attempts` (1 for the first). `chance` is in [0, 1).

    The delay doubles from 10 s to 6 h and is cut by up to half at random, so that receivers who come back are not met
    by everything at once: 10 s → 5 to 10 s, 20 s → 10 to 20 s, …
    """
    delay = min(DELAY_SECONDS_MAX, FIRST_DELAY_SECONDS * 2 ** min(attempts - 1, 20))
    at = now + timedelta(seconds=delay * (1 - chance / 2))
    return GiveUp() if at > created_at + GIVE_UP_AFTER else Again(at)


def is_hopeless(failing_since: datetime | None, now: datetime) -> bool:
    """Whether a webhook failed so long without one success that it is switched off."""
    return failing_since is not None and now - failing_since >= DISABLE_AFTER
