"""Who may act for whom: organisations, members, roles, API keys, sessions. Secrets are here as hashes only."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, created, row_id, when

_MEMBER_ROLES = "role in ('owner', 'manager', 'reporter')"


class Organisation(SQLModel, table=True):
    """An account with members, named by the wallet that holds its money. A wallet without a row is its own account."""

    __tablename__ = "organisation"
    __table_args__ = (CheckConstraint("advertiser or publisher", name="organisation_has_a_side"),)

    wallet: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_type=Text)
    advertiser: bool
    publisher: bool
    created_at: datetime | None = created()


class Member(SQLModel, table=True):
    """A wallet that acts for an organisation."""

    __tablename__ = "member"
    __table_args__ = (CheckConstraint(_MEMBER_ROLES, name="member_role"),)

    account: str = Field(primary_key=True, sa_type=Text, foreign_key="organisation.wallet")
    wallet: str = Field(primary_key=True, sa_type=Text, index=True)
    role: str = Field(sa_type=Text)
    created_at: datetime | None = created()


class Invitation(SQLModel, table=True):
    """An offer to become a member, open until it is taken, declined, withdrawn or too old."""

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint(_MEMBER_ROLES, name="invitation_role"),
        Index("ix_invitation_once", "account", "wallet", unique=True),
    )

    id: int | None = row_id()
    account: str = Field(sa_type=Text, foreign_key="organisation.wallet")
    wallet: str = Field(sa_type=Text, index=True)
    role: str = Field(sa_type=Text)
    invited_by: str = Field(sa_type=Text)
    expires_at: datetime | None = when(nullable=False)
    created_at: datetime | None = created()


class PlatformRole(SQLModel, table=True):
    """What a wallet is to the operator."""

    __tablename__ = "platform_role"
    __table_args__ = (CheckConstraint("role in ('moderator', 'admin', 'auditor')", name="platform_role_known"),)

    wallet: str = Field(primary_key=True, sa_type=Text)
    role: str = Field(primary_key=True, sa_type=Text)
    granted_by: str = Field(sa_type=Text)
    created_at: datetime | None = created()


class SessionRow(SQLModel, table=True):
    """Somebody who is signed in; the token's SHA-256, never the token. `ip_prefix` is a /24 or a /48."""

    __tablename__ = "session"
    __table_args__ = (Index("ix_session_expires_at", "expires_at"),)

    id: int | None = row_id()
    digest: str = Field(sa_type=Text, unique=True)
    wallet: str = Field(sa_type=Text, index=True)
    chain_id: int = big()
    ip_prefix: str = Field(sa_type=Text)
    agent: str = Field(sa_type=Text)
    created_at: datetime | None = when(nullable=False)
    last_used_at: datetime | None = when(nullable=False)
    expires_at: datetime | None = when(nullable=False)


class KeyWallet(SQLModel, table=True):
    """A wallet that once signed with its own key. The chain is never asked about its signatures."""

    __tablename__ = "key_wallet"

    wallet: str = Field(primary_key=True, sa_type=Text)
    created_at: datetime | None = created()


class ApiKey(SQLModel, table=True):
    """A program that acts for an account, with no more than its creator may do; SHA-256 of the key's text."""

    __tablename__ = "api_key"

    id: int | None = row_id()
    account: str = Field(sa_type=Text, index=True)
    name: str = Field(sa_type=Text)
    prefix: str = Field(sa_type=Text, unique=True)
    digest: str = Field(sa_type=Text, unique=True)
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_by: str = Field(sa_type=Text)
    created_at: datetime | None = when(nullable=False)
    expires_at: datetime | None = when()
    last_used_at: datetime | None = when()
    revoked_at: datetime | None = when()
