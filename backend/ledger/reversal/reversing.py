"""Decides what becomes of an event that was flagged as invalid traffic."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """States of `flagged_event`."""

    REVERSED = "reversed"       # it was charged; the campaign has its money back
    VOIDED = "voided"           # it was not charged, and will not be
    LATE = "late"               # its epoch is closed: nothing is changed, it is only reported
    MISSED = "missed"           # its budget was gone, so nobody had paid
    REINSTATED = "reinstated"   # the flag was wrong: charged again
    CLEARED = "cleared"         # the flag was wrong: the ledger bills it as if it had just come
    FORGONE = "forgone"         # the flag was wrong, but the budget has gone to others


@dataclass(frozen=True, slots=True)
class Flagged:
    """A flagged event. `charged_micro_usdc` is its charge, 0 if it has none; `is_settled`: an epoch has that charge."""

    event_id: str
    status: str
    campaign: int
    line_item: int
    publisher: int
    charged_micro_usdc: int
    is_settled: bool


def reversal_of(event: Flagged) -> State:
    """What a flag does to an event. A charge in an epoch is signed and published, or about to be: it stays (L85)."""
    if event.status == "dropped":
        return State.MISSED
    if event.status != "billed" or not event.charged_micro_usdc:
        return State.VOIDED
    return State.LATE if event.is_settled else State.REVERSED
