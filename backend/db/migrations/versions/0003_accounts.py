"""accounts"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _when(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=nullable) for name in names]


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _created() -> sa.Column[Any]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "organisation",
        *_text("wallet", "name"),
        sa.Column("advertiser", sa.Boolean(), nullable=False),
        sa.Column("publisher", sa.Boolean(), nullable=False),
        _created(),
        sa.CheckConstraint("advertiser or publisher", name="organisation_has_a_side"),
        sa.PrimaryKeyConstraint("wallet"),
    )
    op.create_table(
        "member",
        *_text("account", "wallet", "role"),
        _created(),
        sa.CheckConstraint("role in ('owner', 'manager', 'reporter')", name="member_role"),
        sa.ForeignKeyConstraint(["account"], ["organisation.wallet"]),
        sa.PrimaryKeyConstraint("account", "wallet"),
    )
    op.create_index(op.f("ix_member_wallet"), "member", ["wallet"])
    op.create_table(
        "invitation",
        _id(),
        *_text("account", "wallet", "role", "invited_by"),
        *_when("expires_at"),
        _created(),
        sa.CheckConstraint("role in ('owner', 'manager', 'reporter')", name="invitation_role"),
        sa.ForeignKeyConstraint(["account"], ["organisation.wallet"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_invitation_once", "invitation", ["account", "wallet"], unique=True)
    op.create_index(op.f("ix_invitation_wallet"), "invitation", ["wallet"])
    op.create_table(
        "platform_role",
        *_text("wallet", "role", "granted_by"),
        _created(),
        sa.CheckConstraint("role in ('moderator', 'admin', 'auditor')", name="platform_role_known"),
        sa.PrimaryKeyConstraint("wallet", "role"),
    )
    op.create_table(
        "session",
        _id(),
        *_text("digest", "wallet"),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        *_text("ip_prefix", "agent"),
        *_when("created_at", "last_used_at", "expires_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index(op.f("ix_session_wallet"), "session", ["wallet"])
    op.create_index(op.f("ix_session_expires_at"), "session", ["expires_at"])
    op.create_table("key_wallet", *_text("wallet"), _created(), sa.PrimaryKeyConstraint("wallet"))
    op.create_table(
        "api_key",
        _id(),
        *_text("account", "name", "prefix", "digest"),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        *_text("created_by"),
        *_when("created_at"),
        *_when("expires_at", "last_used_at", "revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("prefix"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index(op.f("ix_api_key_account"), "api_key", ["account"])


def downgrade() -> None:
    for table in ("api_key", "key_wallet", "session", "platform_role", "invitation", "member", "organisation"):
        op.drop_table(table)
