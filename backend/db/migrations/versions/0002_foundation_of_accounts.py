"""foundation of accounts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaign", sa.Column("funder", sa.Text(), nullable=True))
    for name, columns in (
        ("audit_entry", ("actor", "account", "action", "subject")), ("notice", ("account", "kind")),
    ):
        payload = "details" if name == "audit_entry" else "content"
        op.create_table(
            name,
            sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
            *(sa.Column(column, sa.Text(), nullable=False) for column in columns),
            sa.Column(payload, postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
            sa.PrimaryKeyConstraint("id"),
        )
        op.create_index(op.f(f"ix_{name}_account"), name, ["account"])


def downgrade() -> None:
    op.drop_table("notice")
    op.drop_table("audit_entry")
    op.drop_column("campaign", "funder")
