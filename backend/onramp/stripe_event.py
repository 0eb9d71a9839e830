"""What a webhook of Stripe tells: the few fields that we need, as a fact about a payment or an onramp session. Pure.

Everything else in an event is left out at once: names, addresses and e-mail of cardholders are never stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec

from backend.core.errors import BadRequest
from backend.onramp.onramp_session import OnrampStatus
from backend.onramp.payment import (
    Dispute,
    DisputeHeard,
    DisputeOutcome,
    Over,
    Paid,
    PaymentFact,
    Refund,
    RefundHeard,
    RefundStatus,
    Warned,
)

PAYMENT_METADATA = "sightline_payment"
REFUND_METADATA = "sightline_refund"
ONRAMP_METADATA = "sightline_onramp"

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Cents = Annotated[int, msgspec.Meta(ge=0, le=10**13)]
_Signed = Annotated[int, msgspec.Meta(ge=-(10**13), le=10**13)]
_Metadata = Mapping[str, str]


class _Checkout(msgspec.Struct, frozen=True):
    id: _Id
    payment_status: str = ""
    amount_total: _Cents | None = None
    currency: str | None = None
    payment_intent: str | None = None
    metadata: _Metadata | None = None


class _Refund(msgspec.Struct, frozen=True):
    id: _Id
    amount: _Cents
    currency: str
    status: str | None = None
    payment_intent: str | None = None
    metadata: _Metadata | None = None


class _Warning(msgspec.Struct, frozen=True):
    id: _Id
    payment_intent: str | None = None


class _Movement(msgspec.Struct, frozen=True):
    """A balance transaction of a dispute: what it took from our balance (below zero) or gave back, and the fee."""

    amount: _Signed
    fee: _Signed
    currency: str


class _Dispute(msgspec.Struct, frozen=True):
    id: _Id
    status: str
    payment_intent: str | None = None
    balance_transactions: tuple[_Movement, ...] = ()


class _Details(msgspec.Struct, frozen=True, omit_defaults=True):
    destination_amount: str | None = None
    destination_currency: str | None = None
    destination_network: str | None = None
    source_amount: str | None = None
    source_currency: str | None = None
    transaction_id: str | None = None


class _Onramp(msgspec.Struct, frozen=True):
    id: _Id
    status: str
    transaction_details: _Details | None = None
    metadata: _Metadata | None = None


class _Data(msgspec.Struct, frozen=True):
    object: msgspec.Raw


class _Event(msgspec.Struct, frozen=True):
    id: _Id
    created: Annotated[int, msgspec.Meta(ge=0, le=10**11)]
    data: _Data
    type: Annotated[str, msgspec.Meta(max_length=255)] = ""


class _Kind(msgspec.Struct, frozen=True):
    object: str = ""


_Object = _Checkout | _Refund | _Warning | _Dispute | _Onramp

# The guide of Stripe writes the last underscore, much public code a dot; both are sent.
ONRAMP_TYPES = ("crypto.onramp_session_updated", "crypto.onramp_session.updated")
_OBJECTS: Mapping[str, type[_Object]] = {
    "checkout.session.completed": _Checkout,
    "checkout.session.async_payment_succeeded": _Checkout,
    "checkout.session.async_payment_failed": _Checkout,
    "checkout.session.expired": _Checkout,
    "refund.created": _Refund,
    "refund.updated": _Refund,
    "refund.failed": _Refund,
    "charge.refund.updated": _Refund,
    "radar.early_fraud_warning.created": _Warning,
    "radar.early_fraud_warning.updated": _Warning,
    "charge.dispute.created": _Dispute,
    "charge.dispute.updated": _Dispute,
    "charge.dispute.funds_withdrawn": _Dispute,
    "charge.dispute.funds_reinstated": _Dispute,
    "charge.dispute.closed": _Dispute,
    **dict.fromkeys(ONRAMP_TYPES, _Onramp),
}
EVENT_TYPES = tuple(_OBJECTS)
_UNPAID = ("checkout.session.async_payment_failed", "checkout.session.expired")


@dataclass(frozen=True, slots=True)
class OfPayment:
    """A fact about the payment of our `reference`, or about the one with this `payment_intent`."""

    fact: PaymentFact
    payment_intent: str | None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class OfOnramp:
    """A new standing of an onramp session of Stripe's id, or of our `reference`. `details` are for people only."""

    session: str
    reference: str | None
    status: OnrampStatus
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """An event, and what it means for us: nothing when `about` is None. `kept` is its JSON without personal data."""

    id: str
    type: str
    created: int
    about: OfPayment | OfOnramp | None
    kept: Mapping[str, object] | None


def read(body: bytes) -> StripeEvent:
    """The event in a body. Raises BadRequest `webhook_malformed` when it is not one, or lacks what its type needs."""
    event = _decoded(body, _Event)
    kind = event.type or _guessed(event)
    described = _OBJECTS.get(kind)
    if described is None:
        return StripeEvent(event.id, kind, event.created, None, None)
    found = _decoded(event.data.object, described)
    kept = {"id": event.id, "type": kind, "created": event.created, "data": {"object": msgspec.to_builtins(found)}}
    return StripeEvent(event.id, kind, event.created, _about(kind, found, event.created), kept)


def _guessed(event: _Event) -> str:
    """The onramp's guide shows an event without a type."""
    is_onramp = _decoded(event.data.object, _Kind).object == "crypto.onramp_session"
    return ONRAMP_TYPES[0] if is_onramp else ""


Decoded = TypeVar("Decoded")


def _decoded(body: bytes | msgspec.Raw, described: type[Decoded]) -> Decoded:
    try:
        return msgspec.json.decode(body, type=described)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("webhook_malformed", f"not an event of Stripe: {str(error)[:200]}") from error


def _about(kind: str, found: _Object, created: int) -> OfPayment | OfOnramp | None:
    match found:
        case _Checkout():
            return _checkout(kind, found, created)
        case _Refund():
            return _refund(found)
        case _Warning():
            return OfPayment(Warned(found.id), found.payment_intent)
        case _Dispute():
            return _dispute(found)
        case _Onramp():
            return _onramp(found)


def _checkout(kind: str, found: _Checkout, created: int) -> OfPayment | None:
    reference = (found.metadata or {}).get(PAYMENT_METADATA)
    if reference is None:
        return None
    if kind in _UNPAID:
        return OfPayment(Over(), found.payment_intent, reference)
    if found.payment_status != "paid" or found.currency != "usd" or not found.amount_total:
        return None
    return OfPayment(Paid(found.amount_total, datetime.fromtimestamp(created, UTC)), found.payment_intent, reference)


def _refund(found: _Refund) -> OfPayment | None:
    if found.currency != "usd" or found.amount == 0:
        return None
    status = _member(RefundStatus, found.status) or RefundStatus.PENDING
    name = (found.metadata or {}).get(REFUND_METADATA, found.id)
    return OfPayment(RefundHeard(name, Refund(found.amount, status, found.id)), found.payment_intent)


def _dispute(found: _Dispute) -> OfPayment:
    moved = [one for one in found.balance_transactions if one.currency == "usd"]
    dispute = Dispute(
        withdrawn_cents=-sum(one.amount for one in moved if one.amount < 0),
        reinstated_cents=sum(one.amount for one in moved if one.amount > 0),
        fee_cents=sum(one.fee for one in moved if one.fee > 0),
        fee_returned_cents=-sum(one.fee for one in moved if one.fee < 0),
        outcome=_member(DisputeOutcome, found.status),
    )
    return OfPayment(DisputeHeard(found.id, dispute), found.payment_intent)


def _onramp(found: _Onramp) -> OfOnramp | None:
    status = _member(OnrampStatus, found.status)
    if status is None:
        return None
    details = msgspec.to_builtins(found.transaction_details or _Details())
    return OfOnramp(found.id, (found.metadata or {}).get(ONRAMP_METADATA), status, details)


Member = TypeVar("Member", RefundStatus, DisputeOutcome, OnrampStatus)


def _member(values: type[Member], text: str | None) -> Member | None:
    """The member with this value; None when there is none."""
    return next((member for member in values if member.value == text), None)
