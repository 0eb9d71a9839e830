"""a view or a click proves an hour of a sponsorship"""

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


def downgrade() -> None:
    op.drop_index("event_of_sponsorship", "event")
