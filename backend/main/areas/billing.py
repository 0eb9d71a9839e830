"""Invoices, statements, reconciliation."""

from fastapi import FastAPI

from backend.api import billing
from backend.billing.profile import BillingProfile
from backend.billing.reconciling.client import StripeBooks
from backend.billing.reconciling.service import ReconciliationService
from backend.billing.service import BillingService
from backend.config import Settings
from backend.jobs.billing import InvoicesJob, ReconciliationJob
from backend.main.parts import Loop, ServeParts, WorkerParts


def include(app: FastAPI, parts: ServeParts) -> None:
    settings = parts.settings
    service = BillingService(parts.engine, settings.chain_id, seller(settings), clock=parts.clock)
    reconciliation = ReconciliationService(parts.engine, settings.chain_id, None, clock=parts.clock)
    app.include_router(billing.router(service, reconciliation, parts.access))


def loops(parts: WorkerParts) -> list[Loop]:
    settings = parts.settings
    invoices = BillingService(parts.engine, settings.chain_id, seller(settings))
    key = settings.stripe_key
    stripe = None if key is None else StripeBooks(key.get_secret_value(), url=settings.stripe_url)
    reconciliation = ReconciliationService(parts.engine, settings.chain_id, stripe, settings.admins)
    return [
        Loop("invoices", InvoicesJob(invoices).step, idle_seconds=60.0),
        Loop("reconciliation", ReconciliationJob(reconciliation).step, idle_seconds=60.0),
    ]


def seller(settings: Settings) -> BillingProfile:
    """Who issues invoices, from the environment."""
    lines = tuple(line.strip() for line in settings.seller_address.split("|") if line.strip())
    number = settings.seller_vat_number or None
    return BillingProfile(settings.seller_name, lines, settings.seller_country.upper(), number)
