"""The stream of events in Redis, and the tables it ends in."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec
import redis
import redis.asyncio
from sqlalchemy import Connection, text

from backend.ingest.reports import AcceptedRecord, DroppedRecord
from backend.ingest.sequence import Row

STREAM = "sl:events"
POISON_STREAM = "sl:events:poison"
POISON_MAX = 10_000
GROUP = "ingest"
CONSUMER = "ingest"             # one name for all processes: the lock says which of them it is
FIELD = "batch"
RATE_SECONDS = 120
INGEST_LOCK = 0x5167_4202


# ---- writing side: the API ------------------------------------------------------------------------------------------


async def count_viewers(client: redis.asyncio.Redis, minute: int, events: Mapping[bytes, int]) -> dict[bytes, int]:
    """Add to each viewer's count of this minute; gives what it was before."""
    pipeline = client.pipeline(transaction=False)
    for viewer, n in events.items():
        key = f"sl:rate:{viewer.hex()}:{minute}"
        pipeline.incrby(key, n)
        pipeline.expire(key, RATE_SECONDS)
    answers = await pipeline.execute()
    return {viewer: answers[2 * place] - n for place, (viewer, n) in enumerate(events.items())}


async def append(client: redis.asyncio.Redis, entry: bytes) -> int:
    """Add an entry to the stream; gives the stream's length. When this returns, Redis has it (on disk: AOF always)."""
    pipeline = client.pipeline(transaction=False)
    pipeline.xadd(STREAM, {FIELD: entry})
    pipeline.xlen(STREAM)
    answers = await pipeline.execute()
    return int(answers[1])


async def queue_length(client: redis.asyncio.Redis) -> int:
    """Entries that are not in SQL yet."""
    return int(await client.xlen(STREAM))


# ---- reading side: the consumer -------------------------------------------------------------------------------------


def is_empty(client: redis.Redis) -> bool:
    return client.xlen(STREAM) == 0


def read_entries(client: redis.Redis, most: int) -> list[tuple[str, bytes | None]]:
    """What was delivered but never acknowledged, else what is new; (stream id, batch) in the order of the stream."""
    try:
        return _read(client, "0", most) or _read(client, ">", most)
    except redis.ResponseError as error:
        if "NOGROUP" not in str(error):
            raise
        client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        return _read(client, ">", most)


def _read(client: redis.Redis, start: str, most: int) -> list[tuple[str, bytes | None]]:
    answer = cast(Any, client.xreadgroup(GROUP, CONSUMER, {STREAM: start}, count=most))
    if not answer:
        return []
    entries = answer[0][1]
    return [(stream_id.decode(), (fields or {}).get(FIELD.encode())) for stream_id, fields in entries]


def acknowledge(client: redis.Redis, stream_ids: Sequence[str], poison: Mapping[str, tuple[str, bytes]]) -> None:
    """Delete what is stored. `poison` (reason, batch by stream id) moves to a stream of its own, for people."""
    pipeline = client.pipeline(transaction=True)
    for stream_id, (reason, batch) in poison.items():
        pipeline.xadd(
            POISON_STREAM, {"id": stream_id, "reason": reason, FIELD: batch}, maxlen=POISON_MAX, approximate=True
        )
    pipeline.xack(STREAM, GROUP, *stream_ids)
    pipeline.xdel(STREAM, *stream_ids)
    pipeline.execute()


_LOCK = text("select pg_try_advisory_xact_lock(:lock)")

_STORED_ENTRIES = text("""
select stream_id from event where stream_id = any(cast(:ids as text[]))
union select stream_id from dropped_event where stream_id = any(cast(:ids as text[]))
""")

_STORED_EVENTS = text("select event_id from event where event_id = any(cast(:ids as text[]))")

_INSERT_EVENTS = text("""
insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id, placement_id,
                   publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id, stream_index, samples,
                   action_price_micro_usdc, click_ref, status)
select event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id, placement_id,
       publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id, stream_index, samples::jsonb,
       action_price_micro_usdc, click_ref, 'accepted'
  from unnest(
    cast(:event_id as text[]), cast(:decision_id as text[]), cast(:kind as text[]), cast(:bid_kind as text[]),
    cast(:chain_campaign as bigint[]), cast(:line_item_id as bigint[]), cast(:creative_id as bigint[]),
    cast(:placement_id as bigint[]), cast(:publisher_index as bigint[]), cast(:price_micro_usdc as bigint[]),
    cast(:occurred_ms as bigint[]), cast(:received_ms as bigint[]), cast(:stream_id as text[]),
    cast(:stream_index as int[]), cast(:samples as text[]), cast(:action_price_micro_usdc as bigint[]),
    cast(:click_ref as text[])
  ) with ordinality as new (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id,
                            placement_id, publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id,
                            stream_index, samples, action_price_micro_usdc, click_ref, place)
 order by place
""")

_INSERT_DROPPED = text("""
insert into dropped_event (stream_id, stream_index, reason, kind, decision_id, placement_id, received_ms)
select * from unnest(
  cast(:stream_id as text[]), cast(:stream_index as int[]), cast(:reason as text[]), cast(:kind as text[]),
  cast(:decision_id as text[]), cast(:placement_id as bigint[]), cast(:received_ms as bigint[]))
""")


def lock_ingest(connection: Connection) -> bool:
    """Whether this transaction is the one that stores events; only one at a time, so that order means something."""
    return bool(connection.execute(_LOCK, {"lock": INGEST_LOCK}).scalar())


def stored_entries(connection: Connection, stream_ids: Iterable[str]) -> set[str]:
    """Which entries are in SQL. An entry is stored in one transaction, so any row of it means all of it."""
    return set(connection.execute(_STORED_ENTRIES, {"ids": list(stream_ids)}).scalars())


def stored_events(connection: Connection, event_ids: Collection[str]) -> set[str]:
    """Which of these event ids are in SQL."""
    return set(connection.execute(_STORED_EVENTS, {"ids": list(event_ids)}).scalars())


def insert_rows(connection: Connection, rows: Sequence[Row]) -> None:
    """Write accepted and dropped events. A row that is there already is an error: see `stored_entries`."""
    events = [_event(row, row.record) for row in rows if isinstance(row.record, AcceptedRecord)]
    dropped = [_dropped(row, row.record) for row in rows if isinstance(row.record, DroppedRecord)]
    if events:
        connection.execute(_INSERT_EVENTS, _columns(events))
    if dropped:
        connection.execute(_INSERT_DROPPED, _columns(dropped))


def _event(row: Row, record: AcceptedRecord) -> dict[str, object]:
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    return fields | {
        "samples": msgspec.json.encode(record.samples).decode(),
        "received_ms": row.received_ms, "stream_id": row.stream_id, "stream_index": row.stream_index,
    }


def _dropped(row: Row, record: DroppedRecord) -> dict[str, object]:
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    return fields | {
        "reason": record.reason.value,
        "received_ms": row.received_ms, "stream_id": row.stream_id, "stream_index": row.stream_index,
    }


def _columns(rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
