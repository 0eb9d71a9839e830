"""who belongs to whom, told to those who decide"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# As tell_serving does, of both wallets of each row. What they bear on is looked up by whoever reads the change, since
# only there is everything visible that others have changed at the same time.
TELL = """
create function tell_members() returns trigger language plpgsql as $$
declare
    named text := case tg_op
        when 'INSERT' then 'select account, wallet from added'
        when 'DELETE' then 'select account, wallet from before'
        else 'select account, wallet from before union select account, wallet from added'
    end;
begin
    execute format(
        'insert into serving_change (kind, ids)'
        ' select %L, array_agg(distinct hashtextextended(one, 0))'
        ' from (%s) named cross join lateral (values (account), (wallet)) wallets (one) having count(*) > 0',
        'member', named
    );
    return null;
end $$
"""
EVENTS = {
    "insert": "new table as added", "delete": "old table as before", "update": "new table as added old table as before",
}


def upgrade() -> None:
    op.execute(TELL)
    for event, tables in EVENTS.items():
        op.execute(
            f"create trigger tell_members_{event} after {event} on member referencing {tables}"
            " for each statement execute function tell_members()"
        )


def downgrade() -> None:
    for event in EVENTS:
        op.execute(f"drop trigger tell_members_{event} on member")
    op.execute("drop function tell_members()")
    # whoever reads changes at the revision before does not know this kind, but counts them: the number stays the same
