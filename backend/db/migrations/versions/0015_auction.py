"""deals, soft floors and quality"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SOFT_FLOOR = "placement_soft_floor"
TOLD = {
    "insert": "new table as added", "delete": "old table as before", "update": "new table as added old table as before",
}
DEAL_INDEXES = {
    "deal_of_publisher": ["publisher", "id"], "deal_of_advertiser": ["advertiser", "id"],
    "deal_of_placement": ["placement_id"],
}

# An event counts once the ledger has decided it, and no more when it turns out to be invalid. Rows are only added, so
# that no writer of events ever waits for another.
KINDS = ("viewable", "click", "conversion")
COUNTED = f"status in ('billed', 'unpaid', 'dropped') and kind in {KINDS}"
SUMS = ", ".join(f"coalesce(sum({{sign}}) filter (where kind = '{kind}'), 0)" for kind in KINDS)
DELTAS = f"""
create function note_rates() returns trigger language plpgsql as $$
begin
    insert into rate_delta (line_item_id, placement_id, views, clicks, conversions)
    select line_item_id, placement_id, {SUMS.format(sign="n")} from (
        select line_item_id, placement_id, kind, 1 as n from changed where {COUNTED}
        union all select line_item_id, placement_id, kind, -1 from before where {COUNTED}
    ) as moved group by line_item_id, placement_id
    having ({" or ".join(f"sum(n) filter (where kind = '{kind}') <> 0" for kind in KINDS)});
    return null;
end $$
"""


def upgrade() -> None:
    op.add_column("placement", sa.Column("soft_floor_micro_usdc", sa.BigInteger()))
    op.add_column("placement", sa.Column("deals_only", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_check_constraint(SOFT_FLOOR, "placement", "soft_floor_micro_usdc > floor_micro_usdc")
    _create_deals()
    for event, tables in TOLD.items():      # see 0014
        op.execute(f"create trigger tell_serving_{event} after {event} on deal referencing {tables}"
                   " for each statement execute function tell_serving('placement', 'placement_id')")
    _create_counts()


def _create_deals() -> None:
    op.create_table(
        "deal",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("placement_id", sa.BigInteger(), sa.ForeignKey("placement.id"), nullable=False),
        sa.Column("publisher", sa.Text(), nullable=False),
        sa.Column("advertiser", sa.Text(), nullable=False),
        sa.Column("line_item_id", sa.BigInteger(), sa.ForeignKey("line_item.id")),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("price_kind", sa.Text(), nullable=False),
        sa.Column("price_micro_usdc", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("price_kind in ('fixed', 'floor')", name="deal_price_kind"),
        sa.CheckConstraint("price_micro_usdc > 0", name="deal_price"),
        sa.CheckConstraint("status in ('offered', 'accepted', 'declined', 'withdrawn', 'ended')", name="deal_status"),
        sa.CheckConstraint("(line_item_id is not null) = (status in ('accepted', 'ended'))", name="deal_line_item"),
    )
    for name, columns in DEAL_INDEXES.items():
        op.create_index(name, "deal", columns)
    op.create_index(
        "deal_once", "deal", ["line_item_id", "placement_id"], unique=True,
        postgresql_where=sa.text("status = 'accepted'"),
    )


def _create_counts() -> None:
    counts = ("views", "clicks", "conversions", "decisions")
    op.create_table(
        "rate_count",
        sa.Column("line_item_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("placement_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False) for name in counts),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )
    op.create_index("rate_count_generation", "rate_count", ["generation"])
    op.create_table(
        "rate_delta",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("line_item_id", sa.BigInteger(), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts[:3]),
    )
    op.create_table(
        "rate_cursor",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("minute", sa.DateTime(timezone=True)),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name="rate_cursor_one_row"),
    )
    op.execute(DELTAS)
    op.execute(
        "create trigger note_rates after update on event referencing new table as changed old table as before"
        " for each statement execute function note_rates()"
    )
    op.execute(
        "insert into rate_count (line_item_id, placement_id, views, clicks, conversions, generation)"
        f" select line_item_id, placement_id, {SUMS.format(sign='1')}, 1 from event where {COUNTED} group by 1, 2"
    )
    op.execute("insert into rate_cursor (id, generation) values (1, 1)")


def downgrade() -> None:
    op.execute("drop trigger note_rates on event")
    op.execute("drop function note_rates()")
    for table in ("rate_cursor", "rate_delta", "rate_count"):
        op.drop_table(table)
    op.drop_table("deal")
    op.drop_constraint(SOFT_FLOOR, "placement")
    op.drop_column("placement", "deals_only")
    op.drop_column("placement", "soft_floor_micro_usdc")
