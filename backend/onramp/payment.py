"""One card payment: all that Stripe told about it and what we did with it; its status follows. Pure.

Facts only grow: each is joined to what is known, so their order and their repetition change nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from backend.onramp.cents import micro_usdc


class PaymentStatus(StrEnum):
    """created → held → cleared → depositing → deposited, unless something happens to it.

    `created` is an open Checkout, `cleared` waits for the treasury, `depositing` is signed. `frozen` (early fraud
    warning) and `disputed` stop the campaign; a dispute that is won gives back the status from before.
    """

    CREATED = "created"
    EXPIRED = "expired"
    HELD = "held"
    CLEARED = "cleared"
    DEPOSITING = "depositing"
    DEPOSITED = "deposited"
    FROZEN = "frozen"
    DISPUTED = "disputed"
    LOST = "lost"
    REFUNDED = "refunded"


class RefundStatus(StrEnum):
    """`asked` is ours until Stripe answers; the others are Stripe's. Their order is that of time."""

    ASKED = "asked"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class DisputeOutcome(StrEnum):
    """How a dispute ended. `warning_closed` and `prevented` moved no money."""

    WON = "won"
    LOST = "lost"
    WARNING_CLOSED = "warning_closed"
    PREVENTED = "prevented"


class OrderStatus(StrEnum):
    """A deposit by the treasury: waiting → signed → done. Only what is waiting can be called off."""

    WAITING = "waiting"
    SIGNED = "signed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back to the card; counted from the moment it is asked for."""

    cents: int
    status: RefundStatus
    stripe_id: str | None = None

    @property
    def counts(self) -> bool:
        return self.status not in (RefundStatus.FAILED, RefundStatus.CANCELED)

    def joined(self, later: "Refund") -> "Refund":
        """Both, whichever came first."""
        order = list(RefundStatus)
        newest = max(self.status, later.status, key=order.index)
        return Refund(max(self.cents, later.cents), newest, self.stripe_id or later.stripe_id)


@dataclass(frozen=True, slots=True)
class Dispute:
    """What the bank took and gave back so far, and what Stripe asked for it. Open while `outcome` is None."""

    withdrawn_cents: int = 0
    reinstated_cents: int = 0
    fee_cents: int = 0
    fee_returned_cents: int = 0
    outcome: DisputeOutcome | None = None

    def joined(self, other: "Dispute") -> "Dispute":
        """Both, whichever came first: money moves at most once in each direction."""
        outcomes = [outcome for outcome in (self.outcome, other.outcome) if outcome]
        return Dispute(
            max(self.withdrawn_cents, other.withdrawn_cents), max(self.reinstated_cents, other.reinstated_cents),
            max(self.fee_cents, other.fee_cents), max(self.fee_returned_cents, other.fee_returned_cents),
            min(outcomes) if outcomes else None,
        )


@dataclass(frozen=True, slots=True)
class Order:
    """A deposit that the treasury owes, or has made when `done`."""

    amount_micro_usdc: int
    status: OrderStatus = OrderStatus.WAITING


@dataclass(frozen=True, slots=True)
class Payment:
    """Facts about one payment. Refunds are by our reference (or Stripe's id), disputes and warnings by Stripe's id,
    orders by ours. A warning is True once a person released it."""

    id: int
    campaign: int
    asked_cents: int
    hold_seconds: int
    paid_cents: int = 0
    paid_at: datetime | None = None
    over: bool = False
    fee_cents: int | None = None
    refunds: Mapping[str, Refund] = field(default_factory=dict)
    disputes: Mapping[str, Dispute] = field(default_factory=dict)
    warnings: Mapping[str, bool] = field(default_factory=dict)
    orders: Mapping[str, Order] = field(default_factory=dict)

    # -- money -------------------------------------------------------------------------------------------------------

    @property
    def refunded_cents(self) -> int:
        return sum(refund.cents for refund in self.refunds.values() if refund.counts)

    @property
    def disputed_cents(self) -> int:
        """What banks took and did not give back."""
        return sum(one.withdrawn_cents - one.reinstated_cents for one in self.disputes.values())

    @property
    def fees_cents(self) -> int:
        """What Stripe kept, for the payment and its disputes."""
        fees = sum(one.fee_cents - one.fee_returned_cents for one in self.disputes.values())
        return fees + (self.fee_cents or 0)

    @property
    def left_cents(self) -> int:
        """What of the payment is still ours, on chain or not."""
        return self.paid_cents - self.refunded_cents - self.disputed_cents

    @property
    def deposited_micro_usdc(self) -> int:
        return self._ordered(OrderStatus.DONE)

    @property
    def outstanding_micro_usdc(self) -> int:
        """What the treasury is about to deposit."""
        return self._ordered(OrderStatus.WAITING) + self._ordered(OrderStatus.SIGNED)

    @property
    def undeposited_micro_usdc(self) -> int:
        """What of the payment no deposit was ordered for; below zero when banks took what is deposited."""
        return micro_usdc(self.left_cents) - self.deposited_micro_usdc - self.outstanding_micro_usdc

    @property
    def waits_for_too_much(self) -> bool:
        """Whether a deposit waits that the payment does not cover any more."""
        return self.undeposited_micro_usdc < 0 < self._ordered(OrderStatus.WAITING)

    def _ordered(self, status: OrderStatus) -> int:
        return sum(order.amount_micro_usdc for order in self.orders.values() if order.status is status)

    # -- standing ----------------------------------------------------------------------------------------------------

    @property
    def hold_until(self) -> datetime | None:
        return self.paid_at and self.paid_at + timedelta(seconds=self.hold_seconds)

    @property
    def has_open_dispute(self) -> bool:
        return any(dispute.outcome is None for dispute in self.disputes.values())

    @property
    def is_lost(self) -> bool:
        return any(dispute.outcome is DisputeOutcome.LOST for dispute in self.disputes.values())

    @property
    def is_refunded(self) -> bool:
        return 0 < self.paid_cents <= self.refunded_cents

    @property
    def freezes(self) -> bool:
        """Whether the campaign must stand still: a dispute is open, or a warning that nobody has looked at."""
        warned = not self.is_refunded and not all(self.warnings.values())
        return self.paid_cents > 0 and (self.has_open_dispute or warned)

    @property
    def status(self) -> PaymentStatus:
        """What people are told; the first that fits."""
        statuses = {order.status for order in self.orders.values()}
        told: tuple[tuple[bool, PaymentStatus], ...] = (
            (self.paid_cents == 0 and self.over, PaymentStatus.EXPIRED),
            (self.paid_cents == 0, PaymentStatus.CREATED),
            (self.has_open_dispute, PaymentStatus.DISPUTED),
            (self.is_lost, PaymentStatus.LOST),
            (self.is_refunded, PaymentStatus.REFUNDED),
            (self.freezes, PaymentStatus.FROZEN),
            (OrderStatus.SIGNED in statuses, PaymentStatus.DEPOSITING),
            (OrderStatus.WAITING in statuses, PaymentStatus.CLEARED),
            (self.undeposited_micro_usdc > 0, PaymentStatus.HELD),
        )
        return next((status for fits, status in told if fits), PaymentStatus.DEPOSITED)


# ---- what can be heard of a payment --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Paid:
    """A Checkout was paid."""

    cents: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Over:
    """A Checkout ended without money."""


@dataclass(frozen=True, slots=True)
class RefundHeard:
    refund: str
    what: Refund


@dataclass(frozen=True, slots=True)
class DisputeHeard:
    dispute: str
    what: Dispute


@dataclass(frozen=True, slots=True)
class Warned:
    warning: str


@dataclass(frozen=True, slots=True)
class FeeHeard:
    """What Stripe kept of the payment."""

    cents: int


PaymentFact = Paid | Over | RefundHeard | DisputeHeard | Warned | FeeHeard


def hear(payment: Payment, fact: PaymentFact) -> Payment:
    """The payment with a fact joined to it."""
    match fact:
        case Paid(cents, at):
            first = min(at, payment.paid_at or at)
            return replace(payment, paid_cents=max(cents, payment.paid_cents), paid_at=first)
        case Over():
            return replace(payment, over=True)
        case RefundHeard(name, refund):
            known = payment.refunds.get(name)
            return replace(payment, refunds={**payment.refunds, name: known.joined(refund) if known else refund})
        case DisputeHeard(name, dispute):
            joined = payment.disputes.get(name, Dispute()).joined(dispute)
            return replace(payment, disputes={**payment.disputes, name: joined})
        case Warned(name):
            return replace(payment, warnings={name: False, **payment.warnings})
        case FeeHeard(cents):
            return replace(payment, fee_cents=max(cents, payment.fee_cents or 0))


# ---- what the account is told --------------------------------------------------------------------------------------

_NEWS: Mapping[PaymentStatus, str] = {
    PaymentStatus.EXPIRED: "expired", PaymentStatus.DEPOSITED: "deposited", PaymentStatus.FROZEN: "frozen",
    PaymentStatus.DISPUTED: "disputed", PaymentStatus.LOST: "lost", PaymentStatus.REFUNDED: "refunded",
}


def news(before: PaymentStatus, after: PaymentStatus) -> str | None:
    """The past participle for an account's notice when a status changes; None when it is not worth telling.

    >>> news(PaymentStatus.CREATED, PaymentStatus.HELD), news(PaymentStatus.DISPUTED, PaymentStatus.DEPOSITED)
    ('paid', 'released')
    """
    if before is after:
        return None
    if before in (PaymentStatus.FROZEN, PaymentStatus.DISPUTED) and after not in (
        PaymentStatus.FROZEN, PaymentStatus.DISPUTED, PaymentStatus.LOST, PaymentStatus.REFUNDED
    ):
        return "released"
    if after is PaymentStatus.HELD and before in (PaymentStatus.CREATED, PaymentStatus.EXPIRED):
        return "paid"
    return _NEWS.get(after)
