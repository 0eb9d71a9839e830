"""What an advertiser does with cards: pay into a campaign, see what becomes of it, have unspent money refunded."""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from backend.core.errors import Conflict, NotFound, Unavailable
from backend.core.ids import Address, CampaignId
from backend.db.audit import record
from backend.db.engine import Connection, Engine
from backend.db.idempotency import once
from backend.onramp import store
from backend.onramp.book import Book, cleared, heard, refund_asked, refundable, refundable_cents, released, returned
from backend.onramp.client import CheckoutWish, StripeGateway
from backend.onramp.payment import FeeHeard, Over, Payment, Refund, RefundHeard, RefundStatus
from backend.onramp.stripe_event import OfPayment
from backend.onramp.tiers import CardTerms, check_daily, tier_of

log = logging.getLogger("sightline.cards")

CHECKOUT_SECONDS = 3_600
SECONDS_PER_DAY = 86_400
Answer = TypeVar("Answer")
# How long the worker leaves things to webhooks and to the request that began them.
REFUND_PATIENCE = timedelta(seconds=60)
CHECKOUT_PATIENCE = timedelta(seconds=CHECKOUT_SECONDS + 600)
FEE_PATIENCE, FEE_DAYS_MAX = timedelta(seconds=60), 7
AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class CardPayment:
    """A payment with all that is known of it, and how much of it could go back to the card now."""

    row: store.PaymentRow
    payment: Payment
    refundable_cents: int


class CardService:
    """Payments by card for campaigns on the chain `chain_id`, whose escrow accounts belong to `treasury`.

    Without a `gateway` everything that needs Stripe raises Unavailable `cards_not_available`. What is another's raises
    NotFound. `clock` gives Unix seconds.
    """

    def __init__(
        self, engine: Engine, chain_id: int, treasury: Address | None, gateway: StripeGateway | None,
        terms: CardTerms, return_url: str, *, clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._chain_id = chain_id
        self._treasury = treasury
        self._gateway = gateway
        self._terms = terms
        self._return_url = return_url
        self._clock = clock

    def pay(self, owner: Address, campaign: CampaignId, cents: int, *, key: str | None = None) -> CardPayment:
        """A Checkout for a campaign, whose escrow account is the treasury's from then on.

        Raises Conflict `campaign_ended`, `campaign_frozen`, `campaign_funded_by_wallet` or `card_daily_cap`.
        """
        gateway, treasury = self._ready()

        def create() -> int:
            return self._insert(connection, owner, campaign, cents, treasury)

        with self._engine.begin() as connection:
            number = once(connection, owner, key, ("card payment", campaign, cents), int, create)
        return self._with_checkout(gateway, self.payment(owner, number))

    def payment(self, owner: Address, payment: int) -> CardPayment:
        """Raises NotFound `card_payment_unknown`."""
        with self._engine.begin() as connection:
            row = _own_payment(connection, owner, payment)
            return _described(row, store.read_book(connection, row.campaign))

    def payments(
        self, owner: Address, campaign: CampaignId, *, after: int = 0, limit: int = 100
    ) -> list[CardPayment]:
        with self._engine.begin() as connection:
            _check_own(connection, owner, campaign)
            book = store.read_book(connection, campaign)
            cents = refundable(book)
            return [
                CardPayment(row, book.payments[row.id], cents[row.id])
                for row in store.payments_of(connection, owner, campaign, after, limit)
            ]

    def refund(self, owner: Address, payment: int, cents: int | None, *, key: str | None = None) -> CardPayment:
        """Send unspent money back to the card that paid, never anywhere else (L62); all of it when `cents` is None.

        Raises Conflict `nothing_to_refund`. When Stripe does not answer, the worker goes on asking.
        """
        gateway, _ = self._ready()

        def create() -> str:
            row = _own_payment(connection, owner, payment)
            reference = secrets.token_hex(16)
            store.change_book(
                connection, row.campaign, partial(refund_asked, payment=payment, refund=reference, cents=cents)
            )
            record(connection, "card_payment.refund", f"card_payment:{payment}", refund=reference)
            return reference

        with self._engine.begin() as connection:
            reference = once(connection, owner, key, ("card refund", payment, cents), str, create)
        try:
            _send_refund(self._engine, gateway, payment, reference)
        except Unavailable as silent:
            log.warning("refund %s: %s; the worker repeats it", reference, silent)
        return self.payment(owner, payment)

    def to_review(self, *, after: int = 0, limit: int = 100) -> list[CardPayment]:
        """Payments of all accounts that a warning froze."""
        with self._engine.begin() as connection:
            rows = store.frozen_payments(connection, after, limit)
            return [_described(row, store.read_book(connection, row.campaign)) for row in rows]

    def release(self, payment: int) -> CardPayment:
        """Let a payment go on after a person has looked at its warnings. Raises Conflict `nothing_to_release`."""
        with self._engine.begin() as connection:
            row = store.payment_by(connection, "id", payment)
            if row is None:
                raise NotFound("card_payment_unknown", f"there is no payment {payment}")
            book = store.change_book(connection, row.campaign, partial(released, payment=payment))
            record(connection, "card_payment.release", f"card_payment:{payment}")
            return _described(row, book)

    def _ready(self) -> tuple[StripeGateway, Address]:
        if self._gateway is None or self._treasury is None:
            raise Unavailable("cards_not_available", "this operator has not set up Stripe")
        return self._gateway, self._treasury

    def _insert(
        self, connection: Connection, owner: Address, campaign: CampaignId, cents: int, treasury: Address
    ) -> int:
        store.lock_account(connection, owner)       # before the campaign, as an erasure does
        _check_own(connection, owner, campaign)
        found = store.lock_campaign(connection, campaign)
        self._check_fundable(connection, found, treasury)
        now = self._now()
        day_start = now.replace(hour=0, minute=0, second=0, microsecond=0)
        history = store.read_history(connection, owner, day_start)
        tier = tier_of(history, self._terms, now)
        terms = self._terms.of(tier)
        check_daily(history, cents, terms)
        if found.funder is None:
            store.set_funder(connection, campaign, treasury)
        made = store.insert_payment(
            connection, found, secrets.token_hex(16), cents, tier.value, terms.hold_days * SECONDS_PER_DAY, now
        )
        record(connection, "card_payment.create", f"card_payment:{made.id}", campaign=campaign, cents=cents)
        return made.id

    def _check_fundable(self, connection: Connection, campaign: store.CampaignRow, treasury: Address) -> None:
        if campaign.status == "ended":
            raise Conflict("campaign_ended", "the campaign has ended; create another one")
        if campaign.funder not in (None, treasury) or store.has_own_deposit(connection, self._chain_id, campaign):
            raise Conflict("campaign_funded_by_wallet", "a wallet pays for this campaign; create another one for cards")
        book = store.read_book(connection, campaign.id)
        if any(payment.freezes for payment in book.payments.values()):
            raise Conflict("campaign_frozen", "an earlier payment is disputed or warned about; settle it first")

    def _with_checkout(self, gateway: StripeGateway, found: CardPayment) -> CardPayment:
        """The payment with its Checkout; asked for again after a crash, which gives the same one."""
        row = found.row
        if row.session is not None:
            return found
        with self._engine.begin() as connection:
            name = store.lock_campaign(connection, row.campaign).name
        checkout = gateway.open_checkout(CheckoutWish(
            row.reference, row.campaign, name, row.asked_cents, row.created_at + timedelta(seconds=CHECKOUT_SECONDS),
            self._return_url,
        ))
        with self._engine.begin() as connection:
            store.set_checkout(connection, row.id, checkout.session, checkout.url)
        return self.payment(row.account, row.id)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


class CardUpkeep:
    """What the worker does about cards: clears what was held long enough, mirrors what came back from the chain, and
    asks Stripe where a webhook or an answer was lost. Safe in several processes: every change locks its campaign."""

    def __init__(
        self, engine: Engine, chain_id: int, treasury: Address, gateway: StripeGateway,
        tell: Callable[[OfPayment], None], *, clock: Callable[[], float] = time.time,
    ) -> None:
        """`tell` applies what Stripe says when asked, as if a webhook had said it."""
        self._engine = engine
        self._chain_id = chain_id
        self._treasury = treasury
        self._gateway = gateway
        self._tell = tell
        self._clock = clock

    def step(self) -> bool:
        """Clear and mirror; True when something was cleared."""
        self.mirror_returns()
        return self.clear_due() > 0

    def ask(self) -> bool:
        """Ask Stripe about what we should have heard of; raises Unavailable when it does not answer."""
        self._repeat_refunds()
        for row in self._stale():
            self._ask_checkout(row)
        for row in self._without_fee():
            self._ask_fee(row)
        return False

    def clear_due(self) -> int:
        """Order deposits for payments whose hold is over; how many."""
        now = self._now()
        with self._engine.begin() as connection:
            due = store.due_payments(connection, now, AT_ONCE)
        for payment, campaign in due:
            with self._engine.begin() as connection:
                order = secrets.token_hex(16)
                store.change_book(connection, campaign, partial(cleared, payment=payment, order=order, now=now))
        return len(due)

    def mirror_returns(self) -> None:
        """Book what the treasury withdrew from escrow accounts, once it is confirmed."""
        with self._engine.begin() as connection:
            came = store.withdrawn_by_treasury(connection, self._chain_id, self._treasury)
        for campaign, total in came:
            with self._engine.begin() as connection:
                store.change_book(connection, campaign, partial(returned, total_micro_usdc=total))

    def _repeat_refunds(self) -> None:
        with self._engine.begin() as connection:
            asked = store.asked_refunds(connection, self._now() - REFUND_PATIENCE, AT_ONCE)
        for reference, payment in asked:
            _send_refund(self._engine, self._gateway, payment, reference)

    def _stale(self) -> list[store.PaymentRow]:
        with self._engine.begin() as connection:
            return store.stale_payments(connection, self._now() - CHECKOUT_PATIENCE, AT_ONCE)

    def _ask_checkout(self, row: store.PaymentRow) -> None:
        # Stripe may have made a Checkout without a session here, but nobody was told where to pay
        over = OfPayment(Over(), None, row.reference)
        about = over if row.session is None else self._answer(
            row, lambda: self._gateway.checkout(row.reference, str(row.session), self._now())
        )
        if about is not None:
            self._tell(about)

    def _without_fee(self) -> list[store.PaymentRow]:
        now = self._now()
        with self._engine.begin() as connection:
            return store.payments_without_fee(
                connection, now - timedelta(days=FEE_DAYS_MAX), now - FEE_PATIENCE, AT_ONCE
            )

    def _ask_fee(self, row: store.PaymentRow) -> None:
        fee = self._answer(row, lambda: self._gateway.payment_fee(str(row.payment_intent)))
        if fee is not None:
            self._tell(OfPayment(FeeHeard(fee), None, row.reference))

    def _answer(self, row: store.PaymentRow, ask: Callable[[], Answer]) -> Answer | None:
        """What Stripe answers about a payment; None when it refuses, so that others are asked about."""
        try:
            return ask()
        except Conflict as refused:
            log.warning("payment %d: %s", row.id, refused)
            return None

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _send_refund(engine: Engine, gateway: StripeGateway, payment: int, reference: str) -> None:
    """Bring an asked refund to Stripe and write what it says. Nothing happens to one that Stripe has taken already."""
    with engine.begin() as connection:
        row = store.payment_by(connection, "id", payment)
        assert row is not None
        refund = store.read_book(connection, row.campaign).payments[payment].refunds[reference]
    if refund.status is not RefundStatus.ASKED or row.payment_intent is None:
        return
    try:
        sent = gateway.refund(reference, row.payment_intent, refund.cents)
        told = Refund(refund.cents, sent.status, sent.stripe_id)
    except Conflict as refused:
        log.warning("refund %s: %s", reference, refused)
        told = Refund(refund.cents, RefundStatus.FAILED)
    with engine.begin() as connection:
        store.change_book(
            connection, row.campaign, partial(heard, payment=payment, fact=RefundHeard(reference, told))
        )


def _described(row: store.PaymentRow, book: Book) -> CardPayment:
    return CardPayment(row, book.payments[row.id], refundable_cents(book, row.id))


def _check_own(connection: Connection, owner: Address, campaign: int) -> None:
    if not store.owns(connection, owner, campaign):
        raise NotFound("campaign_unknown", f"you have no campaign {campaign}")


def _own_payment(connection: Connection, owner: Address, payment: int) -> store.PaymentRow:
    found = store.payment_of(connection, owner, payment)
    if found is None:
        raise NotFound("card_payment_unknown", f"you have no card payment {payment}")
    return found
