"""operation"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# The twin of core/audit_chain.py: keys in the order of their code points, no spaces.
_CANONICAL = """
create function audit_canonical(value jsonb) returns text language plpgsql immutable strict as $$
begin
  return case jsonb_typeof(value)
    when 'object' then (
      select '{' || coalesce(string_agg(to_jsonb(key)::text || ':' || audit_canonical(item), ',' order by key collate "C"), '') || '}'
        from jsonb_each(value) as pair(key, item))
    when 'array' then (
      select '[' || coalesce(string_agg(audit_canonical(item), ',' order by place), '') || ']'
        from jsonb_array_elements(value) with ordinality as pair(item, place))
    else value::text
  end;
end $$
"""

# Deferred: runs when the transaction commits, after everything it could still wait for, so the lock cannot be part of
# a deadlock and is held for the length of a commit only. Each statement sees what the holder before has committed.
_CHAIN = """
create function audit_chain() returns trigger language plpgsql as $$
declare
  place bigint;
  previous text;
  entry jsonb;
begin
  perform pg_advisory_xact_lock(1363631172);
  select sequence, hash into place, previous from audit_link order by sequence desc limit 1;
  place := coalesce(place, 0) + 1;
  entry := jsonb_build_object(
    'account', new.account, 'action', new.action, 'actor', new.actor,
    'at_us', (extract(epoch from new.created_at) * 1000000)::bigint, 'details', new.details, 'entry', new.id,
    'sequence', place, 'subject', new.subject);
  insert into audit_link (sequence, entry_id, account, hash) values (
    place, new.id, new.account,
    encode(sha256(convert_to(coalesce(previous, repeat('0', 64)) || audit_canonical(entry), 'UTF8')), 'hex'));
  return null;
end $$
"""

_REFUSE = """
create function audit_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end $$
"""


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _when(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def upgrade() -> None:
    _upgrade_audit()
    op.add_column("notice", _when("read_at"))
    op.add_column("notice", _when("fanned_at"))
    op.execute("update notice set fanned_at = now()")
    op.create_index("ix_notice_unread", "notice", ["account", "id"], postgresql_where=sa.text("read_at is null"))
    op.create_index("ix_notice_waiting", "notice", ["id"], postgresql_where=sa.text("fanned_at is null"))
    _upgrade_webhooks()


def _upgrade_audit() -> None:
    for column in ("actor", "action", "subject"):
        op.create_index(op.f(f"ix_audit_entry_{column}"), "audit_entry", [column])
    op.create_table(
        "audit_link",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        *_texts("account", "hash"),
        sa.ForeignKeyConstraint(["entry_id"], ["audit_entry.id"]),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("entry_id"),
    )
    op.create_index("ix_audit_link_account", "audit_link", ["account", "sequence"])
    for function in (_CANONICAL, _CHAIN, _REFUSE):
        op.execute(function)
    # what was written before there was a chain becomes its beginning
    op.execute("create table audit_before as select * from audit_entry")
    op.execute("delete from audit_entry")
    op.execute("""create constraint trigger audit_chain after insert on audit_entry deferrable initially deferred
                  for each row execute function audit_chain()""")
    op.execute("""insert into audit_entry (id, actor, account, action, subject, details, created_at)
                  overriding system value
                  select id, actor, account, action, subject, details, created_at from audit_before order by id""")
    op.execute("set constraints audit_chain immediate")
    op.execute("set constraints audit_chain deferred")
    op.execute("drop table audit_before")
    for table in ("audit_entry", "audit_link"):
        op.execute(f"""create trigger {table}_append_only before update or delete or truncate on {table}
                       for each statement execute function audit_refuse()""")


def _upgrade_webhooks() -> None:
    op.create_table(
        "webhook",
        _id(),
        *_texts("account", "url"),
        sa.Column("kinds", postgresql.JSONB(), nullable=False),
        *_texts("status", "secret_nonce"),
        sa.Column("old_secret_nonce", sa.Text(), nullable=True),
        _when("old_secret_until"),
        _when("failing_since"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status in ('active', 'paused', 'disabled')", name="webhook_status"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_webhook_account"), "webhook", ["account"])
    op.create_table(
        "webhook_delivery",
        _id(),
        sa.Column("webhook_id", sa.BigInteger(), nullable=False),
        sa.Column("notice_id", sa.BigInteger(), nullable=False),
        sa.Column("replay_of", sa.BigInteger(), nullable=True),
        *_texts("status"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _when("next_at", nullable=False),
        sa.Column("response_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        _when("created_at", nullable=False),
        _when("finished_at"),
        sa.CheckConstraint("status in ('pending', 'delivered', 'dead')", name="webhook_delivery_status"),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhook.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_webhook_delivery_notice_id"), "webhook_delivery", ["notice_id"])
    op.create_index("ix_webhook_delivery_once", "webhook_delivery", ["webhook_id", "notice_id"], unique=True,
                    postgresql_where=sa.text("replay_of is null"))
    op.create_index("ix_webhook_delivery_due", "webhook_delivery", ["next_at"],
                    postgresql_where=sa.text("status = 'pending'"))
    op.create_index("ix_webhook_delivery_page", "webhook_delivery", ["webhook_id", "id"])
    op.create_table(
        "webhook_attempt",
        _id(),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        _when("started_at", nullable=False),
        _when("finished_at"),
        sa.Column("response_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["webhook_delivery.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_webhook_attempt_delivery_id"), "webhook_attempt", ["delivery_id"])


def downgrade() -> None:
    for table in ("webhook_attempt", "webhook_delivery", "webhook"):
        op.drop_table(table)
    for index in ("ix_notice_waiting", "ix_notice_unread"):
        op.drop_index(index, "notice")
    for column in ("fanned_at", "read_at"):
        op.drop_column("notice", column)
    op.drop_table("audit_link")
    op.execute("drop trigger audit_entry_append_only on audit_entry")
    op.execute("drop trigger audit_chain on audit_entry")
    for function in ("audit_chain()", "audit_refuse()", "audit_canonical(jsonb)"):
        op.execute(f"drop function {function}")
    for column in ("subject", "action", "actor"):
        op.drop_index(op.f(f"ix_audit_entry_{column}"), "audit_entry")
