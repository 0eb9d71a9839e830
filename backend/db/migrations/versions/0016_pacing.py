"""pacing by a controller"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("line_item_pacing", "line_item")
    op.create_check_constraint("line_item_pacing", "line_item", "pacing in ('asap', 'even', 'front_loaded')")
    op.add_column("line_item", sa.Column("recency_minutes", sa.Integer(), nullable=True))
    op.create_check_constraint("line_item_recency", "line_item", "recency_minutes between 1 and 1440")
    op.create_table(
        "pacing_week",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("weights", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1 and cardinality(weights) = 168", name="pacing_week_one"),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("pacing_week")
    op.drop_constraint("line_item_recency", "line_item")
    op.drop_column("line_item", "recency_minutes")
    op.drop_constraint("line_item_pacing", "line_item")
    op.execute("update line_item set pacing = 'even' where pacing = 'front_loaded'")
    op.create_check_constraint("line_item_pacing", "line_item", "pacing in ('asap', 'even')")
