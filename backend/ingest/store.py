"""The stream of events in Redis as its consumer sees it, and the tables it ends in. ingest/door writes the stream."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import psycopg
import redis
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from backend.core.ids import Address
from backend.ingest.reports import AcceptedRecord, DroppedRecord
from backend.ingest.sequence import Row
from backend.ingest.stream import BYTES, FIELD, POISON_STREAM, STREAM

GROUP = "ingest"
CONSUMER = "ingest"             # one name for all processes: the lock says which of them it is
ENTRIES_PER_READ = 32           # an entry has 256 KB at most: what a pass may hold is looked at after so many
ACKNOWLEDGED_AT_ONCE = 500
ROWS_PER_WRITE = 200
INGEST_LOCK = 0x5167_4202
NULL = "\\N"                    # in COPY's text format

_UNSTORABLE = (psycopg.DataError, psycopg.IntegrityError, ValueError)
_LIMIT = "54"                   # class of SQLSTATE: longer or deeper than PostgreSQL will have it


def why_unstorable(error: Exception) -> Exception | None:
    """What is wrong when a table will not have an entry: it is there already and Redis did not know, or it is nothing

    that we write. None for other errors, of which the entry is not the cause.
    """
    cause = error.orig if isinstance(error, DBAPIError) and isinstance(error.orig, Exception) else error
    is_limit = (getattr(cause, "sqlstate", None) or "").startswith(_LIMIT)
    return cause if is_limit or isinstance(cause, _UNSTORABLE) else None


@dataclass(frozen=True, slots=True)
class Poison:
    """An entry that cannot be stored, and why. `bytes` as it came."""

    reason: str
    batch: bytes


# ---- reading side: the consumer -------------------------------------------------------------------------------------


def is_empty(client: redis.Redis) -> bool:
    return client.xlen(STREAM) == 0


class Deliveries:
    """What waits, part by part: first what was delivered but never acknowledged, then what is new, in the order of the
    stream.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._after: str | None = "0-0"         # None: nothing is left that was delivered before

    def read(self, most: int, bytes_most: int) -> list[tuple[str, bytes | None]]:
        """(stream id, batch) of at most `most` entries, and no more once they have `bytes_most` bytes."""
        try:
            return self._read(most, bytes_most)
        except redis.ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
            return self._read(most, bytes_most)

    def _read(self, most: int, bytes_most: int) -> list[tuple[str, bytes | None]]:
        entries: list[tuple[str, bytes | None]] = []
        size = 0
        while len(entries) < most and size < bytes_most:
            found = _read(self._redis, self._after or ">", min(ENTRIES_PER_READ, most - len(entries)))
            if found:
                entries += found
                size += sum(len(batch) for _, batch in found if batch)
                self._after = found[-1][0] if self._after else None
            elif self._after:
                self._after = None
            else:
                break
        return entries


def _read(client: redis.Redis, start: str, most: int) -> list[tuple[str, bytes | None]]:
    answer = cast(Any, client.xreadgroup(GROUP, CONSUMER, {STREAM: start}, count=most))
    if not answer:
        return []
    entries = answer[0][1]
    return [(stream_id.decode(), (fields or {}).get(FIELD.encode())) for stream_id, fields in entries]


def acknowledge(client: redis.Redis, sizes: Mapping[str, int], poison: Mapping[str, Poison]) -> None:
    """Delete what is stored (bytes by stream id). `poison` moves to a stream of its own, for people, however much it
    is: what its sender was promised is not forgotten, and when memory is short, the door says so.

    What another process has acknowledged meanwhile is left as it is.
    """
    pipeline = client.pipeline(transaction=True)
    for stream_id, one in poison.items():
        about = (stream_id, sizes[stream_id], one.reason, one.batch)
        pipeline.eval(_SET_ASIDE, 3, STREAM, BYTES, POISON_STREAM, GROUP, *about)
    stored = [stream_id for stream_id in sizes if stream_id not in poison]
    for first in range(0, len(stored), ACKNOWLEDGED_AT_ONCE):
        some = stored[first : first + ACKNOWLEDGED_AT_ONCE]
        pipeline.eval(_DELETE, 2, STREAM, BYTES, GROUP, *some, *(sizes[stream_id] for stream_id in some))
    pipeline.execute()


# An empty stream has no bytes, whatever was lost or renamed before.
_LESS = """
if redis.call('XLEN', KEYS[1]) == 0 or redis.call('DECRBY', KEYS[2], gone) < 0 then redis.call('DEL', KEYS[2]) end
"""
_DELETE = f"""
local entries, gone = (#ARGV - 1) / 2, 0
redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 2, 1 + entries))
for place = 2, 1 + entries do
    if redis.call('XDEL', KEYS[1], ARGV[place]) == 1 then gone = gone + ARGV[entries + place] end
end
{_LESS}"""
_SET_ASIDE = f"""
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if redis.call('XDEL', KEYS[1], ARGV[2]) == 0 then return end
redis.call('XADD', KEYS[3], '*', 'id', ARGV[2], 'reason', ARGV[4], '{FIELD}', ARGV[5])
local gone = ARGV[3]
{_LESS}"""


def admins(connection: Connection) -> list[Address]:
    """Accounts that are the platform's admins by the tables."""
    rows = connection.execute(text("select wallet from platform_role where role = 'admin' order by wallet"))
    return [Address(wallet) for wallet in rows.scalars()]


def told_lately(connection: Connection, kind: str) -> bool:
    """Whether somebody was sent a notice of that kind within the last hour."""
    return bool(connection.execute(_TOLD_LATELY, {"kind": kind}).scalar())


_TOLD_LATELY = text("""
select exists(select 1 from notice where kind = :kind and created_at > now() - interval '1 hour')
""")
# What a pass asks for, it asks by keys. A planner that has not counted the table lately would sooner read all of it,
# once for each part.
_LOCK = text("select set_config('enable_seqscan', 'off', true), pg_try_advisory_xact_lock(:lock) as locked")

_STORED_ENTRIES = text("""
select distinct on (stream_id) stream_id, stream_index, received_ms, decision_id, kind from (
    select stream_id, stream_index, received_ms, decision_id, kind from event
     where stream_id = any(cast(:ids as text[]))
    union all
    select stream_id, stream_index, received_ms, decision_id, kind from dropped_event
     where stream_id = any(cast(:ids as text[]))
) as stored order by stream_id, stream_index
""")

_STORED_EVENTS = text("select event_id from event where event_id = any(cast(:ids as text[]))")

_COPY_EVENTS = """
copy event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id, placement_id,
            publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id, stream_index, samples,
            action_price_micro_usdc, click_ref, viewer_mark, network_mark, status) from stdin
"""
_COPY_DROPPED = """
copy dropped_event (stream_id, stream_index, reason, kind, decision_id, placement_id, received_ms) from stdin
"""

_EARLY = text("""
select event_id, stream_id, stream_index, received_ms, record from early_click
 where event_id = any(cast(:ids as text[]))
""")
_ANY_EARLY = text("select exists(select 1 from early_click)")
_INSERT_EARLY = text("""
insert into early_click (event_id, stream_id, stream_index, received_ms, record)
select * from unnest(cast(:event_id as text[]), cast(:stream_id as text[]), cast(:stream_index as int[]),
                     cast(:received_ms as bigint[]), cast(:record as bytea[]))
""")
# the drop is taken back, and its count with it
_TAKE_BACK = text("""
with found as (
    delete from early_click where event_id = any(cast(:ids as text[])) returning stream_id, stream_index
), gone as (
    delete from dropped_event d using found f
     where d.stream_id = f.stream_id and d.stream_index = f.stream_index returning d.reason
)
update traffic_count c set n = c.n - g.n
  from (select reason, count(*) as n from gone group by reason) g where c.what = 'dropped' and c.name = g.reason
""")
_FORGET_EARLY = text("delete from early_click where received_ms < :before_ms")


def lock_ingest(connection: Connection) -> bool:
    """Whether this transaction is the one that stores events; only one at a time, so that order means something."""
    return bool(connection.execute(_LOCK, {"lock": INGEST_LOCK}).one().locked)


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of an entry that is in SQL: which of its records it is, and what does not change about it."""

    stream_index: int
    received_ms: int
    decision_id: str | None
    kind: str | None


def stored_entries(connection: Connection, stream_ids: Iterable[str]) -> dict[str, Stored]:
    """The first row of each of these entries that is in SQL. It is stored in one transaction, so that means all of it.
    """
    rows = connection.execute(_STORED_ENTRIES, {"ids": list(stream_ids)})
    return {stream_id: Stored(*row) for stream_id, *row in rows}


def stored_events(connection: Connection, event_ids: Collection[str]) -> set[str]:
    """Which of these event ids are in SQL."""
    if not event_ids:
        return set()
    return set(connection.execute(_STORED_EVENTS, {"ids": list(event_ids)}).scalars())


def early_clicks(connection: Connection, event_ids: Collection[str]) -> dict[str, Row]:
    """Clicks among these that came before their view, by event id."""
    if not event_ids or not connection.execute(_ANY_EARLY).scalar():
        return {}
    return {
        row.event_id: Row(row.stream_id, row.stream_index, row.received_ms, _decode_record(bytes(row.record)))
        for row in connection.execute(_EARLY, {"ids": list(event_ids)})
    }


def keep_early(connection: Connection, clicks: Sequence[Row]) -> None:
    """Remember what these clicks were, should their view still come."""
    records = [(row, row.record) for row in clicks if isinstance(row.record, AcceptedRecord)]
    if records:
        connection.execute(_INSERT_EARLY, {
            "event_id": [record.event_id for _, record in records], "stream_id": [row.stream_id for row, _ in records],
            "stream_index": [row.stream_index for row, _ in records],
            "received_ms": [row.received_ms for row, _ in records],
            "record": [_encode_record(record) for _, record in records],
        })


def take_back(connection: Connection, event_ids: Sequence[str]) -> None:
    """The views of these clicks have come: they are no longer dropped."""
    if event_ids:
        connection.execute(_TAKE_BACK, {"ids": list(event_ids)})


def forget_early(connection: Connection, before_ms: int) -> None:
    """No view can come any more for clicks that were received before (Unix milliseconds)."""
    connection.execute(_FORGET_EARLY, {"before_ms": before_ms})


# A refusal is taken back as a drop is, and its count with it.
_DECIDE_AGAIN = text("""
with again as (
    update conversion set state = 'waiting', reason = null
     where decision_id = any(cast(:decisions as text[])) and state = 'refused' and reason = 'not_attributed'
 returning id
), gone as (
    delete from dropped_event d using again where d.stream_id = 'conversion-' || again.id returning d.reason
)
update traffic_count c set n = c.n - g.n
  from (select reason, count(*) as n from gone group by reason) g where c.what = 'dropped' and c.name = g.reason
""")


def decide_again(connection: Connection, decision_ids: Collection[str]) -> None:
    """What was refused since nothing was known of these decisions waits again. Needs `lock_decisions` from before they
    were stored.
    """
    connection.execute(_DECIDE_AGAIN, {"decisions": sorted(decision_ids)})


# What contracts have logged of these clicks may have been read without them.
_READ_AGAIN = text("""
insert into late_click (goal_id, received_ms)
select goal.id, min(click.received_ms)
  from event click
  join line_item item on item.id = click.line_item_id
  join conversion_goal goal on goal.campaign_id = item.campaign_id and goal.kind = 'on_chain' and goal.status = 'active'
 where click.event_id = any(cast(:ids as text[])) group by goal.id
""")


def read_again(connection: Connection, event_ids: Collection[str]) -> None:
    """Tell the goals of these clicks, which are stored only now, that logs since they came are to be read once more."""
    connection.execute(_READ_AGAIN, {"ids": list(event_ids)})


_encode_record = msgspec.json.Encoder().encode
_decode_record = msgspec.json.Decoder(AcceptedRecord).decode


def copy_rows(connection: Connection, rows: Sequence[Row]) -> None:
    """Write accepted and dropped events, in this order. Raises what `why_unstorable` knows."""
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    _copy(driver, _COPY_EVENTS, [row for row in rows if type(row.record) is AcceptedRecord], _event_line)
    _copy(driver, _COPY_DROPPED, [row for row in rows if type(row.record) is DroppedRecord], _dropped_line)


def _copy(
    driver: "psycopg.Connection[Any]", statement: str, rows: Sequence[Row], line: Callable[[Row, Any], str]
) -> None:
    """PostgreSQL works on one part while we write the next."""
    if not rows:
        return
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for first in range(0, len(rows), ROWS_PER_WRITE):
            copy.write("".join([line(row, row.record) for row in rows[first : first + ROWS_PER_WRITE]]))


def _event_line(row: Row, record: AcceptedRecord) -> str:
    """A line of COPY's text format. Nothing in it needs quoting; what would is none of ours."""
    samples = str(record.samples, "ascii")
    event, decision, kind, bid, click = (
        record.event_id, record.decision_id, record.kind, record.bid_kind, record.click_ref or "none"
    )
    if (
        not f"{event}{decision}{kind}{bid}{click}".isalnum() or not (event and decision and kind and bid)
        or "\\" in samples or "\n" in samples or "\t" in samples
    ):
        raise ValueError("a name with letters that no name of ours has")
    viewer, network = record.viewer_mark, record.network_mark
    return (
        f"{event}\t{decision}\t{kind}\t{bid}\t{record.chain_campaign}\t{record.line_item_id}\t{record.creative_id}\t"
        f"{record.placement_id}\t{record.publisher_index}\t{record.price_micro_usdc}\t{record.occurred_ms}\t"
        f"{row.received_ms}\t{row.stream_id}\t{row.stream_index}\t{samples}\t{record.action_price_micro_usdc}\t"
        f"{record.click_ref or NULL}\t{NULL if viewer is None else viewer}\t"
        f"{NULL if network is None else network}\taccepted\n"
    )


def _or_null(number: int | None) -> int | str:
    return NULL if number is None else number


def _dropped_line(row: Row, record: DroppedRecord) -> str:
    if not all(map(str.isalnum, (record.kind or "none", record.decision_id or "none"))):
        raise ValueError("a name with letters that no name of ours has")
    return (
        f"{row.stream_id}\t{row.stream_index}\t{record.reason.value}\t{record.kind or NULL}\t"
        f"{record.decision_id or NULL}\t{_or_null(record.placement_id)}\t{row.received_ms}\n"
    )
