"""billing"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "billing_profile",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "billing_counter",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "year"),
    )
    op.create_table(
        "billing_document",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("number", "kind", "account")),
        *(sa.Column(name, sa.Date(), nullable=False) for name in ("issued_on", "from_day", "to_day")),
        sa.Column("gross_micro_usdc", sa.BigInteger(), nullable=False),
        sa.Column("to_epoch", sa.BigInteger(), nullable=True),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind in ('invoice', 'self_billing')", name="billing_document_kind"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
        sa.UniqueConstraint("kind", "account", "to_day", name="billing_document_once"),
    )
    op.create_index("billing_document_account", "billing_document", ["account", "id"])
    op.create_table(
        "billed_campaign",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("billed_micro_usdc", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id"),
    )
    op.create_table(
        "reconciliation",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("report", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status in ('agree', 'differ', 'incomplete')", name="reconciliation_status"),
        sa.PrimaryKeyConstraint("day"),
    )


def downgrade() -> None:
    for table in ("reconciliation", "billed_campaign", "billing_document", "billing_counter", "billing_profile"):
        op.drop_table(table)
