"""Money that comes by card or by onramp, and the treasury's transactions for it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, created, json_object, row_id, when


def _cents() -> Any:
    return big(server_default=text("0"))


class CardPayment(SQLModel, table=True):
    """One Checkout of Stripe for a campaign. Cents are US dollars; what follows from them is in onramp/payment.py.

    `reference` is our name for it at Stripe. `status` is kept for reading; it follows from the rest of the facts.
    """

    __tablename__ = "card_payment"
    __table_args__ = (
        CheckConstraint("asked_cents > 0 and paid_cents >= 0 and fee_cents >= 0", name="card_payment_amounts"),
        CheckConstraint(
            "status in ('created', 'expired', 'held', 'cleared', 'depositing', 'deposited', 'frozen', 'disputed', "
            "'lost', 'refunded')",
            name="card_payment_status",
        ),
        Index("card_payment_frozen", "id", postgresql_where=text("status = 'frozen'")),
        Index("card_payment_held", "hold_until", postgresql_where=text("status = 'held'")),
        Index("card_payment_account_created", "account", "created_at"),
        Index("card_payment_fee_unknown", "id", postgresql_where=text("paid_cents > 0 and fee_cents is null")),
        Index("card_payment_open", "created_at", postgresql_where=text("status = 'created'")),
    )

    id: int | None = row_id()
    account: str = Field(sa_type=Text)
    campaign_id: int = Field(sa_type=BigInteger, foreign_key="campaign.id", index=True)
    reference: str = Field(sa_type=Text, unique=True)
    asked_cents: int = big()
    tier: str = Field(sa_type=Text)
    hold_seconds: int = big()
    session: str | None = Field(default=None, sa_type=Text)
    checkout_url: str | None = Field(default=None, sa_type=Text)
    payment_intent: str | None = Field(default=None, sa_column=Column(Text, unique=True))
    paid_cents: int = _cents()
    paid_at: datetime | None = when()
    hold_until: datetime | None = when()
    over: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    fee_cents: int | None = big(nullable=True)      # what Stripe kept of the payment; null until it is asked
    status: str = Field(default="created", sa_type=Text)
    created_at: datetime | None = created()


class CardRefund(SQLModel, table=True):
    """Money on its way back to the card. `asked` until Stripe has taken it; failed and canceled ones do not count."""

    __tablename__ = "card_refund"
    __table_args__ = (
        CheckConstraint("cents > 0", name="card_refund_positive"),
        CheckConstraint(
            "status in ('asked', 'pending', 'requires_action', 'succeeded', 'failed', 'canceled')",
            name="card_refund_status",
        ),
        Index("card_refund_asked", "created_at", postgresql_where=text("status = 'asked'")),
    )

    reference: str = Field(primary_key=True, sa_type=Text)      # ours, or Stripe's id when its dashboard refunded
    payment_id: int = Field(sa_type=BigInteger, foreign_key="card_payment.id", index=True)
    cents: int = big()
    status: str = Field(sa_type=Text)
    stripe_id: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = created()


class CardDispute(SQLModel, table=True):
    """A dispute or inquiry of the cardholder's bank; open while `outcome` is null."""

    __tablename__ = "card_dispute"

    dispute: str = Field(primary_key=True, sa_type=Text)
    payment_id: int = Field(sa_type=BigInteger, foreign_key="card_payment.id", index=True)
    withdrawn_cents: int = _cents()
    reinstated_cents: int = _cents()
    fee_cents: int = _cents()
    fee_returned_cents: int = _cents()
    outcome: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = created()


class CardWarning(SQLModel, table=True):
    """An early fraud warning of the card's network; it freezes until a person releases it."""

    __tablename__ = "card_warning"

    warning: str = Field(primary_key=True, sa_type=Text)
    payment_id: int = Field(sa_type=BigInteger, foreign_key="card_payment.id", index=True)
    released: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    created_at: datetime | None = created()


class CardCampaign(SQLModel, table=True):
    """The escrow account that the treasury opened for a campaign, and what it withdrew from there again."""

    __tablename__ = "card_campaign"

    campaign_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    chain_campaign: int | None = big(nullable=True)
    returned_micro_usdc: int = big(server_default=text("0"))


class TreasuryOrder(SQLModel, table=True):
    """Outbox: a deposit that the treasury owes a campaign. One at a time for a payment, and it is carried out once."""

    __tablename__ = "treasury_order"
    __table_args__ = (
        CheckConstraint("amount_micro_usdc > 0", name="treasury_order_positive"),
        CheckConstraint("status in ('waiting', 'signed', 'done')", name="treasury_order_status"),
        Index("treasury_order_one_open", "payment_id", unique=True, postgresql_where=text("status <> 'done'")),
        Index("treasury_order_open", "created_at", postgresql_where=text("status <> 'done'")),
    )

    reference: str = Field(primary_key=True, sa_type=Text)
    payment_id: int = Field(sa_type=BigInteger, foreign_key="card_payment.id", index=True)
    amount_micro_usdc: int = big()
    status: str = Field(sa_type=Text)
    tx_hash: str | None = Field(default=None, sa_type=Text)
    block_number: int | None = big(nullable=True)
    created_at: datetime | None = created()
    done_at: datetime | None = when()


class TreasuryTransaction(SQLModel, table=True):
    """A signed transaction for an order, stored before it is sent. Those of one order and nonce exclude each other."""

    __tablename__ = "treasury_transaction"

    tx_hash: str = Field(primary_key=True, sa_type=Text)
    order_reference: str = Field(sa_type=Text, foreign_key="treasury_order.reference", index=True)
    nonce: int = big()
    max_fee_wei: int = big()
    tip_wei: int = big()
    raw: str = Field(sa_type=Text)
    signed_at: datetime | None = created()


class StripeEvent(SQLModel, table=True):
    """An event that Stripe told us, once by its id. `fact` is what we took from it, without personal data.

    parked: about a payment that we do not know yet, named by `subject`; it is applied when we do.
    """

    __tablename__ = "stripe_event"
    __table_args__ = (
        CheckConstraint("status in ('applied', 'parked', 'ignored')", name="stripe_event_status"),
        Index("stripe_event_parked", "subject", postgresql_where=text("status = 'parked'")),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    type: str = Field(sa_type=Text)
    subject: str = Field(default="", sa_type=Text)
    status: str = Field(sa_type=Text)
    fact: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    stripe_created: int = big()
    created_at: datetime | None = created()


class OnrampSession(SQLModel, table=True):
    """A purchase of USDC by an advertiser at Stripe, straight to the own wallet. Never credited: the chain is."""

    __tablename__ = "onramp_session"
    __table_args__ = (
        CheckConstraint(
            "status in ('initialized', 'requires_payment', 'rejected', 'fulfillment_processing', "
            "'fulfillment_complete')",
            name="onramp_session_status",
        ),
        CheckConstraint("asked_micro_usdc > 0", name="onramp_session_positive"),
    )

    id: int | None = row_id()
    account: str = Field(sa_type=Text, index=True)
    reference: str = Field(sa_type=Text, unique=True)
    network: str = Field(sa_type=Text)
    asked_micro_usdc: int | None = big(nullable=True)
    stripe_id: str | None = Field(default=None, sa_type=Text)
    status: str = Field(default="initialized", sa_type=Text)
    details: dict[str, Any] = json_object()
    created_at: datetime | None = created()
