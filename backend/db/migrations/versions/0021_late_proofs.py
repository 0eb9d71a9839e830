"""events that come late prove what was missed: hours of sponsorships, clicks that contracts have named"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "event_of_sponsorship", "event", ["line_item_id", "decision_id"],
        postgresql_where=sa.text("bid_kind = 'sponsorship' and kind in ('viewable', 'click')"),
    )
    op.create_table(
        "late_click",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("goal_id", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("conversion_goal", sa.Column("read_from", sa.BigInteger(), nullable=True))
    op.add_column("conversion_goal", sa.Column("again_number", sa.BigInteger(), nullable=True))
    # where it was begun to read, nobody has noted: before now it is not read again
    op.execute("update conversion_goal set read_from = read_number where read_number is not null")


def downgrade() -> None:
    op.drop_column("conversion_goal", "again_number")
    op.drop_column("conversion_goal", "read_from")
    op.drop_table("late_click")
    op.drop_index("event_of_sponsorship", "event")
