"""Paying for campaigns by card over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from backend.api.access import Access
from backend.api.fields import After, Body, IdempotencyKey, Limit, PathId, next_after
from backend.api.problems import responses
from backend.auth.caller import Caller
from backend.auth.permissions import Permission
from backend.core.ids import Address, CampaignId
from backend.onramp.payment import DisputeOutcome, PaymentStatus, RefundStatus
from backend.onramp.service import CardPayment, CardService
from backend.onramp.tiers import Tier

PAYMENT_CENTS_MIN = 500
PAYMENT_CENTS_MAX = 99_999_999           # the most that Stripe takes at once

PaidCents = Annotated[StrictInt, Field(ge=PAYMENT_CENTS_MIN, le=PAYMENT_CENTS_MAX, description="US cents")]
RefundCents = Annotated[StrictInt, Field(ge=1, le=PAYMENT_CENTS_MAX, description="US cents")]


class PaymentBody(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount_cents": 25_000}]})
    amount_cents: PaidCents


class RefundBody(Body):
    """Without an amount, all that can be refunded."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount_cents": 10_000}]})
    amount_cents: RefundCents | None = None


class RefundAnswer(BaseModel):
    amount_cents: int
    status: RefundStatus


class DisputeAnswer(BaseModel):
    """`withdrawn_cents` the bank took, `reinstated_cents` it gave back; open while `outcome` is null."""

    withdrawn_cents: int
    reinstated_cents: int
    outcome: DisputeOutcome | None


class PaymentAnswer(BaseModel):
    """A payment by card. It is held until `hold_until`, then the treasury deposits it on chain, one US dollar for one
    USDC. `refundable_cents` can go back to the card now, and nowhere else."""

    id: int
    campaign_id: int
    status: PaymentStatus
    amount_cents: int
    paid_cents: int
    refunded_cents: int
    refundable_cents: int
    deposited_micro_usdc: int
    tier: Tier
    hold_until: datetime | None
    checkout_url: str | None = Field(description="where the cardholder pays; null once that is over")
    refunds: list[RefundAnswer]
    disputes: list[DisputeAnswer]
    created_at: datetime


class PaymentPage(BaseModel):
    items: list[PaymentAnswer]
    next_after: int | None


def router(service: CardService, access: Access) -> APIRouter:
    """Routes of card payments: those of their owners, and those of the operator's people."""
    api = APIRouter(prefix="/v1", tags=["cards"])
    _add_paying(api, service, access)
    _add_review(api, service, access)
    return api


def _add_paying(api: APIRouter, service: CardService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CARDS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.CARDS_WRITE))]

    @api.post("/campaigns/{campaign}/card-payments", status_code=201, summary="Pay into a campaign by card",
              responses=responses(401, 403, 404, 409))
    def pay(campaign: PathId, body: PaymentBody, owner: Writer, key: IdempotencyKey = None) -> PaymentAnswer:
        return _answer(service.pay(owner, CampaignId(campaign), body.amount_cents, key=key))

    @api.get("/campaigns/{campaign}/card-payments", summary="Card payments of a campaign",
             responses=responses(401, 403, 404))
    def page(campaign: PathId, owner: Reader, after: After = 0, limit: Limit = 50) -> PaymentPage:
        return _page(service.payments(owner, CampaignId(campaign), after=after, limit=limit), limit)

    @api.get("/card-payments/{payment}", summary="One card payment", responses=responses(401, 403, 404))
    def read(payment: PathId, owner: Reader) -> PaymentAnswer:
        return _answer(service.payment(owner, payment))

    @api.post("/card-payments/{payment}/refunds", status_code=201, summary="Send unspent money back to the card",
              responses=responses(401, 403, 404, 409))
    def refund(payment: PathId, body: RefundBody, owner: Writer, key: IdempotencyKey = None) -> PaymentAnswer:
        return _answer(service.refund(owner, payment, body.amount_cents, key=key))


def _add_review(api: APIRouter, service: CardService, access: Access) -> None:
    Reviewer = Annotated[Caller, Depends(access.may(Permission.ADMIN_READ))]
    Releaser = Annotated[Caller, Depends(access.may(Permission.ADMIN_WRITE))]

    @api.get("/admin/card-payments", summary="Payments that an early fraud warning froze",
             responses=responses(401, 403))
    def frozen(_: Reviewer, after: After = 0, limit: Limit = 50) -> PaymentPage:
        return _page(service.to_review(after=after, limit=limit), limit)

    @api.post("/admin/card-payments/{payment}/release", summary="Let a payment go on after a look at its warnings",
              responses=responses(401, 403, 404, 409))
    def release(payment: PathId, _: Releaser) -> PaymentAnswer:
        return _answer(service.release(payment))


def _page(found: list[CardPayment], limit: int) -> PaymentPage:
    items = [_answer(payment) for payment in found]
    return PaymentPage(items=items, next_after=next_after([item.id for item in items], limit))


def _answer(found: CardPayment) -> PaymentAnswer:
    row, payment = found.row, found.payment
    return PaymentAnswer(
        id=row.id, campaign_id=row.campaign, status=payment.status, amount_cents=row.asked_cents,
        paid_cents=payment.paid_cents, refunded_cents=payment.refunded_cents, refundable_cents=found.refundable_cents,
        deposited_micro_usdc=payment.deposited_micro_usdc, tier=Tier(row.tier), hold_until=payment.hold_until,
        checkout_url=row.checkout_url if payment.status is PaymentStatus.CREATED else None,
        refunds=[RefundAnswer(amount_cents=one.cents, status=one.status) for one in payment.refunds.values()],
        disputes=[
            DisputeAnswer(withdrawn_cents=one.withdrawn_cents, reinstated_cents=one.reinstated_cents,
                          outcome=one.outcome)
            for one in payment.disputes.values()
        ],
        created_at=row.created_at,
    )
