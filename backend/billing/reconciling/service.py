"""The daily comparison: one report a day, and an alert on the first difference."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from backend.billing.reconciling import store
from backend.billing.reconciling.client import StripeBooks
from backend.billing.reconciling.figures import Comparison, Status, StripeFigures, compare, report, status_of
from backend.core.errors import Unavailable
from backend.core.ids import Address
from backend.db.audit import record
from backend.db.engine import Engine
from backend.db.notices import notify

log = logging.getLogger("sightline.reconciliation")

SECOND_LOOK_SECONDS = 600


class ReconciliationService:
    """`stripe` is None where no cards are taken. `admins` are told beside those of the table.

    A webhook that is on its way makes ledger and Stripe differ for a moment, so a difference is looked at again ten
    minutes later before it is reported; what is still there then is told at once.
    """

    def __init__(
        self, engine: Engine, chain_id: int, stripe: StripeBooks | None, admins: frozenset[Address] = frozenset(), *,
        clock: Callable[[], float] = time.time, second_look_seconds: float = SECOND_LOOK_SECONDS,
    ) -> None:
        self._engine = engine
        self._chain_id = chain_id
        self._stripe = stripe
        self._admins = admins
        self._clock = clock
        self._second_look_seconds = second_look_seconds
        self._differed_at: float | None = None

    def step(self) -> bool:
        """Write today's report once. Never wants to be called again at once."""
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        with self._engine.begin() as connection:
            if store.is_done(connection, today):
                return False
        now = self._clock()
        if self._differed_at is not None and now - self._differed_at < self._second_look_seconds:
            return False
        comparisons, missing = self.compare()
        status = status_of(comparisons, complete=not missing)
        if status is Status.DIFFER and self._differed_at is None:
            self._differed_at = now
            return False
        self._differed_at = None
        self._write(today, status, comparisons, missing)
        return False

    def compare(self) -> tuple[list[Comparison], list[str]]:
        """Every figure, and who could not be asked. Stripe first: what is in its books is soon in ours."""
        missing: list[str] = []
        stripe = self._of_stripe(missing)
        with self._engine.begin() as connection:
            store.hold_snapshot(connection)
            chain = store.read_chain(connection, self._chain_id)
            ledger = store.read_ledger(connection, self._chain_id, with_chain=chain is not None)
        if chain is None:
            missing.append("chain")
        return compare(chain, ledger, stripe), missing

    def runs(self, *, before: date | None = None, limit: int = 30) -> list[store.Run]:
        with self._engine.begin() as connection:
            return store.runs(connection, before, limit)

    def _of_stripe(self, missing: list[str]) -> StripeFigures | None:
        if self._stripe is None:
            return None
        try:
            return self._stripe.figures()
        except Unavailable:
            missing.append("Stripe")
            return None

    def _write(self, day: date, status: Status, comparisons: list[Comparison], missing: list[str]) -> None:
        content = report(comparisons, missing)
        with self._engine.begin() as connection:
            if not store.insert_run(connection, day, status, content):
                return
            record(connection, "reconciliation.run", f"day:{day.isoformat()}", status=status.value)
            if status is Status.DIFFER:
                first = next(one for one in comparisons if one.difference_micro_usdc)
                for admin in sorted({*store.admins(connection), *self._admins}):
                    notify(connection, admin, "reconciliation.differs", day=day.isoformat(), first=first.name)
        if status is Status.DIFFER:
            log.error("chain, ledger and Stripe differ: %s", content["differences"])
