"""Stripe's API, with the SDK that they publish. Every call that makes something carries its own idempotency key."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import stripe
from stripe.params.checkout import SessionCreateParams

from backend.core.errors import Conflict, Unavailable
from backend.core.ids import Address
from backend.onramp.onramp_session import OnrampStatus, wallet_key
from backend.onramp.payment import Over, Paid, RefundStatus
from backend.onramp.stripe_event import ONRAMP_METADATA, PAYMENT_METADATA, REFUND_METADATA, OfPayment

ANSWER_SECONDS_MAX = 15
RETRIES_MAX = 2
ONRAMP_PATH = "/v1/crypto/onramp_sessions"

# at DEBUG the SDK logs whole answers, with the secrets in them
logging.getLogger("stripe").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class CheckoutWish:
    """What a Checkout should be; the same wish always gives the same request."""

    reference: str
    campaign: int
    campaign_name: str
    cents: int
    expires_at: datetime
    return_url: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """A Checkout of Stripe: its id, and the page where the cardholder pays."""

    session: str
    url: str


@dataclass(frozen=True, slots=True)
class OnrampWish:
    """USDC for a wallet on a network. `amount_usdc` is decimal text, None when the buyer chooses."""

    reference: str
    wallet: Address
    network: str
    amount_usdc: str | None


@dataclass(frozen=True, slots=True)
class Onramp:
    """An onramp session; the secret opens it in a browser, and is neither stored nor logged."""

    stripe_id: str
    status: OnrampStatus
    client_secret: str

    def __repr__(self) -> str:
        return f"Onramp({self.stripe_id})"


@dataclass(frozen=True, slots=True)
class SentRefund:
    stripe_id: str
    status: RefundStatus


class StripeGateway:
    """Calls of Stripe by several threads. `url` replaces api.stripe.com in tests.

    Raises Unavailable `stripe_unavailable` when it is not known whether a call had its effect: repeat it, the key is
    the same. Raises Conflict `stripe_refused` or `onramp_refused` when Stripe has decided against it.
    """

    def __init__(self, key: str, *, url: str = "", seconds_max: float = ANSWER_SECONDS_MAX) -> None:
        self._http = http = stripe.HTTPXClient(timeout=seconds_max, allow_sync_methods=True)
        addresses: dict[str, Any] = {"base_addresses": {"api": url}} if url else {}
        self._client = stripe.StripeClient(key, http_client=http, max_network_retries=RETRIES_MAX, **addresses)

    def close(self) -> None:
        self._http.close()  # type: ignore[no-untyped-call]

    def open_checkout(self, wish: CheckoutWish) -> Checkout:
        """A Checkout for one card payment in US dollars; 3-D Secure is asked for wherever the card can do it."""
        with _answered("stripe_refused"):
            session = self._client.v1.checkout.sessions.create(
                _checkout_params(wish), {"idempotency_key": f"checkout-{wish.reference}"}
            )
        return Checkout(session.id, str(session.url))

    def checkout(self, reference: str, session: str, now: datetime) -> OfPayment | None:
        """What became of the Checkout of a payment whose webhook did not come; None while it is open."""
        with _answered("stripe_refused"):
            found = self._client.v1.checkout.sessions.retrieve(session)
        intent = found.payment_intent if isinstance(found.payment_intent, str) else None
        if found.payment_status == "paid" and found.amount_total and found.currency == "usd":
            return OfPayment(Paid(found.amount_total, now), intent, reference)
        return OfPayment(Over(), intent, reference) if found.status == "expired" else None

    def payment_fee(self, payment_intent: str) -> int | None:
        """Cents that Stripe kept of a payment; None until it knows."""
        with _answered("stripe_refused"):
            found = self._client.v1.payment_intents.retrieve(
                payment_intent, {"expand": ["latest_charge.balance_transaction"]}
            )
        charge = found.latest_charge
        moved = charge.balance_transaction if isinstance(charge, stripe.Charge) else None
        return moved.fee if isinstance(moved, stripe.BalanceTransaction) and moved.currency == "usd" else None

    def refund(self, reference: str, payment_intent: str, cents: int) -> SentRefund:
        """Send money back to the card that paid. A refund of this reference that Stripe has already is not repeated,
        also when its idempotency key is forgotten there (after a day)."""
        with _answered("stripe_refused"):
            for known in self._client.v1.refunds.list(
                {"payment_intent": payment_intent, "limit": 100}
            ).auto_paging_iter():
                if _reference_of(known) == reference:
                    return _sent(known)
            made = self._client.v1.refunds.create(
                {"payment_intent": payment_intent, "amount": cents, "metadata": {REFUND_METADATA: reference}},
                {"idempotency_key": f"refund-{reference}"},
            )
        return _sent(made)

    def open_onramp(self, wish: OnrampWish) -> Onramp:
        """An onramp session that can pay out to this wallet only. It is not in the SDK yet, so the request is raw."""
        amount = {} if wish.amount_usdc is None else {"destination_amount": wish.amount_usdc}
        with _answered("onramp_refused"):
            answer = self._client.raw_request(
                "post", ONRAMP_PATH,
                wallet_addresses={wallet_key(wish.network): wish.wallet}, lock_wallet_address=True,
                destination_currency="usdc", destination_network=wish.network,
                destination_currencies=["usdc"], destination_networks=[wish.network],
                metadata={ONRAMP_METADATA: wish.reference}, idempotency_key=f"onramp-{wish.reference}", **amount,
            )
        found = answer.data
        return Onramp(str(found["id"]), OnrampStatus(found["status"]), str(found["client_secret"]))


@cache
def gateway(key: str, url: str = "") -> StripeGateway:
    """The process's connections to Stripe for a key: one pool, which stays open."""
    return StripeGateway(key, url=url)


def _checkout_params(wish: CheckoutWish) -> SessionCreateParams:
    """One line in US dollars, by card."""
    return {
        "mode": "payment",
        "allowed_payment_method_types": ["card"],
        "payment_method_options": {"card": {"request_three_d_secure": "any"}},
        "line_items": [{
            "quantity": 1,
            "price_data": {
                "currency": "usd", "unit_amount": wish.cents,
                "product_data": {"name": f"Advertising budget: {wish.campaign_name}"},
            },
        }],
        "adaptive_pricing": {"enabled": False},      # what arrives is in US dollars
        "client_reference_id": wish.reference,
        "metadata": {PAYMENT_METADATA: wish.reference, "campaign": str(wish.campaign)},
        "payment_intent_data": {"metadata": {PAYMENT_METADATA: wish.reference}},
        "expires_at": int(wish.expires_at.timestamp()),
        "success_url": f"{wish.return_url}?paid={wish.reference}",
        "cancel_url": wish.return_url,
    }


def _reference_of(refund: stripe.Refund) -> str | None:
    return None if refund.metadata is None else getattr(refund.metadata, REFUND_METADATA, None)


def _sent(refund: stripe.Refund) -> SentRefund:
    return SentRefund(refund.id, RefundStatus(refund.status or "pending"))


@contextmanager
def _answered(refused: str) -> Iterator[None]:
    """Turns what Stripe answers into our errors; their texts may name keys and people, so only codes pass."""
    try:
        yield
    except (stripe.InvalidRequestError, stripe.IdempotencyError) as error:
        raise Conflict(refused, "Stripe refused the request", stripe_code=error.code) from error
    except stripe.StripeError as error:
        raise Unavailable("stripe_unavailable", f"no answer from Stripe: {type(error).__name__}") from error
