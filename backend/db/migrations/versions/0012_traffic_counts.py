"""traffic counts and open charges: one statement-level trigger a table, so that a batch is one update of a few rows"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Rows are updated in the order of their names, so that two consumers never wait for each other in a circle; the
# ledger's rows are others than those of the consumers.
ADD = """
create function {name}() returns trigger language plpgsql as $$
begin
    insert into traffic_count (what, name, n)
    select what, name, sum(n) from ({rows}) as counted (what, name, n) group by what, name having sum(n) <> 0
     order by what, name
        on conflict (what, name) do update set n = traffic_count.n + excluded.n;
    return null;
end $$
"""
DECIDED = "status <> 'accepted'"
WHAT = "case status when 'dropped' then 'beyond_budget' else status end"
ROWS = {
    "count_received": f"""
        select 'received', kind, 1 from added
        union all select {WHAT}, kind, 1 from added where {DECIDED}""",
    "count_decided": f"""
        select {WHAT}, kind, 1 from changed where {DECIDED}
        union all select {WHAT}, kind, -1 from before where {DECIDED}""",
    "count_dropped": "select 'dropped', reason, 1 from added",
    "count_answered": "select 'answered', outcome, n from added",
    "count_answered_more": """
        select 'answered', outcome, n from changed union all select 'answered', outcome, -n from before""",
}
INSERTED, UPDATED = "insert", "update"
TRIGGERS = (
    ("event", INSERTED, "count_received"), ("event", UPDATED, "count_decided"),
    ("dropped_event", INSERTED, "count_dropped"),
    ("serving_tally", INSERTED, "count_answered"), ("serving_tally", UPDATED, "count_answered_more"),
)
TABLES = {INSERTED: "new table as added", UPDATED: "new table as changed old table as before"}


def upgrade() -> None:
    op.create_table(
        "traffic_count",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("what", "name"),
    )
    for name, rows in ROWS.items():
        op.execute(ADD.format(name=name, rows=rows))
    for table, change, function in TRIGGERS:
        op.execute(
            f"create trigger {function} after {change} on {table} referencing {TABLES[change]}"
            f" for each statement execute function {function}()"
        )
    op.execute(f"""
        insert into traffic_count (what, name, n)
        select 'received', kind, count(*) from event group by kind
        union all select {WHAT}, kind, count(*) from event where {DECIDED} group by status, kind
        union all select 'dropped', reason, count(*) from dropped_event group by reason
        union all select 'answered', outcome, sum(n) from serving_tally group by outcome
    """)
    op.create_index(
        "ledger_transfer_open_charges", "ledger_transfer", ["debit_account"], postgresql_include=["amount_micro_usdc"],
        postgresql_where=sa.text("epoch is null and kind = 'charge'"),
    )


def downgrade() -> None:
    op.drop_index("ledger_transfer_open_charges", "ledger_transfer")
    for table, _, function in TRIGGERS:
        op.execute(f"drop trigger {function} on {table}")
    for name in ROWS:
        op.execute(f"drop function {name}()")
    op.drop_table("traffic_count")
