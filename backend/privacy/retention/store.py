"""Deletes what is older than its term, a batch at a time. Every statement looks at the oldest rows only."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from redis import Redis
from sqlalchemy import Connection, text

from backend.privacy.retention.terms import Kept

BATCH_ROWS = 1_000
UNREADABLE_STREAM = "sl:events:poison"

# an epoch is final on chain, and so is everything before it
FINAL_UNTIL = text("""
select max(epoch.to_ms)
  from epoch
  join chain_epoch on chain_epoch.epoch = epoch.epoch and chain_epoch.chain_id = :chain_id
                  and chain_epoch.status = 'finalized'
  left join chain_block block on block.chain_id = :chain_id and block.number = chain_epoch.finalized_number
 where epoch.status = 'finalised' and coalesce(block.timestamp, chain_epoch.active_at) < :before_s
""")

_DELETE = """
delete from {table} where ctid = any(array(
  select ctid from (select ctid, * from {table} {some} order by {order} limit :most) oldest where {over}))
"""

STATEMENTS: Mapping[Kept, str] = {
    # an event whose charge is not settled yet keeps its samples, however old it is
    Kept.SAMPLES: """
        update event set samples = '[]' where ctid = any(array(
            select event.ctid from event
             where samples::text <> '[]' and received_ms < :final_until_ms and status <> 'accepted'
               and not exists (select from ledger_transfer transfer
                                 left join epoch on epoch.epoch = transfer.epoch
                                where transfer.event_id = event.event_id and transfer.epoch is distinct from 0
                                  and epoch.status is distinct from 'finalised')
             order by received_ms limit :most for update skip locked))""",
    Kept.CLICK_REFERENCES: """
        update event set click_ref = null where ctid = any(array(
            select ctid from event where click_ref is not null and received_ms < :before_ms limit :most))""",
    # stream ids begin with Redis's milliseconds, so the key is in the order of time
    Kept.DROPPED_EVENTS: _DELETE.format(
        table="dropped_event", some="", order="stream_id, stream_index", over="received_ms < :before_ms"
    ),
    Kept.REFUSED_CONVERSIONS: _DELETE.format(
        table="conversion", some="where state = 'refused'", order="id", over="created_at < :before"
    ),
    Kept.TALLIES: _DELETE.format(table="serving_tally", some="", order="minute", over="minute < :before"),
    Kept.LANDSCAPE: _DELETE.format(table="serving_landscape", some="", order="hour", over="hour < :before"),
    Kept.AUDIENCE: _DELETE.format(table="serving_audience", some="", order="hour", over="hour < :before"),
    Kept.SESSIONS: _DELETE.format(table="session", some="", order="expires_at", over="expires_at < :before"),
    Kept.INVITATIONS: _DELETE.format(table="invitation", some="", order="expires_at", over="expires_at < :before"),
    Kept.IDEMPOTENCY_KEYS: _DELETE.format(
        table="idempotency_key", some="", order="created_at", over="created_at < :before"
    ),
    Kept.NOTICES: _DELETE.format(
        table="notice", some="", order="id", over="created_at < :before and fanned_at is not null"
    ),
    Kept.DELIVERIES: _DELETE.format(
        table="webhook_delivery", some="", order="id", over="finished_at < :before and status <> 'pending'"
    ),
    Kept.LAW_KEYS: _DELETE.format(
        table="subject_key", some="where keep_until is not null", order="keep_until",
        over="keep_until < cast(:before as date)",
    ),
}
"""By what is kept; the exports' files and Redis have functions of their own."""


def final_until_ms(connection: Connection, chain_id: int, before: datetime) -> int | None:
    """Events received before are in epochs that were final before `before`; None when none is."""
    if connection.execute(text("select to_regclass('chain_epoch')")).scalar() is None:
        return None
    found = connection.execute(FINAL_UNTIL, {"chain_id": chain_id, "before_s": int(before.timestamp())}).scalar()
    return None if found is None else int(found)


def delete_batch(
    connection: Connection, what: Kept, before: datetime, final_until: int | None, most: int = BATCH_ROWS
) -> int:
    """Delete the oldest rows of `what` that are from before; how many. `final_until` is for samples only."""
    statement = STATEMENTS[what]
    given: dict[str, object] = {"most": most}
    if ":before_ms" in statement:
        given["before_ms"] = int(before.timestamp() * 1000)
    elif ":final_until_ms" in statement:
        given["final_until_ms"] = final_until or 0
    else:
        given["before"] = before
    return connection.execute(text(statement), given).rowcount


def trim_unreadable(client: Redis, before: datetime) -> int:
    """Forget what could not be read and is from before; how many entries."""
    milliseconds = (before - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return client.xtrim(UNREADABLE_STREAM, minid=milliseconds, approximate=False)
