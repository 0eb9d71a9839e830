"""cards"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KINDS = (
    "'charge', 'earn', 'fee', 'dust', 'card_in', 'card_deposit', 'card_return', 'card_refund', 'card_dispute', 'card_fee'"
)


def upgrade() -> None:
    op.add_column("campaign", sa.Column("frozen", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    _ledger(_KINDS, "epoch is null and kind = 'charge'")
    op.create_table(
        "card_payment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        _text("account"),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        _text("reference"),
        sa.Column("asked_cents", sa.BigInteger(), nullable=False),
        _text("tier"),
        sa.Column("hold_seconds", sa.BigInteger(), nullable=False),
        _text("session", nullable=True),
        _text("checkout_url", nullable=True),
        _text("payment_intent", nullable=True),
        _zero("paid_cents"),
        _time("paid_at"),
        _time("hold_until"),
        _flag("over"),
        sa.Column("fee_cents", sa.BigInteger(), nullable=True),
        _text("status"),
        _created(),
        sa.CheckConstraint("asked_cents > 0 and paid_cents >= 0 and fee_cents >= 0", name="card_payment_amounts"),
        sa.CheckConstraint(
            "status in ('created', 'expired', 'held', 'cleared', 'depositing', 'deposited', 'frozen', 'disputed', "
            "'lost', 'refunded')",
            name="card_payment_status",
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
        sa.UniqueConstraint("payment_intent"),
    )
    _index("card_payment", "campaign_id")
    op.create_index("card_payment_account_created", "card_payment", ["account", "created_at"])
    for name, column, where in (
        ("card_payment_held", "hold_until", "status = 'held'"),
        ("card_payment_fee_unknown", "id", "paid_cents > 0 and fee_cents is null"),
        ("card_payment_open", "created_at", "status = 'created'"),
    ):
        op.create_index(name, "card_payment", [column], postgresql_where=sa.text(where))
    _what_befalls_payments()
    _treasury()
    _stripe()


def _ledger(kinds: str, open_transfers: str) -> None:
    op.drop_constraint("ledger_transfer_kind", "ledger_transfer")
    op.create_check_constraint("ledger_transfer_kind", "ledger_transfer", f"kind in ({kinds})")
    op.drop_index("ledger_transfer_open", "ledger_transfer")
    op.create_index("ledger_transfer_open", "ledger_transfer", ["id"], postgresql_where=sa.text(open_transfers))


def _what_befalls_payments() -> None:
    op.create_table(
        "card_refund",
        _text("reference"),
        _payment(),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        _text("status"),
        _text("stripe_id", nullable=True),
        _created(),
        sa.CheckConstraint("cents > 0", name="card_refund_positive"),
        sa.CheckConstraint(
            "status in ('asked', 'pending', 'requires_action', 'succeeded', 'failed', 'canceled')",
            name="card_refund_status",
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["card_payment.id"]),
        sa.PrimaryKeyConstraint("reference"),
    )
    op.create_index("card_refund_asked", "card_refund", ["created_at"], postgresql_where=sa.text("status = 'asked'"))
    op.create_table(
        "card_dispute",
        _text("dispute"),
        _payment(),
        *(_zero(name) for name in ("withdrawn_cents", "reinstated_cents", "fee_cents", "fee_returned_cents")),
        _text("outcome", nullable=True),
        _created(),
        sa.ForeignKeyConstraint(["payment_id"], ["card_payment.id"]),
        sa.PrimaryKeyConstraint("dispute"),
    )
    op.create_table(
        "card_warning",
        _text("warning"),
        _payment(),
        _flag("released"),
        _created(),
        sa.ForeignKeyConstraint(["payment_id"], ["card_payment.id"]),
        sa.PrimaryKeyConstraint("warning"),
    )
    for table in ("card_refund", "card_dispute", "card_warning"):
        _index(table, "payment_id")


def _treasury() -> None:
    op.create_table(
        "card_campaign",
        sa.Column("campaign_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("chain_campaign", sa.BigInteger(), nullable=True),
        _zero("returned_micro_usdc"),
        sa.PrimaryKeyConstraint("campaign_id"),
    )
    op.create_table(
        "treasury_order",
        _text("reference"),
        _payment(),
        sa.Column("amount_micro_usdc", sa.BigInteger(), nullable=False),
        _text("status"),
        _text("tx_hash", nullable=True),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        _created(),
        _time("done_at"),
        sa.CheckConstraint("amount_micro_usdc > 0", name="treasury_order_positive"),
        sa.CheckConstraint("status in ('waiting', 'signed', 'done')", name="treasury_order_status"),
        sa.ForeignKeyConstraint(["payment_id"], ["card_payment.id"]),
        sa.PrimaryKeyConstraint("reference"),
    )
    _index("treasury_order", "payment_id")
    still_open = sa.text("status <> 'done'")
    op.create_index("treasury_order_one_open", "treasury_order", ["payment_id"], unique=True, postgresql_where=still_open)
    op.create_index("treasury_order_open", "treasury_order", ["created_at"], postgresql_where=still_open)
    op.create_table(
        "treasury_transaction",
        _text("tx_hash"),
        _text("order_reference"),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("nonce", "max_fee_wei", "tip_wei")),
        _text("raw"),
        sa.Column("signed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["order_reference"], ["treasury_order.reference"]),
        sa.PrimaryKeyConstraint("tx_hash"),
    )
    _index("treasury_transaction", "order_reference")


def _stripe() -> None:
    op.create_table(
        "stripe_event",
        *(_text(name) for name in ("id", "type", "subject", "status")),
        sa.Column("fact", postgresql.JSONB(), nullable=True),
        sa.Column("stripe_created", sa.BigInteger(), nullable=False),
        _created(),
        sa.CheckConstraint("status in ('applied', 'parked', 'ignored')", name="stripe_event_status"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("stripe_event_parked", "stripe_event", ["subject"], postgresql_where=sa.text("status = 'parked'"))
    op.create_table(
        "onramp_session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        *(_text(name) for name in ("account", "reference", "network")),
        sa.Column("asked_micro_usdc", sa.BigInteger(), nullable=True),
        _text("stripe_id", nullable=True),
        _text("status"),
        sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        _created(),
        sa.CheckConstraint(
            "status in ('initialized', 'requires_payment', 'rejected', 'fulfillment_processing', 'fulfillment_complete')",
            name="onramp_session_status",
        ),
        sa.CheckConstraint("asked_micro_usdc > 0", name="onramp_session_positive"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
    )
    _index("onramp_session", "account")


def _text(name: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _zero(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _created() -> sa.Column[object]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _payment() -> sa.Column[int]:
    return sa.Column("payment_id", sa.BigInteger(), nullable=False)


def _index(table: str, column: str) -> None:
    op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade() -> None:
    for table in (
        "onramp_session", "stripe_event", "treasury_transaction", "treasury_order", "card_campaign", "card_warning",
        "card_dispute", "card_refund", "card_payment",
    ):
        op.drop_table(table)
    # the older ledger knows no such money; what is left of it balances
    op.execute("delete from ledger_transfer where kind like 'card\\_%'")
    op.execute("delete from ledger_account where account like 'card%' or account in ('stripe:balance', 'treasury')")
    _ledger("'charge', 'earn', 'fee', 'dust'", "epoch is null")
    op.drop_column("campaign", "frozen")
