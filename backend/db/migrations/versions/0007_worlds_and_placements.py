"""worlds and placements"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _columns() -> dict[str, tuple[sa.Column[Any], ...]]:
    """What each table gets: new objects, since a column belongs to one table."""
    return {
        "publisher": (sa.Column("listed_name", sa.Text()), sa.Column("listed_domain", sa.Text())),
        "world": (
            sa.Column("place", sa.Text()),
            sa.Column("proof_token", sa.Text(), server_default=sa.text("replace(gen_random_uuid()::text, '-', '')"), nullable=False),
            sa.Column("proof_state", sa.Text(), server_default=sa.text("'unverified'"), nullable=False),
            sa.Column("proof_method", sa.Text()),
            sa.Column("proof_wallet", sa.Text()),
            sa.Column("proof_checked_at", sa.DateTime(timezone=True)),
            sa.Column("proof_failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
            sa.Column("ads_txt_state", sa.Text()),
            sa.Column("ads_txt_checked_at", sa.DateTime(timezone=True)),
        ),
        "placement": (
            sa.Column("width_mm", sa.Integer()),
            sa.Column("height_mm", sa.Integer()),
            sa.Column("hourly_floor_micro_usdc", sa.BigInteger()),
            sa.Column("accepted_categories", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
            sa.Column("test_mode", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        ),
    }


_CHECKS = {
    "publisher_listing": ("publisher", "(listed_name is null) = (listed_domain is null)"),
    "world_proof_state": ("world", "proof_state in ('unverified', 'verified')"),
    "world_proof_method": ("world", "proof_method in ('dns', 'file', 'wallet_file', 'scene', 'land')"),
    "world_proof_how": ("world", "proof_state = 'unverified' or proof_method is not null"),
    "world_ads_txt_state": ("world", "ads_txt_state in ('listed', 'missing', 'wrong')"),
    "placement_size_mm": ("placement", "width_mm > 0 and height_mm > 0"),
    "placement_both_mm": ("placement", "(width_mm is null) = (height_mm is null)"),
    "placement_hourly_floor": ("placement", "hourly_floor_micro_usdc > 0"),
}
_INDEXES = {
    "dropped_event_placement": ("dropped_event", ["placement_id", "received_ms"]),
    "serving_tally_placement": ("serving_tally", ["placement_id", "minute"]),
    "serving_tally_line_item": ("serving_tally", ["line_item_id", "minute"]),
}


def upgrade() -> None:
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    for name, (table, condition) in _CHECKS.items():
        op.create_check_constraint(name, table, condition)
    _kinds("'image', 'video', 'audio', 'model'")
    for name, (table, indexed) in _INDEXES.items():
        op.create_index(name, table, indexed)
    op.create_index("event_unpaid", "event", ["placement_id", "received_ms"], postgresql_where=sa.text("status = 'unpaid'"))
    op.create_table(
        "placement_share",
        sa.Column("placement_id", sa.BigInteger(), nullable=False),
        sa.Column("publisher_index", sa.BigInteger(), nullable=False),
        sa.Column("basis_points", sa.Integer(), nullable=False),
        sa.CheckConstraint("basis_points between 1 and 10000", name="placement_share_basis_points"),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"]),
        sa.ForeignKeyConstraint(["publisher_index"], ["publisher.index"]),
        sa.PrimaryKeyConstraint("placement_id", "publisher_index"),
    )
    op.create_table(
        "publisher_block",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("publisher_index", sa.BigInteger(), nullable=False),
        sa.Column("world_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind in ('advertiser', 'category', 'creative')", name="publisher_block_kind"),
        sa.ForeignKeyConstraint(["publisher_index"], ["publisher.index"]),
        sa.ForeignKeyConstraint(["world_id"], ["world.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "publisher_index", "world_id", "kind", "value", name="publisher_block_once", postgresql_nulls_not_distinct=True
        ),
    )
    op.create_index(op.f("ix_publisher_block_world_id"), "publisher_block", ["world_id"])


def downgrade() -> None:
    op.drop_table("publisher_block")
    op.drop_table("placement_share")
    op.drop_index("event_unpaid", "event")
    for name, (table, _) in _INDEXES.items():
        op.drop_index(name, table)
    for name, (table, _) in _CHECKS.items():
        op.drop_constraint(name, table)
    op.execute("delete from placement where kind not in ('image', 'video')")
    _kinds("'image', 'video'")
    for table, columns in _columns().items():
        for column in columns:
            op.drop_column(table, column.name)


def _kinds(kinds: str) -> None:
    op.drop_constraint("placement_kind", "placement")
    op.create_check_constraint("placement_kind", "placement", f"kind in ({kinds})")
