"""conversions"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _kinds("'viewable', 'click', 'conversion', 'sponsored_hour'")
    op.add_column("event", sa.Column("action_price_micro_usdc", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("event", sa.Column("click_ref", sa.Text(), nullable=True))
    op.create_index("event_click_ref", "event", ["click_ref"], postgresql_where=sa.text("click_ref is not null"))
    _create_goals()
    _create_conversions()


def _create_goals() -> None:
    op.create_table(
        "conversion_goal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("click_days", sa.Integer(), nullable=False),
        sa.Column("view_days", sa.Integer(), nullable=False),
        sa.Column("repeatable", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("secret_version", sa.Integer(), nullable=False),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contract", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=True),
        sa.Column("topic0", sa.Text(), nullable=True),
        sa.Column("read_number", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind in ('postback', 'on_chain')", name="conversion_goal_kind"),
        sa.CheckConstraint("status in ('active', 'archived')", name="conversion_goal_status"),
        sa.CheckConstraint(
            "click_days between 1 and 30 and view_days between 0 and 30", name="conversion_goal_lookback"
        ),
        sa.CheckConstraint(
            "(kind = 'on_chain') = (contract is not null and topic0 is not null)", name="conversion_goal_contract"
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_conversion_goal_campaign_id"), "conversion_goal", ["campaign_id"])
    op.create_index("conversion_goal_to_read", "conversion_goal", ["read_number"],
                    postgresql_where=sa.text("kind = 'on_chain'"))


def _create_conversions() -> None:
    op.create_table(
        "conversion",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("goal_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("touch", sa.Text(), nullable=True),
        sa.Column("line_item_id", sa.BigInteger(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("occurred_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state in ('waiting', 'counted', 'refused')", name="conversion_state"),
        sa.CheckConstraint("(state = 'refused') = (reason is not null)", name="conversion_reason"),
        sa.CheckConstraint("touch in ('click', 'viewable')", name="conversion_touch"),
        sa.ForeignKeyConstraint(["goal_id"], ["conversion_goal.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("goal_id", "order_id", name="conversion_order_once"),
    )
    op.create_index("conversion_of_campaign", "conversion", ["campaign_id", "id"])
    op.create_index("conversion_of_decision", "conversion", ["decision_id"])
    op.create_index("conversion_waiting", "conversion", ["id"], postgresql_where=sa.text("state = 'waiting'"))


def _kinds(kinds: str) -> None:
    op.drop_constraint("event_kind", "event", type_="check")
    op.create_check_constraint("event_kind", "event", f"kind in ({kinds})")


def downgrade() -> None:
    """Fails where conversions or hours were charged: what is settled cannot be forgotten."""
    op.drop_table("conversion")
    op.drop_table("conversion_goal")
    op.drop_index("event_click_ref", "event")
    op.drop_column("event", "click_ref")
    op.drop_column("event", "action_price_micro_usdc")
    _kinds("'viewable', 'click'")
