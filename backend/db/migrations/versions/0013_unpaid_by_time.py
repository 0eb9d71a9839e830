"""what was not paid, by time: for publishers with so many placements that each is not looked at"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "dropped_event_received", "dropped_event", ["received_ms"], postgresql_include=["placement_id", "reason"]
    )
    op.create_index(
        "event_unpaid_received", "event", ["received_ms"], postgresql_include=["placement_id"],
        postgresql_where=sa.text("status = 'unpaid'"),
    )


def downgrade() -> None:
    op.drop_index("event_unpaid_received", "event")
    op.drop_index("dropped_event_received", "dropped_event")
