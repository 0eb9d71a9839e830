"""Stripe's own books: every balance transaction of the account, summed by what it was."""

import stripe

from backend.billing.reconciling.figures import StripeFigures
from backend.core.errors import Unavailable
from backend.core.money import MICRO_USDC_PER_CENT

ANSWER_SECONDS_MAX = 30
PAGE = 100
_IN = frozenset({"charge", "payment"})
_BACK = frozenset({"refund", "payment_refund", "refund_failure", "payment_failure_refund"})
_BANK = frozenset({"adjustment"})


class StripeBooks:
    """Reads with the key of the account. `url` replaces api.stripe.com in tests."""

    def __init__(self, key: str, *, url: str = "") -> None:
        self._http = stripe.HTTPXClient(timeout=ANSWER_SECONDS_MAX, allow_sync_methods=True)
        addresses = {"base_addresses": {"api": url}} if url else {}
        self._client = stripe.StripeClient(key, http_client=self._http, max_network_retries=2, **addresses)  # type: ignore[arg-type]

    def close(self) -> None:
        """Give back the connection."""
        self._http.close()  # type: ignore[no-untyped-call]

    def figures(self) -> StripeFigures:
        """Sums over all time; payouts to our bank move nothing between us and cardholders, and are left out.

        Raises Unavailable `stripe_unavailable`.
        """
        came = back = bank = kept = 0
        try:
            for moved in self._client.v1.balance_transactions.list({"limit": PAGE}).auto_paging_iter():
                came += moved.amount if moved.type in _IN else 0
                back -= moved.amount if moved.type in _BACK else 0
                bank -= moved.amount if moved.type in _BANK else 0
                kept += moved.fee if moved.type in _IN | _BACK | _BANK else 0
        except stripe.StripeError as error:
            raise Unavailable("stripe_unavailable", "Stripe's books cannot be read") from error
        return StripeFigures(*(cents * MICRO_USDC_PER_CENT for cents in (came, back, bank, kept)))
