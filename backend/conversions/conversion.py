"""A reported conversion, and the one word that its advertiser is told of it."""

from dataclasses import dataclass

WAITING = "waiting"         # the click may still be on its way; decided within minutes
PENDING = "pending"         # attributed; the ledger has not billed it yet
CHARGED = "charged"
COUNTED = "counted"         # attributed, and nothing is charged for it

_OF_EVENT = {
    "accepted": PENDING, "billed": CHARGED, "unpaid": COUNTED, "dropped": "budget_gone", "invalid": "invalid_traffic",
}


def verdict_of(state: str, reason: str | None, event_status: str | None) -> str:
    """WAITING, PENDING, CHARGED, COUNTED, or the DropReason that it was refused for."""
    if state == "waiting":
        return WAITING
    if reason is not None:
        return reason
    return COUNTED if event_status is None else _OF_EVENT[event_status]


@dataclass(frozen=True, slots=True)
class Conversion:
    """A conversion as it is stored; `event_status` is what the ledger did with its event, if it has one.

    `price_micro_usdc` is what was charged; times are Unix milliseconds.
    """

    id: int
    goal_id: int
    order_id: str
    decision_id: str | None
    state: str
    reason: str | None
    touch: str | None
    line_item_id: int | None
    price_micro_usdc: int
    event_status: str | None
    occurred_ms: int
    received_ms: int

    @property
    def verdict(self) -> str:
        return verdict_of(self.state, self.reason, self.event_status)
