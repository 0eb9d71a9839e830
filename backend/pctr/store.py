"""Counts of views, clicks, conversions and decisions by line item and placement: `rate_count`.

Whatever changes the status of an event leaves a row in `rate_delta`, in its own transaction (a trigger of migration
0015 does). A pass folds those rows into the counts, so nobody reads the events again. Each pass has a `generation`,
which marks the rows that it changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from backend.pctr.rate import Cell, Counts

COUNTING_LOCK = 0x5167_5243
DELTAS_MAX = 50_000                         # in one pass
TALLIES_LATE = timedelta(minutes=10)        # behind the newest tally; what is flushed later is not counted
TALLIES_MAX = timedelta(days=1)             # of tallies in one pass


@dataclass(frozen=True, slots=True)
class Position:
    """Up to which minute tallies are counted, and the last pass that changed anything."""

    minute: datetime | None
    generation: int


def try_lock(connection: Connection) -> bool:
    """Whether this transaction is the one that counts."""
    return bool(connection.execute(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": COUNTING_LOCK}).scalar())


def read_position(connection: Connection) -> Position | None:
    """None when somebody has deleted the row, so that everything is counted anew."""
    row = connection.execute(text("select minute, generation from rate_cursor")).one_or_none()
    return Position(*row) if row else None


def start_position(connection: Connection, position: Position) -> None:
    """The first one, after `count_anew`. Needs the ledger's lock, so that nobody asks for yet another count before."""
    connection.execute(
        text("insert into rate_cursor (id, minute, generation) values (1, :minute, :generation)"),
        {"minute": position.minute, "generation": position.generation},
    )


def write_position(connection: Connection, position: Position) -> None:
    """The next one. Who has deleted it meanwhile wants everything counted anew, so then it stays deleted."""
    connection.execute(
        text("update rate_cursor set minute = :minute, generation = :generation"),
        {"minute": position.minute, "generation": position.generation},
    )


# Views of a click bid are `unpaid` and those beyond a budget `dropped`: both were seen, and tell as much as any other.
# What is `invalid` was no person; what is `accepted` may still become that.
_COUNT_EVENTS = text("""
insert into rate_count (line_item_id, placement_id, views, clicks, conversions, generation)
select line_item_id, placement_id, count(*) filter (where kind = 'viewable'), count(*) filter (where kind = 'click'),
       count(*) filter (where kind = 'conversion'), :generation
  from event where status in ('billed', 'unpaid', 'dropped') and kind in ('viewable', 'click', 'conversion')
 group by line_item_id, placement_id
""")

_FOLD = text("""
with taken as (
    delete from rate_delta where id in (select id from rate_delta order by id limit :limit) returning *
), folded as (
    insert into rate_count as known (line_item_id, placement_id, views, clicks, conversions, generation)
    select line_item_id, placement_id, sum(views), sum(clicks), sum(conversions), :generation
      from taken group by line_item_id, placement_id
        on conflict (line_item_id, placement_id) do update
       set views = known.views + excluded.views, clicks = known.clicks + excluded.clicks,
           conversions = known.conversions + excluded.conversions, generation = excluded.generation
)
select count(*) from taken
""")

_ADD_DECISIONS = text("""
insert into rate_count as known (line_item_id, placement_id, decisions, generation)
select line_item_id, placement_id, sum(n), :generation from serving_tally
 where minute > :after and minute <= :until and outcome = 'decision' and line_item_id > 0
 group by line_item_id, placement_id
    on conflict (line_item_id, placement_id) do update
   set decisions = known.decisions + excluded.decisions, generation = excluded.generation
""")


def count_anew(connection: Connection) -> Position:
    """Forget all counts and read every event once. Needs the lock, and the ledger's, under which events change.

    Generations go on, so that whoever has read some reads all again.
    """
    generation = int(connection.execute(text("select coalesce(max(generation), 0) + 1 from rate_count")).scalar_one())
    for table in ("rate_delta", "rate_count"):
        connection.execute(text(f"delete from {table}"))  # noqa: S608 -- ours
    connection.execute(_COUNT_EVENTS, {"generation": generation})
    return Position(None, generation)


def fold(connection: Connection, generation: int, limit: int) -> int:
    """Add at most `limit` changes to the counts; how many there were. Needs the lock."""
    return int(connection.execute(_FOLD, {"generation": generation, "limit": limit}).scalar_one())


def tallied_until(connection: Connection, after: datetime | None) -> tuple[datetime, datetime] | None:
    """The next span of tallies: after this minute, up to that one. None: nothing is old enough."""
    row = connection.execute(text("select min(minute) as first, max(minute) as last from serving_tally")).one()
    if row.last is None:
        return None
    begin = after or row.first - timedelta(minutes=1)
    end = min(row.last - TALLIES_LATE, begin + TALLIES_MAX)
    return (begin, end) if end > begin else None


def add_decisions(connection: Connection, after: datetime, until: datetime, generation: int) -> None:
    """Count the decisions of these minutes. Needs the lock."""
    connection.execute(_ADD_DECISIONS, {"after": after, "until": until, "generation": generation})


_CHANGED = text("""
select c.line_item_id, c.placement_id, c.views, c.clicks, c.conversions, c.decisions, c.generation, l.campaign_id
  from rate_count c left join line_item l on l.id = c.line_item_id where c.generation > :after
""")


@dataclass(frozen=True, slots=True)
class Fresh:
    """Counts that have changed, as they are now; with `all`, whatever was known before is void."""

    cells: Mapping[Cell, Counts]
    campaign_of: Mapping[int, int]
    generation: int
    all: bool = False


def read_fresh(connection: Connection, after: int) -> Fresh:
    """What has changed since the generation `after`; everything for whoever has seen a later one than there is."""
    newest = connection.execute(text("select coalesce(max(generation), 0) from rate_count")).scalar_one()
    anew = newest < after
    rows = connection.execute(_CHANGED, {"after": 0 if anew else after}).all()
    cells = {
        (row.line_item_id, row.placement_id): Counts(row.views, row.clicks, row.conversions, row.decisions)
        for row in rows
    }
    campaign_of = {row.line_item_id: row.campaign_id for row in rows if row.campaign_id is not None}
    return Fresh(cells, campaign_of, int(newest), anew)
