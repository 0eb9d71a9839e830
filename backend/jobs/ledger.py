"""Loop of the ledger: bills what was accepted, batch after batch."""

from backend.ledger.service import LedgerService

BATCH_EVENTS = 2_000


class LedgerJob:
    """One step bills one batch in one transaction; running two of them is safe and merely idle."""

    def __init__(self, service: LedgerService, batch_size: int = BATCH_EVENTS) -> None:
        self._service = service
        self._batch_size = batch_size

    def step(self) -> bool:
        """True when a full batch was billed, so that more is probably waiting."""
        return self._service.bill(self._batch_size) == self._batch_size
