"""invalid traffic: lists, cells, flags; charges can be given back once"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

STATUSES = "status in ('accepted', 'billed', 'unpaid', 'dropped'{more})"
KINDS = (
    "kind in ('charge', 'earn', 'fee', 'dust', 'card_in', 'card_deposit', 'card_return', 'card_refund', "
    "'card_dispute', 'card_fee'{more})"
)
NUMBERS = (
    "views", "clicks", "watched_ms", "steady", "still", "delay_ms", "delay_ms2", "viewers", "first_ms", "last_ms",
    "first_seq", "last_seq",
)


def upgrade() -> None:
    for column in ("viewer_mark", "network_mark"):
        op.add_column("event", sa.Column(column, sa.BigInteger(), nullable=True))
    _check("event", "event_status", STATUSES.format(more=", 'invalid'"))
    _check("ledger_transfer", "ledger_transfer_kind", KINDS.format(more=", 'reversal', 'reinstatement'"))
    op.drop_constraint("ledger_transfer_event_once", "ledger_transfer")
    op.create_unique_constraint("ledger_transfer_event_once", "ledger_transfer", ["event_id", "kind"])
    _lists()
    _counts()
    _flags()
    _flagged_events()


def downgrade() -> None:
    for table in (
        "flagged_event", "traffic_flag", "traffic_cell", "traffic_progress", "traffic_allowance", "traffic_list",
    ):
        op.drop_table(table)
    op.execute("delete from ledger_transfer where kind in ('reversal', 'reinstatement')")
    op.drop_constraint("ledger_transfer_event_once", "ledger_transfer")
    op.create_unique_constraint("ledger_transfer_event_once", "ledger_transfer", ["event_id"])
    op.execute("update event set status = 'dropped' where status = 'invalid'")
    _check("ledger_transfer", "ledger_transfer_kind", KINDS.format(more=""))
    _check("event", "event_status", STATUSES.format(more=""))
    for column in ("network_mark", "viewer_mark"):
        op.drop_column("event", column)


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(name, table)
    op.create_check_constraint(name, table, condition)


def _lists() -> None:
    op.create_table(
        "traffic_list",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", "digest"),
    )
    op.create_table(
        "traffic_allowance",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("publisher_index", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["publisher_index"], ["publisher.index"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "network", "publisher_index", name="traffic_allowance_once", postgresql_nulls_not_distinct=True
        ),
    )


def _counts() -> None:
    op.create_table(
        "traffic_progress",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    # what was stored before has no marks
    op.execute(
        "insert into traffic_progress select id, coalesce((select max(seq) from event), 0) from (values (1), (2)) r (id)"
    )
    op.create_table(
        "traffic_cell",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("mark", sa.BigInteger(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in NUMBERS),
        sa.PrimaryKeyConstraint("day", "placement_id", "level", "mark"),
        sa.CheckConstraint(
            "level in ('market', 'placement', 'network', 'viewer', 'trace')", name="traffic_cell_level"
        ),
    )


def _flags() -> None:
    op.create_table(
        "traffic_flag",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=False),
        sa.Column("publisher_index", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("ruleset", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'standing'"), nullable=False),
        sa.Column("objection", sa.Text(), nullable=True),
        sa.Column("objected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("told", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("day", "placement_id", "level", "mark", name="traffic_flag_once"),
        sa.CheckConstraint("status in ('standing', 'upheld', 'lifted')", name="traffic_flag_status"),
        sa.CheckConstraint("scope in ('all', 'clicks')", name="traffic_flag_scope"),
        sa.CheckConstraint("(objection is null) = (objected_at is null)", name="traffic_flag_objection"),
    )
    op.create_index("traffic_flag_publisher", "traffic_flag", ["publisher_index", "id"])
    op.create_index(
        "traffic_flag_objected", "traffic_flag", ["id"],
        postgresql_where=sa.text("objection is not null and status = 'standing'"),
    )
    op.create_index("traffic_flag_marked", "traffic_flag", ["day"], postgresql_where=sa.text("mark is not null"))


def _flagged_events() -> None:
    op.create_table(
        "flagged_event",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("flag_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("amount_micro_usdc", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        sa.ForeignKeyConstraint(["flag_id"], ["traffic_flag.id"]),
        sa.CheckConstraint(
            "state in ('pending', 'reversed', 'voided', 'late', 'missed', 'lifting', 'reinstated', 'cleared', "
            "'forgone')",
            name="flagged_event_state",
        ),
    )
    op.create_index(
        "flagged_event_waiting", "flagged_event", ["event_id"],
        postgresql_where=sa.text("state in ('pending', 'lifting')"),
    )
    op.create_index("flagged_event_flag", "flagged_event", ["flag_id"])
