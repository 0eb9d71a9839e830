"""pages of large accounts: what was not paid, by time, and the few payments that wait for a person"""

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
    op.create_index("card_payment_frozen", "card_payment", ["id"], postgresql_where=sa.text("status = 'frozen'"))


def downgrade() -> None:
    op.drop_index("card_payment_frozen", "card_payment")
    op.drop_index("event_unpaid_received", "event")
    op.drop_index("dropped_event_received", "dropped_event")
