"""Loops of the books: invoices of last month, and the daily comparison of chain, ledger and Stripe."""

from backend.billing.reconciling.service import ReconciliationService
from backend.billing.service import BillingService


class InvoicesJob:
    """Issues what is due; several workers invoice different accounts."""

    def __init__(self, service: BillingService) -> None:
        self._service = service

    def step(self) -> bool:
        """True when more may be due."""
        return self._service.step()


class ReconciliationJob:
    """One report a day, whoever writes it first."""

    def __init__(self, service: ReconciliationService) -> None:
        self._service = service

    def step(self) -> bool:
        return self._service.step()
