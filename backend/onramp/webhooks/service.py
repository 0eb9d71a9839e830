"""Takes webhooks of Stripe: each has its effect once, in whatever order and how often they come (L61)."""

import time
from collections.abc import Callable
from functools import partial

import msgspec

from backend.db.engine import Connection, Engine
from backend.db.notices import notify
from backend.onramp import signature, store, stripe_event
from backend.onramp.book import heard
from backend.onramp.onramp_session import is_news
from backend.onramp.purchases import store as purchases
from backend.onramp.stripe_event import OfOnramp, OfPayment

APPLIED, PARKED, IGNORED, DUPLICATE = "applied", "parked", "ignored", "duplicate"


class WebhookService:
    """`secret` is that of our endpoint at Stripe, `clock` gives Unix seconds."""

    def __init__(self, engine: Engine, secret: str, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._secret = secret
        self._clock = clock

    def hear(self, body: bytes, header: str) -> str:
        """Take an event in one transaction: applied, parked until its payment is known, ignored, or duplicate.

        Raises BadRequest `webhook_…` for whatever Stripe did not sign just now.
        """
        signature.check(body, header, self._secret, self._clock())
        event = stripe_event.read(body)
        with self._engine.begin() as connection:
            if not store.take_event(connection, event.id, event.type, event.created):
                return DUPLICATE
            standing, subject = _apply(connection, event.about)
            store.mark_event(connection, event.id, standing, subject, event.kept if standing == PARKED else None)
            return standing


def tell(engine: Engine, about: OfPayment) -> None:
    """As a webhook would: for what Stripe was asked because none came."""
    with engine.begin() as connection:
        _apply(connection, about)


def _apply(connection: Connection, about: OfPayment | OfOnramp | None) -> tuple[str, str]:
    """What became of an event, and the name of what it is about."""
    match about:
        case OfPayment():
            return _apply_payment(connection, about)
        case OfOnramp():
            return _apply_onramp(connection, about)
        case None:
            return IGNORED, ""


def _apply_payment(connection: Connection, about: OfPayment) -> tuple[str, str]:
    intent = about.payment_intent or ""
    if intent:
        store.lock_intent(connection, intent)
    column, value = ("reference", about.reference) if about.reference else ("payment_intent", intent)
    payment = store.payment_by(connection, column, value) if value else None
    if payment is None:
        # a Checkout names our reference: without a payment of ours it is another system's on the same account
        return (IGNORED, "") if about.reference or not intent else (PARKED, intent)
    store.change_book(connection, payment.campaign, partial(heard, payment=payment.id, fact=about.fact))
    if intent and payment.payment_intent is None:
        store.set_intent(connection, payment.id, intent)
        _apply_parked(connection, intent)
    return APPLIED, intent or payment.reference


def _apply_parked(connection: Connection, intent: str) -> None:
    for event, kept in store.parked_events(connection, intent):
        standing, subject = _apply(connection, stripe_event.read(msgspec.json.encode(kept)).about)
        store.mark_event(connection, event, standing, subject, None)


def _apply_onramp(connection: Connection, about: OfOnramp) -> tuple[str, str]:
    """A session's status, for people to see. No money moves: the deposit on chain is what counts (L63)."""
    session = purchases.lock_onramp(connection, about.session, about.reference)
    if session is None:
        return IGNORED, about.session
    if is_news(session.status, about.status):
        purchases.update_onramp(connection, session.id, about.session, about.status, about.details)
        notify(connection, session.account, f"onramp_session.{about.status}", session=session.id)
    return APPLIED, about.session
