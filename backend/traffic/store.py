"""SQL of invalid traffic: events in, sums, flags and the events under them out; lists and allowances."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, text

from backend.core.ruleset import Ruleset
from backend.traffic.cells import Cell, Cells, Key, Level
from backend.traffic.exposure import Seen, is_steady, is_still, moment_of, trace_of, watched_ms
from backend.traffic.lists import Allowance
from backend.traffic.verdict import Finding, Scope

TRAFFIC_LOCK = 0x5167_4206
LISTS_LOCK = 0x5167_420C
FORGETTING_LOCK = 0x5167_420D
EPOCH = date(1970, 1, 1)
SNAPSHOT = "snapshot"
ROWS_AT_ONCE = 2_000

# Only ingest writes views and clicks, under a lock, so nothing appears behind the number that was reached.
_EVENTS = text("""
select seq, placement_id, publisher_index, kind = 'click' as is_click,
       ('x0000' || left(decision_id, 12))::bit(64)::bigint as decided_ms, received_ms, viewer_mark, network_mark,
       samples
  from (select * from event where seq > :after order by seq limit :limit) e
 where kind in ('viewable', 'click')
""")
_REACHED = text("select max(seq) from (select seq from event where seq > :after order by seq limit :limit) e")

_NAMES = tuple(field.name for field in fields(Cell))
_COLUMNS = ", ".join(_NAMES)
_CASTS = ", ".join(f"cast(:{name} as bigint[])" for name in _NAMES)
_LEAST, _MOST = ("first_ms", "first_seq"), ("last_ms", "last_seq")
_SUMS = ", ".join(
    f"{name} = least(traffic_cell.{name}, excluded.{name})" if name in _LEAST else
    f"{name} = greatest(traffic_cell.{name}, excluded.{name})" if name in _MOST else
    f"{name} = traffic_cell.{name} + excluded.{name}"
    for name in _NAMES
)
# xmax is 0 in a row that this statement has made
_ADD = text(f"""
insert into traffic_cell (day, placement_id, level, mark, {_COLUMNS})
select * from unnest(cast(:day as date[]), cast(:placement as bigint[]), cast(:level as text[]),
                     cast(:mark as bigint[]), {_CASTS})
    on conflict (day, placement_id, level, mark) do update set {_SUMS}
returning day, placement_id, level, mark, {_COLUMNS}, xmax = 0 as is_fresh
""")  # noqa: S608 -- names of our columns

_FLAG = text("""
insert into traffic_flag (day, placement_id, publisher_index, level, mark, rule, scope, evidence, ruleset)
values (:day, :placement, coalesce(
            (select publisher_index from placement join world on world.id = world_id where placement.id = :placement),
            :publisher
        ), :level, :mark, :rule, :scope, cast(:evidence as jsonb), :ruleset)
    on conflict do nothing
""")

_FLAGGED_CELLS = text("""
select f.id, f.day, f.placement_id, f.level, f.mark, f.scope
  from traffic_flag f
  join unnest(cast(:day as date[]), cast(:placement as bigint[]), cast(:level as text[]), cast(:mark as bigint[]))
    as k(day, placement_id, level, mark)
    on (f.day, f.placement_id, f.level, f.mark) = (k.day, k.placement_id, k.level, k.mark)
 where f.status <> 'lifted'
   for share of f
""")

# All events of a decision are flagged with its view: the click, and the conversion that followed.
_MARKED = text("""
select seq, event_id, decision_id, kind, placement_id, viewer_mark, network_mark, received_ms, samples
  from event
 where seq between :first and :last and placement_id = any(:placements) and kind in ('viewable', 'click')
   and (:is_wide or viewer_mark = any(:marks) or network_mark = any(:marks))
""")

_FLAG_EVENTS = text("""
insert into flagged_event (event_id, flag_id)
select e.event_id, d.flag_id
  from unnest(cast(:decisions as text[]), cast(:flags as bigint[]), cast(:clicks_only as boolean[]))
    as d(decision_id, flag_id, clicks_only)
  join event e using (decision_id)
 where e.kind in ('click', 'conversion') or (e.kind = 'viewable' and not d.clicks_only)
    on conflict do nothing
""")

_OTHERS = text("""
select other.id, other.day, other.placement_id, other.level, other.mark, other.scope
  from traffic_flag flag join traffic_flag other using (day, placement_id)
 where flag.id = :flag and other.id <> flag.id and other.status <> 'lifted' and other.mark is not null
   for share of other
""")

_UNDER = text("""
select event_id, decision_id, kind, placement_id, viewer_mark, network_mark, received_ms, samples
  from event
 where kind in ('viewable', 'click')
   and decision_id in (select decision_id from flagged_event join event using (event_id) where flag_id = :flag)
""")

_HAND_OVER = text("""
update flagged_event f set flag_id = d.flag_id
  from unnest(cast(:decisions as text[]), cast(:flags as bigint[]), cast(:clicks_only as boolean[]))
    as d(decision_id, flag_id, clicks_only)
  join event e using (decision_id)
 where f.event_id = e.event_id and f.flag_id = :flag
   and (e.kind in ('click', 'conversion') or not d.clicks_only)
""")

# A click has no trace, and may come on another day, or from another network, than the view that was flagged.
_FLAG_FOLLOWERS = text("""
insert into flagged_event (event_id, flag_id)
select e.event_id, f.id
  from event e
  join flagged_event known on known.event_id = any(array[e.decision_id || '01', e.decision_id || '02'])
  join traffic_flag f on f.id = known.flag_id and f.status <> 'lifted'
 where e.seq between :first and :last and e.kind in ('click', 'conversion')
 order by f.id
   for share of f
    on conflict do nothing
""")


@dataclass(frozen=True, slots=True)
class FlaggedCell:
    """A cell that has a flag which stands."""

    flag: int
    key: Key
    scope: Scope


def lock_traffic(connection: Connection) -> bool:
    """Whether this transaction is the one that counts; only one at a time."""
    found = connection.execute(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": TRAFFIC_LOCK}).scalar()
    return bool(found)


def read_progress(connection: Connection) -> int | None:
    """Up to which `seq` events are counted; None before the first time."""
    found: int | None = connection.execute(text("select seq from traffic_progress where id = 1")).scalar()
    return found


def last_seq(connection: Connection) -> int:
    return int(connection.execute(text("select coalesce(max(seq), 0) from event")).scalar_one())


def write_progress(connection: Connection, seq: int) -> None:
    connection.execute(text(
        "insert into traffic_progress (id, seq) values (1, :seq) on conflict (id) do update set seq = excluded.seq"
    ), {"seq": seq})


def read_events(connection: Connection, after: int, limit: int, rules: Ruleset) -> tuple[list[Seen], int]:
    """Views and clicks among the next `limit` events, in order, and the `seq` that was reached."""
    bound = {"after": after, "limit": limit}
    reached = connection.execute(_REACHED, bound).scalar()
    found = [_seen(row, rules) for row in connection.execute(_EVENTS, bound)]
    return sorted(found, key=lambda one: one.seq), after if reached is None else int(reached)


def _seen(row: Row[Any], rules: Ruleset) -> Seen:
    return Seen(
        seq=row.seq, placement=row.placement_id, publisher=row.publisher_index, is_click=row.is_click,
        decided_ms=row.decided_ms, received_ms=row.received_ms, viewer=row.viewer_mark, network=row.network_mark,
        watched_ms=watched_ms(row.samples), is_steady=is_steady(row.samples), is_still=is_still(row.samples),
        trace=_trace(row, row.is_click, row.decided_ms, rules),
    )


def _trace(row: Row[Any], is_click: bool, decided_ms: int, rules: Ruleset) -> int | None:
    if is_click:
        return moment_of(row.received_ms - decided_ms, rules.ivt_click_moment_ms)
    return trace_of(row.samples, rules.ivt_trace_points_min)


def add_cells(connection: Connection, cells: Mapping[Key, Cell]) -> tuple[Cells, set[Key]]:
    """Add to the sums; gives the new sums, and which cells are new."""
    if not cells:
        return {}, set()
    ordered = sorted(cells)
    bound = _keys(ordered) | {name: [getattr(cells[key], name) for key in ordered] for name in _NAMES}
    totals: Cells = {}
    fresh: set[Key] = set()
    for row in connection.execute(_ADD, bound):
        key = _key(row)
        totals[key] = Cell(*row[4:-1])
        if row.is_fresh:
            fresh.add(key)
    return totals, fresh


def _keys(keys: Sequence[Key]) -> dict[str, list[object]]:
    return {
        "day": [EPOCH + timedelta(days=key.day) for key in keys], "placement": [key.placement for key in keys],
        "level": [key.level.value for key in keys], "mark": [key.mark for key in keys],
    }


def _key(row: Row[Any]) -> Key:
    return Key((row.day - EPOCH).days, int(row.placement_id), Level(row.level), int(row.mark))


def write_flags(
    connection: Connection, found: Mapping[Key, Finding], publishers: Mapping[int, int], ruleset: str,
    versions: Mapping[str, str],
) -> None:
    """A flag for each cell that has none. It is the placement's owner's, else `publishers`' (by placement).

    `versions`: of the lists that were in force.
    """
    rows = [
        {
            "day": EPOCH + timedelta(days=key.day), "placement": key.placement,
            "publisher": publishers[key.placement], "level": key.level.value, "mark": key.mark,
            "rule": one.rule.value, "scope": one.scope.value, "ruleset": ruleset,
            "evidence": msgspec.json.encode({**one.evidence, "lists": versions}).decode(),
        }
        for key, one in found.items()
    ]
    if rows:
        connection.execute(_FLAG, rows)


def flagged_cells(connection: Connection, keys: Iterable[Key]) -> list[FlaggedCell]:
    """Those of these cells that have a flag which stands, in the order of the flags; none is lifted meanwhile."""
    asked = sorted(keys)
    rows = connection.execute(_FLAGGED_CELLS, _keys(asked)) if asked else ()
    return sorted(
        (FlaggedCell(row.id, _key(row), Scope(row.scope)) for row in rows), key=lambda one: one.flag
    )


def flag_events(
    connection: Connection, cells: Sequence[FlaggedCell], first: int, last: int, rules: Ruleset
) -> None:
    """Put the events of flagged cells between two `seq`s under their flags, each under the first that takes all of it.

    What is under a flag already stays there.
    """
    by_key = {one.key: one for one in reversed(cells)}
    bound = {
        "first": first, "last": last, "placements": sorted({one.key.placement for one in cells}),
        "marks": sorted({one.key.mark for one in cells}),
        "is_wide": any(one.key.level in (Level.PLACEMENT, Level.TRACE) for one in cells),
    }
    # a popular placement's day does not fit the memory of a worker
    options = {"stream_results": True, "max_row_buffer": ROWS_AT_ONCE}
    found = connection.execute(_MARKED, bound, execution_options=options)
    for rows in found.partitions(ROWS_AT_ONCE):
        _flag_rows(connection, rows, by_key, rules)


def hand_over(connection: Connection, flag: int, rules: Ruleset) -> None:
    """Give a flag's events to the other flags of its placement and day that take them too and stand.

    What the ledger did with them stays as it is. Without marks, after two days, nobody knows of others any more.
    """
    others = [
        FlaggedCell(row.id, _key(row), Scope(row.scope)) for row in connection.execute(_OTHERS, {"flag": flag})
    ]
    if others:
        found = connection.execute(_UNDER, {"flag": flag})
        for rows in found.partitions(ROWS_AT_ONCE):
            decisions = _decisions(rows, {one.key: one for one in others}, rules)
            connection.execute(_HAND_OVER, {"flag": flag, **_bound(decisions)})


def _flag_rows(
    connection: Connection, rows: Iterable[Row[Any]], by_key: Mapping[Key, FlaggedCell], rules: Ruleset
) -> None:
    decisions = _decisions(rows, by_key, rules)
    if decisions:
        connection.execute(_FLAG_EVENTS, _bound(decisions))


def _decisions(
    rows: Iterable[Row[Any]], by_key: Mapping[Key, FlaggedCell], rules: Ruleset
) -> dict[str, FlaggedCell]:
    decisions: dict[str, FlaggedCell] = {}
    for row in rows:
        for key in _keys_of(row, rules):
            one = by_key.get(key)
            if one is not None:
                decisions[row.decision_id] = min(decisions.get(row.decision_id, one), one, key=_widest)
    return decisions


def _bound(decisions: Mapping[str, FlaggedCell]) -> dict[str, list[object]]:
    return {
        "decisions": list(decisions), "flags": [one.flag for one in decisions.values()],
        "clicks_only": [one.scope is Scope.CLICKS for one in decisions.values()],
    }


def _widest(cell: FlaggedCell) -> tuple[bool, int]:
    """Who is flagged with all views comes before a placement whose clicks are, and then the earlier flag."""
    return cell.scope is Scope.CLICKS, cell.flag


def flag_followers(connection: Connection, first: int, last: int) -> None:
    """Put clicks and conversions between two `seq`s under the flag of their decision's view or click."""
    connection.execute(_FLAG_FOLLOWERS, {"first": first, "last": last})


def _keys_of(row: Row[Any], rules: Ruleset) -> list[Key]:
    day = row.received_ms // 86_400_000
    marks = (
        (Level.PLACEMENT, 0), (Level.NETWORK, row.network_mark), (Level.VIEWER, row.viewer_mark),
        (Level.TRACE, _trace(row, row.kind == "click", int(row.decision_id[:12], 16), rules)),
    )
    return [Key(day, row.placement_id, level, mark) for level, mark in marks if mark is not None]


# ---- lists ----------------------------------------------------------------------------------------------------------


@cache
def shipped() -> Mapping[str, Sequence[str]]:
    """The lists that came with the package, by name."""
    folder = files("backend.traffic") / SNAPSHOT
    lists: dict[str, list[str]] = {}
    name = ""
    for line in (folder / "networks.txt").read_text().splitlines():
        if line.startswith("["):
            name = line.strip("[]")
        else:
            lists.setdefault(name, []).append(line)
    return lists | {"crawlers": (folder / "crawlers.txt").read_text().splitlines()}


def read_lists(connection: Connection) -> dict[str, tuple[str, list[str]]]:
    """The lists in force: digest and entries by name."""
    rows = connection.execute(text("select name, digest, content from traffic_list where content is not null"))
    return {row.name: (row.digest, row.content.splitlines()) for row in rows}


def list_state(connection: Connection) -> tuple[Any, ...]:
    """Something that changes whenever a list or an allowance does."""
    return tuple(connection.execute(text("""
        select (select coalesce(max(fetched_at)::text, '') from traffic_list),
               (select count(*) from traffic_list),
               (select string_agg(id::text, ',' order by id) from traffic_allowance)
    """)).one())


def is_due(connection: Connection, name: str, seconds: int) -> bool:
    """Whether the newest version of a list was fetched, or found unchanged, longer ago than that."""
    return not connection.execute(text(
        "select exists (select from traffic_list where name = :name and content is not null"
        " and fetched_at > now() - make_interval(secs => :seconds))"
    ), {"name": name, "seconds": seconds}).scalar()


def lock_lists(connection: Connection) -> None:
    """Wait until nobody else puts a list in force; held until we commit."""
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LISTS_LOCK})


def write_list(connection: Connection, name: str, digest: str, entries: Sequence[str]) -> None:
    """Put a version in force; the one before keeps its digest and number only. Needs `lock_lists`."""
    connection.execute(text("update traffic_list set content = null where name = :name and digest <> :digest"),
                       {"name": name, "digest": digest})
    connection.execute(text("""
        insert into traffic_list (name, digest, entries, content, fetched_at)
        values (:name, :digest, :entries, :content, now())
            on conflict (name, digest) do update set content = excluded.content, fetched_at = now()
    """), {"name": name, "digest": digest, "entries": len(entries), "content": "\n".join(entries)})


def read_allowances(connection: Connection) -> list[Allowance]:
    rows = connection.execute(text("select network, publisher_index from traffic_allowance"))
    return [(row.network, None if row.publisher_index is None else int(row.publisher_index)) for row in rows]


def untold(connection: Connection) -> list[tuple[int, int, str]]:
    """Placements with flags of a day of which nothing was told yet: (placement, a flag's id, the owner's wallet).

    They count as told from now on, and so does what is flagged there later on the same day.
    """
    rows = connection.execute(text("""
        with news as (
            update traffic_flag set told = true where not told returning id, day, placement_id, publisher_index
        )
        select n.placement_id, min(n.id) as flag, p.wallet
          from news n join publisher p on p.index = n.publisher_index
         where not exists (select from traffic_flag old where old.placement_id = n.placement_id and old.day = n.day
                              and old.told and old.id not in (select id from news))
         group by n.placement_id, n.day, p.wallet order by 1
    """))
    return [(int(row.placement_id), int(row.flag), str(row.wallet)) for row in rows]


def versions(connection: Connection) -> dict[str, str]:
    """Digests of the lists in force, by name; those that were never fetched are not there."""
    rows = connection.execute(text("select name, digest from traffic_list where content is not null"))
    return {row.name: row.digest for row in rows}


# ---- what has an end ------------------------------------------------------------------------------------------------


FORGOTTEN = 2       # row of traffic_progress: up to which `seq` marks are blank

_BLANK = text("""
with old as (
    select seq, received_ms from event
     where seq > (select coalesce(max(seq), 0) from traffic_progress where id = :row) order by seq limit :limit
), done as (
    update event set viewer_mark = null, network_mark = null
     where seq in (select seq from old where received_ms < :before) returning seq
)
insert into traffic_progress (id, seq) select :row, max(seq) from done having max(seq) is not null
    on conflict (id) do update set seq = excluded.seq
returning (select count(*) from done)
""")
# who reads a flag at this moment keeps its mark until the next time
_BLANK_FLAGS = text("""
update traffic_flag set mark = null where id in (
    select id from traffic_flag where mark is not null and day < :day for update skip locked)
""")


def lock_forgetting(connection: Connection) -> bool:
    """Whether this transaction is the one that forgets."""
    found = connection.execute(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": FORGETTING_LOCK}).scalar()
    return bool(found)


def forget_marks(connection: Connection, before_ms: int, limit: int) -> int:
    """Blank the marks of events received before, and delete the sums of the days before; how many events.

    Needs `lock_forgetting`.
    """
    day = EPOCH + timedelta(milliseconds=before_ms)
    connection.execute(text("delete from traffic_cell where day < :day"), {"day": day})
    connection.execute(_BLANK_FLAGS, {"day": day})
    done = connection.execute(_BLANK, {"row": FORGOTTEN, "before": before_ms, "limit": limit}).scalar()
    return int(done or 0)
