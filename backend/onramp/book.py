"""All card money of one campaign: what may be deposited, refunded, and when the campaign must stand still. Pure.

A campaign's card account = Σ of its payments (paid − refunded − taken by banks) − deposited + returned by the treasury.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from backend.core.errors import Conflict
from backend.core.transfers import CARD_FEE_ACCOUNT, STRIPE_ACCOUNT, TREASURY_ACCOUNT, Transfer, card_account
from backend.onramp.cents import micro_usdc, whole_cents
from backend.onramp.payment import (
    Order,
    OrderStatus,
    Payment,
    PaymentFact,
    PaymentStatus,
    Refund,
    RefundStatus,
    hear,
)


@dataclass(frozen=True, slots=True)
class Book:
    """The payments of a campaign by id. `returned_micro_usdc` is what the treasury withdrew from its escrow account."""

    campaign: int
    payments: Mapping[int, Payment] = field(default_factory=dict)
    returned_micro_usdc: int = 0

    @property
    def balance_micro_usdc(self) -> int:
        """The campaign's card account. Below zero when banks took back what is deposited."""
        left = sum(micro_usdc(payment.left_cents) for payment in self.payments.values())
        deposited = sum(payment.deposited_micro_usdc for payment in self.payments.values())
        return left - deposited + self.returned_micro_usdc

    @property
    def free_micro_usdc(self) -> int:
        """What of the balance no deposit is on its way for."""
        return self.balance_micro_usdc - sum(payment.outstanding_micro_usdc for payment in self.payments.values())

    @property
    def frozen(self) -> bool:
        """Whether the campaign must neither serve nor be deposited for."""
        return self.balance_micro_usdc < 0 or any(payment.freezes for payment in self.payments.values())

    def with_payment(self, payment: Payment) -> "Book":
        return replace(self, payments={**self.payments, payment.id: payment})


def heard(book: Book, payment: int, fact: PaymentFact) -> Book:
    """The book after a fact. Deposits that only wait are called off when one of them must not be made any more; what
    may still be deposited clears again."""
    after = book.with_payment(hear(book.payments[payment], fact))
    too_much = after.free_micro_usdc < 0 or any(one.waits_for_too_much for one in after.payments.values())
    return _without_waiting(after) if after.frozen or too_much else after


def released(book: Book, payment: int) -> Book:
    """The book after a person has looked at all warnings of a payment. Raises Conflict `nothing_to_release`."""
    found = book.payments[payment]
    if found.status is not PaymentStatus.FROZEN:
        raise Conflict("nothing_to_release", "no warning freezes this payment")
    return book.with_payment(replace(found, warnings=dict.fromkeys(found.warnings, True)))


def returned(book: Book, total_micro_usdc: int) -> Book:
    """The book when the treasury has withdrawn this much in all from the campaign's escrow account."""
    return replace(book, returned_micro_usdc=max(total_micro_usdc, book.returned_micro_usdc))


# ---- deposits ------------------------------------------------------------------------------------------------------


def cleared(book: Book, payment: int, order: str, now: datetime) -> Book:
    """The book with a deposit ordered for a payment whose hold is over; unchanged while it must not be.

    A payment of 100 into a campaign that owes 30, because a bank took 30 that are on chain, gives a deposit of 70.
    """
    found = book.payments[payment]
    amount = min(found.undeposited_micro_usdc, book.free_micro_usdc)
    on_hold = found.hold_until is None or now < found.hold_until
    if book.frozen or on_hold or found.status is not PaymentStatus.HELD or amount <= 0:
        return book
    return book.with_payment(replace(found, orders={**found.orders, order: Order(amount)}))


def signed(book: Book, payment: int, order: str) -> Book:
    """The book with a deposit that is about to be sent: from here on nothing calls it off.

    Raises Conflict `deposit_called_off` unless it still waits and may be made.
    """
    found = book.payments[payment]
    ordered = found.orders.get(order)
    if ordered is None or ordered.status is not OrderStatus.WAITING or book.frozen or book.free_micro_usdc < 0:
        raise Conflict("deposit_called_off", f"the deposit {order} must not be made any more")
    return _with_order(book, found, order, OrderStatus.SIGNED)


def unsigned(book: Book, payment: int, order: str) -> Book:
    """The book after a signed deposit can never be mined any more, or was mined in vain: it waits again."""
    return _with_order(book, book.payments[payment], order, OrderStatus.WAITING)


def deposited(book: Book, payment: int, order: str) -> Book:
    """The book after the chain has the deposit for good."""
    return _with_order(book, book.payments[payment], order, OrderStatus.DONE)


def _with_order(book: Book, payment: Payment, order: str, status: OrderStatus) -> Book:
    changed = replace(payment.orders[order], status=status)
    return book.with_payment(replace(payment, orders={**payment.orders, order: changed}))


def _without_waiting(book: Book) -> Book:
    kept = {
        number: replace(payment, orders={
            name: order for name, order in payment.orders.items() if order.status is not OrderStatus.WAITING
        })
        for number, payment in book.payments.items()
    }
    return replace(book, payments=kept)


# ---- refunds -------------------------------------------------------------------------------------------------------


def refundable_cents(book: Book, payment: int) -> int:
    """What can go back to the card of a payment: its own money that is neither on chain nor with a bank."""
    return refundable(book)[payment]


def refundable(book: Book) -> dict[int, int]:
    """The same of all payments: what is free is reckoned once, since a page shows many."""
    free = whole_cents(_without_waiting(book).free_micro_usdc)
    return {
        payment.id: 0 if payment.has_open_dispute else max(0, min(payment.left_cents, free))
        for payment in book.payments.values()
    }


def refund_asked(book: Book, payment: int, refund: str, cents: int | None) -> Book:
    """The book with a refund to the card that paid; all that can be refunded when `cents` is None.

    Raises Conflict `nothing_to_refund` when it is more than what is unspent and not on chain.
    """
    most = refundable_cents(book, payment)
    amount = most if cents is None else cents
    if amount > most or amount <= 0:
        raise Conflict("nothing_to_refund", f"{most} cents can be refunded now", refundable_cents=most)
    found = book.payments[payment]
    refunds = {**found.refunds, refund: Refund(amount, RefundStatus.ASKED)}
    return _without_waiting(book.with_payment(replace(found, refunds=refunds)))


# ---- the ledger ----------------------------------------------------------------------------------------------------


def transfers(before: Book, after: Book) -> list[Transfer]:
    """The double entries that lead from one book to the next: none when nothing of money changed."""
    account = card_account(after.campaign)
    moved = [("card_return", TREASURY_ACCOUNT, account, after.returned_micro_usdc - before.returned_micro_usdc)]
    for number, payment in after.payments.items():
        known = before.payments.get(number) or Payment(number, after.campaign, payment.asked_cents, 0)
        cents = micro_usdc
        moved += [
            ("card_in", STRIPE_ACCOUNT, account, cents(payment.paid_cents - known.paid_cents)),
            ("card_refund", account, STRIPE_ACCOUNT, cents(payment.refunded_cents - known.refunded_cents)),
            ("card_dispute", account, STRIPE_ACCOUNT, cents(payment.disputed_cents - known.disputed_cents)),
            ("card_fee", CARD_FEE_ACCOUNT, STRIPE_ACCOUNT, cents(payment.fees_cents - known.fees_cents)),
            ("card_deposit", account, TREASURY_ACCOUNT, payment.deposited_micro_usdc - known.deposited_micro_usdc),
        ]
    return [
        Transfer(kind, debit, credit, amount) if amount > 0 else Transfer(kind, credit, debit, -amount)
        for kind, debit, credit, amount in moved if amount
    ]
