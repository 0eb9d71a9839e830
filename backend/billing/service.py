"""Issues invoices and shows them; makes account statements."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from backend.billing import account_statement, due, profile, store
from backend.billing.account_statement import AccountStatement
from backend.billing.document import Document, DocumentKind, Issued, draw_up, number_of
from backend.billing.profile import BillingProfile
from backend.billing.vat import treatment
from backend.core.errors import NotFound, Unprocessable
from backend.core.ids import Address
from backend.db.audit import record
from backend.db.engine import Connection, Engine
from backend.db.notices import notify

ACCOUNTS_PER_STEP = 20
STATEMENT_DAYS_MAX = 366


class BillingService:
    """Documents between the operator (`seller`) and accounts on the chain `chain_id`. `clock` gives Unix seconds."""

    def __init__(
        self, engine: Engine, chain_id: int, seller: BillingProfile, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._chain_id = chain_id
        self._seller = seller
        self._clock = clock

    def profile(self, account: Address) -> BillingProfile:
        """Raises NotFound `billing_profile_unknown`."""
        with self._engine.begin() as connection:
            found = store.read_profile(connection, account)
        if found is None:
            raise NotFound("billing_profile_unknown", "there is no billing profile yet")
        return found

    def set_profile(self, account: Address, wished: BillingProfile) -> BillingProfile:
        """Documents that are issued from now on carry it. Raises Unprocessable `vat_number_malformed`."""
        profile.check(wished)
        with self._engine.begin() as connection:
            store.write_profile(connection, account, wished)
            record(connection, "billing_profile.update", f"account:{account}", country=wished.country)
        return wished

    def documents(self, account: Address, *, after: int = 0, limit: int = 50) -> list[Issued]:
        """Invoices of the account by id, from the one after `after`."""
        with self._engine.begin() as connection:
            return store.documents_of(connection, account, after, limit)

    def document(self, account: Address, number: str) -> tuple[Document, str]:
        """A document and the digest of its stored form. Raises NotFound `document_unknown`."""
        with self._engine.begin() as connection:
            found = store.document_of(connection, account, number)
        if found is None:
            raise NotFound("document_unknown", f"you have no document {number[:40]}")
        return found

    def statement(self, account: Address, from_day: date, to_day: date, *, publisher: bool) -> AccountStatement:
        """Raises Unprocessable `dates_out_of_range` for more than a year, or days in the wrong order."""
        if not 0 <= (to_day - from_day).days < STATEMENT_DAYS_MAX:
            raise Unprocessable("dates_out_of_range", f"from must not be after to, {STATEMENT_DAYS_MAX} days at most")
        with self._engine.begin() as connection:
            movements = store.movements_of(
                connection, self._chain_id, account, (from_day, to_day), publisher=publisher
            )
        return account_statement.state(account, from_day, to_day, movements)

    def step(self) -> bool:
        """Issue what is due for last month to a few accounts, each in its own transaction. True when more may wait."""
        period = due.last_month(self._today())
        if period is None:
            return False
        with self._engine.begin() as connection:
            advertisers = store.advertisers_due(connection, period[1], ACCOUNTS_PER_STEP)
            publishers = store.publishers_due(connection, self._chain_id, period[1], ACCOUNTS_PER_STEP)
        issued = [self._invoice(account, period) for account in advertisers]
        issued += [self._self_billing(account, period) for account in publishers]
        return any(issued)

    def _invoice(self, account: Address, period: tuple[date, date]) -> bool:
        with self._engine.begin() as connection:
            if not store.lock_account(connection, account):
                return False
            campaigns = store.campaigns_due(connection, account, period[1])
            lines = due.campaign_lines(campaigns)
            if sum(line.amount_micro_usdc for line in lines) <= 0:
                return False        # nothing, or more was given back than charged: the next invoice has it
            buyer = store.profile_or_unknown(connection, account)
            document = draw_up(
                self._number(connection, DocumentKind.INVOICE), DocumentKind.INVOICE, self._today(), period,
                (self._seller, buyer), account, lines, treatment(self._seller, buyer),
            )
            store.mark_billed(connection, campaigns)
            self._issue(connection, account, document, None)
            return True

    def _self_billing(self, account: Address, period: tuple[date, date]) -> bool:
        with self._engine.begin() as connection:
            if not store.lock_account(connection, account):
                return False
            epochs = store.epochs_due(connection, self._chain_id, account, period[1])
            if not epochs:
                return False
            publisher = store.profile_or_unknown(connection, account)
            document = draw_up(
                self._number(connection, DocumentKind.SELF_BILLING), DocumentKind.SELF_BILLING, self._today(), period,
                (publisher, self._seller), account, due.epoch_lines(epochs), treatment(publisher, self._seller),
            )
            self._issue(connection, account, document, epochs[-1].epoch)
            return True

    def _issue(self, connection: Connection, account: Address, document: Document, to_epoch: int | None) -> None:
        store.insert_document(connection, account, document, to_epoch)
        record(connection, "document.issue", f"document:{document.number}", gross=document.gross_micro_usdc)
        notify(connection, account, "invoice.issued", number=document.number, document=document.kind.value,
               gross_micro_usdc=document.gross_micro_usdc)

    def _number(self, connection: Connection, kind: DocumentKind) -> str:
        year = self._today().year
        return number_of(kind, year, store.next_serial(connection, kind, year))

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock(), UTC).date()
