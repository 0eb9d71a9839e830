"""Counts of views, clicks, conversions and decisions by line item and placement: `rate_count`, folded from events.

One pass at a time adds what the ledger has decided since the last pass, so nobody reads the events again. Each pass
has a `generation`, which marks the rows that it changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from backend.pctr.rate import Cell, Counts

COUNTING_LOCK = 0x5167_5243
EVENTS_MAX = 200_000                        # numbers of events that one pass looks at
TALLIES_LATE = timedelta(minutes=10)        # behind the newest tally; what is flushed later is not counted
TALLIES_MAX = timedelta(days=1)             # of tallies in one pass


@dataclass(frozen=True, slots=True)
class Position:
    """What is counted: events up to this number in the order of the ledger, tallies up to this minute."""

    settled_seq: int
    minute: datetime | None
    generation: int


def try_lock(connection: Connection) -> bool:
    """Whether this transaction is the one that counts."""
    return bool(connection.execute(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": COUNTING_LOCK}).scalar())


def last_settled(connection: Connection) -> int:
    return int(connection.execute(text("select coalesce(max(settled_seq), 0) from event")).scalar_one())


def read_position(connection: Connection) -> Position | None:
    """None when nothing is counted yet, or somebody has deleted the row so that everything is counted anew."""
    row = connection.execute(text("select settled_seq, minute, generation from rate_cursor")).one_or_none()
    return Position(*row) if row else None


def begin_anew(connection: Connection) -> Position:
    """Forget all counts; generations go on, so that whoever read some reads all again."""
    generation = connection.execute(text("select coalesce(max(generation), 0) from rate_count")).scalar_one()
    connection.execute(text("delete from rate_count"))
    connection.execute(text("delete from rate_cursor"))
    return Position(0, None, int(generation))


def write_position(connection: Connection, position: Position) -> None:
    connection.execute(
        text("""insert into rate_cursor (id, settled_seq, minute, generation) values (1, :seq, :minute, :generation)
                on conflict (id) do update set settled_seq = excluded.settled_seq, minute = excluded.minute,
                                               generation = excluded.generation"""),
        {"seq": position.settled_seq, "minute": position.minute, "generation": position.generation},
    )


# Views of a click bid are `unpaid` and those beyond a budget `dropped`: both were seen, and tell as much as any other.
_ADD_EVENTS = text("""
insert into rate_count as known (line_item_id, placement_id, views, clicks, conversions, generation)
select line_item_id, placement_id, count(*) filter (where kind = 'viewable'), count(*) filter (where kind = 'click'),
       count(*) filter (where kind = 'conversion'), :generation
  from event where settled_seq > :after and settled_seq <= :until and kind in ('viewable', 'click', 'conversion')
 group by line_item_id, placement_id
    on conflict (line_item_id, placement_id) do update
   set views = known.views + excluded.views, clicks = known.clicks + excluded.clicks,
       conversions = known.conversions + excluded.conversions, generation = excluded.generation
""")

_ADD_DECISIONS = text("""
insert into rate_count as known (line_item_id, placement_id, decisions, generation)
select line_item_id, placement_id, sum(n), :generation from serving_tally
 where minute > :after and minute <= :until and outcome = 'decision' and line_item_id > 0
 group by line_item_id, placement_id
    on conflict (line_item_id, placement_id) do update
   set decisions = known.decisions + excluded.decisions, generation = excluded.generation
""")


def add_events(connection: Connection, after: int, until: int, generation: int) -> None:
    """Count events by their number in the order of the ledger. Needs the lock."""
    connection.execute(_ADD_EVENTS, {"after": after, "until": until, "generation": generation})


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
