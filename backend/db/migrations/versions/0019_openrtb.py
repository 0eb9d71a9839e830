"""OpenRTB: exchanges that sell to us, bidders that we ask"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exchange",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("world_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("seat", sa.Text(), nullable=False),
        sa.Column("token_digest", sa.Text(), nullable=False),
        sa.Column("networks", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("strict", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("needs_schain", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("click_macro", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status in ('active', 'paused')", name="exchange_status"),
        sa.ForeignKeyConstraint(["world_id"], ["world.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_digest", name="exchange_token"),
        sa.UniqueConstraint("world_id"),
    )
    op.create_table(
        "external_bidder",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("line_item_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("seat", sa.Text(), nullable=False),
        sa.Column("timeout_ms", sa.Integer(), nullable=False),
        sa.Column("qps_max", sa.Integer(), nullable=False),
        sa.Column("approved", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status in ('active', 'paused')", name="external_bidder_status"),
        sa.CheckConstraint("timeout_ms between 10 and 300", name="external_bidder_timeout"),
        sa.CheckConstraint("qps_max between 1 and 10000", name="external_bidder_qps"),
        sa.ForeignKeyConstraint(["line_item_id"], ["line_item.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("line_item_id"),
    )
    op.add_column("line_item", sa.Column("external", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column(
        "placement", sa.Column("external_demand", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("placement", "external_demand")
    op.drop_column("line_item", "external")
    op.drop_table("external_bidder")
    op.drop_table("exchange")
