"""the state of what is sold, in the order of its changes"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# One row a statement, whatever it changed: of rows that were there before or are there afterwards.
TELL = """
create function tell_serving() returns trigger language plpgsql as $$
declare
    named text := case tg_op
        when 'INSERT' then format('select %1$I as id from added', tg_argv[1])
        when 'DELETE' then format('select %1$I as id from before', tg_argv[1])
        else format('select %1$I as id from before union select %1$I from added', tg_argv[1])
    end;
begin
    execute format(
        'insert into serving_change (kind, ids) select %L, array_agg(distinct id) from (%s) named having count(*) > 0',
        tg_argv[0], named
    );
    return null;
end $$
"""
TELLING = (     # table, kind of thing that has changed, column that names it
    ("line_item", "line_item", "id"), ("creative", "line_item", "line_item_id"), ("campaign", "campaign", "id"),
    ("conversion_goal", "campaign", "campaign_id"), ("placement", "placement", "id"),
    ("placement_share", "placement", "placement_id"), ("world", "world", "id"), ("publisher", "publisher", "index"),
    ("publisher_block", "publisher", "publisher_index"),
)
EVENTS = {
    "insert": "new table as added", "delete": "old table as before", "update": "new table as added old table as before",
}
# Sums of one side of the market have no placement, or no line item: an answer to an ad request is counted once.
COUNTING = {
    "count_answered": "select 'answered', outcome, n from added where placement_id > 0",
    "count_answered_more": """
        select 'answered', outcome, n from changed where placement_id > 0
        union all select 'answered', outcome, -n from before where placement_id > 0""",
}
COUNTED_BEFORE = {
    "count_answered": "select 'answered', outcome, n from added",
    "count_answered_more": """
        select 'answered', outcome, n from changed union all select 'answered', outcome, -n from before""",
}
COUNT = """
create or replace function {name}() returns trigger language plpgsql as $$
begin
    insert into traffic_count (what, name, n)
    select what, name, sum(n) from ({rows}) as counted (what, name, n) group by what, name having sum(n) <> 0
     order by what, name
        on conflict (what, name) do update set n = traffic_count.n + excluded.n;
    return null;
end $$
"""


def upgrade() -> None:
    op.create_table(
        "serving_change",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column("xid", sa.BigInteger(), server_default=sa.text("pg_current_xact_id()::text::bigint"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.create_index("serving_change_xid", "serving_change", ["xid"])
    op.execute("insert into serving_change (kind, ids) values ('forgotten', '{0}')")
    op.execute(TELL)
    for table, kind, column in TELLING:
        for event, tables in EVENTS.items():
            op.execute(
                f"create trigger tell_serving_{event} after {event} on {table} referencing {tables}"
                f" for each statement execute function tell_serving('{kind}', '{column}')"
            )
    for name, rows in COUNTING.items():
        op.execute(COUNT.format(name=name, rows=rows))


def downgrade() -> None:
    for name, rows in COUNTED_BEFORE.items():
        op.execute(COUNT.format(name=name, rows=rows))
    for table, _, _ in TELLING:
        for event in EVENTS:
            op.execute(f"drop trigger tell_serving_{event} on {table}")
    op.execute("drop function tell_serving()")
    op.drop_table("serving_change")
