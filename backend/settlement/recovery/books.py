"""The books of an epoch as its bundle tells them."""

from collections.abc import Iterable

from backend.core.transfers import Transfer, campaign_account, earned_account
from backend.settlement.bundle import BundleError, ChargedEvent
from backend.settlement.closing import Charge, Closing, PublisherLine, close
from backend.settlement.statement import Statement


def lines_of(statement: Statement) -> list[PublisherLine]:
    """Publishers' lines, by index."""
    return [
        PublisherLine(
            entry.index, entry.recipient, int(entry.gross_micro_usdc), int(entry.net_micro_usdc),
            int(entry.cumulative_micro_usdc),
        )
        for entry in statement.entries
    ]


def charges_of(events: Iterable[ChargedEvent]) -> list[Transfer]:
    """The charge of each event."""
    return [
        Transfer(
            "charge", campaign_account(event.campaign), earned_account(event.publisher), event.price_micro_usdc,
            event.event_id,
        )
        for event in events
    ]


def closing_of(
    statement: Statement, events: Iterable[ChargedEvent], before: Iterable[PublisherLine]
) -> Closing:
    """How the epoch was closed, after the lines of the epoch before. Raises BundleError when it does not follow."""
    lines = lines_of(statement)
    charges = [Charge(event.campaign, event.publisher, event.price_micro_usdc) for event in events]
    previous = {line.index: line for line in before}
    closing = close(charges, statement.fee_bps, previous, {line.index: line.recipient for line in lines})
    if closing.lines != lines:
        raise BundleError(f"the bundle of epoch {statement.epoch} does not follow from the one before")
    return closing
