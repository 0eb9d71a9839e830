"""creatives: uploaded assets, versions, moderation with reasons and appeals"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KINDS = "kind in ('image', 'video', 'audio', 'model')"
STATUSES = "status in ('pending', 'approved', 'rejected', 'replaced', 'taken_down', 'withdrawn')"


def upgrade() -> None:
    op.create_table(
        "asset",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("account", "sha256", "kind", "media_type")),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("width", "height", "duration_ms", "triangles")),
        sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        _created(),
        sa.CheckConstraint(KINDS, name="asset_kind"), sa.CheckConstraint("bytes > 0", name="asset_bytes_positive"),
        sa.PrimaryKeyConstraint("id"), sa.UniqueConstraint("account", "sha256", name="asset_once"),
    )
    op.create_index("ix_asset_sha256", "asset", ["sha256"])
    _extend_creative()
    op.create_table(
        "creative_review",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("creative_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("moderator", sa.Text(), nullable=True),
        _words("reasons"),
        sa.Column("note", sa.Text(), nullable=True),
        _created(),
        sa.ForeignKeyConstraint(["creative_id"], ["creative.id"]), sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_creative_review_creative_id", "creative_review", ["creative_id"])


def downgrade() -> None:
    """Refused by the old constraints while creatives exist that they do not know."""
    op.drop_table("creative_review")
    for name in ("ix_creative_status", "ix_creative_asset_sha256", "ix_creative_appeal"):
        op.drop_index(name, "creative")
    for name in ("creative_appeal", "creative_version_once", "creative_lineage_id_fkey"):
        op.drop_constraint(name, "creative")
    for column in reversed(_columns()):
        op.drop_column("creative", column.name)
    _checks("kind in ('image', 'video')", "status in ('pending', 'approved', 'rejected')", "width > 0 and height > 0")
    op.drop_table("asset")


def _extend_creative() -> None:
    for column in _columns():
        op.add_column("creative", column)
    _checks(KINDS, STATUSES, "width > 0 and height > 0 or kind = 'audio'")
    op.create_check_constraint("creative_appeal", "creative", "appeal in ('open', 'granted', 'denied')")
    op.create_foreign_key("creative_lineage_id_fkey", "creative", "creative", ["lineage_id"], ["id"])
    op.create_unique_constraint("creative_version_once", "creative", ["lineage_id", "version"])
    op.create_index("ix_creative_status", "creative", ["status", "id"])
    op.create_index("ix_creative_asset_sha256", "creative", ["asset_sha256"])
    op.create_index("ix_creative_appeal", "creative", ["appeal", "id"])


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("lineage_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("duration_ms", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("hosted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("alt_text", sa.Text(), server_default=sa.text("''"), nullable=False),
        _words("reasons"),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("note", "decided_by")),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("appeal", "appeal_text")),
        sa.Column("appealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
    ]


def _checks(kind: str, status: str, size: str) -> None:
    for name, condition in (("creative_kind", kind), ("creative_status", status), ("creative_size", size)):
        op.drop_constraint(name, "creative")
        op.create_check_constraint(name, "creative", condition)


def _words(name: str) -> sa.Column[Any]:
    return sa.Column(name, postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)


def _created() -> sa.Column[Any]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
