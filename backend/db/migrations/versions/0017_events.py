"""events at speed: early clicks; an index holds only what it is asked for; samples as they came"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "early_click",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("stream_id", sa.Text(), nullable=False),
        sa.Column("stream_index", sa.Integer(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("early_click_received", "early_click", ["received_ms"])
    # a new event has no place among the settled ones: it need not be in their index
    op.drop_index("event_status_changed", "event")
    op.create_index(
        "event_status_changed", "event", ["settled_seq"], postgresql_where=sa.text("settled_seq is not null")
    )
    # nobody looks into samples with SQL: as text they take half the time to store, and less room
    _samples_as("json", "samples::text <> '[]'")


def downgrade() -> None:
    _samples_as("jsonb", "samples <> '[]'::jsonb")
    op.drop_index("event_status_changed", "event")
    op.create_index("event_status_changed", "event", ["settled_seq"])
    op.drop_table("early_click")


def _samples_as(kind: str, some: str) -> None:
    """One pass over the table: all at once, with the index of those that have any."""
    op.drop_index("event_with_samples", "event")
    op.execute("alter table event alter column samples drop default")
    op.execute(f"alter table event alter column samples type {kind} using samples::{kind}")
    op.execute(f"alter table event alter column samples set default '[]'::{kind}")
    op.create_index("event_with_samples", "event", ["received_ms"], postgresql_where=sa.text(some))
