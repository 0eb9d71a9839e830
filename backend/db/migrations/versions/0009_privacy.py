"""privacy"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _when(name: str, *, nullable: bool = False, default: sa.TextClause | None = None) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)


def _row_id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def upgrade() -> None:
    op.create_table(
        "subject_key",
        *_text("id", "subject", "purpose"),
        sa.Column("keep_until", sa.Date(), nullable=True),
        *_text("wrapped"),
        _when("created_at", default=sa.text("now()")),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subject", "purpose", name="subject_key_once"),
    )
    op.create_table(
        "privacy_export",
        _row_id(),
        *_text("account", "status"),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        _when("requested_at"),
        _when("ready_at", nullable=True),
        sa.CheckConstraint("status in ('waiting', 'ready', 'deleted')", name="privacy_export_status"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_privacy_export_account"), "privacy_export", ["account"])
    op.create_index(
        "privacy_export_one_waiting", "privacy_export", ["account"], unique=True,
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "erasure",
        _row_id(),
        *_text("account"),
        sa.Column("done", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        _when("erased_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_erasure_account"), "erasure", ["account"])
    # what retention looks for
    op.create_index(
        "event_with_samples", "event", ["received_ms"], postgresql_where=sa.text("samples <> '[]'::jsonb")
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"])
    op.create_index("conversion_refused", "conversion", ["id"], postgresql_where=sa.text("state = 'refused'"))


def downgrade() -> None:
    op.drop_index("conversion_refused", table_name="conversion")
    op.drop_index("ix_idempotency_key_created_at", table_name="idempotency_key")
    op.drop_index("event_with_samples", table_name="event")
    op.drop_table("erasure")
    op.drop_table("privacy_export")
    op.drop_table("subject_key")
