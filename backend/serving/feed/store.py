"""What has changed since a moment, and the things that changed as they are now; the budgets that the worker publishes.

A change is visible when its transaction ends, not when it is made. Whoever has read at a snapshot reads again from the
oldest transaction that was open then, and leaves out what he has seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis
from sqlalchemy import Connection, text

from backend.serving.published import PARTS, UNKNOWN, Budgets, budgets_of, decode_part, digest

BUDGETS_KEY = "sl:budgets:parts"

_SEEN = text("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_VERSION = text("select coalesce(sum(case kind when 'forgotten' then ids[1] else 1 end), 0) from serving_change")
_CHANGES = text("select seq, kind, ids from serving_change where xid >= :xid and kind <> 'forgotten' order by seq")
_FORGET = text("""
with gone as (
    delete from serving_change where kind <> 'forgotten' and at < now() - interval '1 hour' returning 1
)
update serving_change set ids = array[ids[1] + (select count(*) from gone)]
 where kind = 'forgotten' and exists (select from gone)
""")


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a reader has come: the oldest transaction that was open, and the changes after it that he knows."""

    xid: int
    seqs: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids by kind: line_item, campaign, placement, world, publisher, member. Each change (`count`) is a version."""

    count: int
    ids: Mapping[str, frozenset[int]]
    seen: Seen


def read_version(connection: Connection) -> tuple[int, Seen]:
    """How many changes there ever were as this transaction sees it, and where to read on."""
    seen = Seen(int(connection.execute(_SEEN).scalar_one()))
    version = int(connection.execute(_VERSION).scalar_one())
    return version, Seen(seen.xid, frozenset(row.seq for row in connection.execute(_CHANGES, {"xid": seen.xid})))


def read_changes(connection: Connection, seen: Seen) -> Changes:
    """What became visible since."""
    xid = int(connection.execute(_SEEN).scalar_one())
    rows = connection.execute(_CHANGES, {"xid": seen.xid}).all()
    ids: dict[str, set[int]] = {}
    fresh: list[Any] = [row for row in rows if row.seq not in seen.seqs]
    for row in fresh:
        ids.setdefault(row.kind, set()).update(row.ids)
    # what is older than the oldest open transaction will not be read again
    known = frozenset(row.seq for row in rows) if rows else frozenset[int]()
    return Changes(len(fresh), {kind: frozenset(some) for kind, some in ids.items()}, Seen(xid, known))


def forget_changes(connection: Connection) -> None:
    """Whoever has not read for an hour reads everything."""
    connection.execute(_FORGET)


def publish_budgets(client: redis.Redis, parts: Mapping[int, bytes]) -> None:
    """These parts at once, with digests by which readers see whether they have them."""
    if parts:
        client.hset(BUDGETS_KEY, mapping=cast("Any", {
            **{str(part): text for part, text in parts.items()},
            **{f"digest:{part}": digest(text) for part, text in parts.items()},
        }))


def read_digests(client: redis.Redis) -> list[bytes | None]:
    """Of all parts; None: it is not there."""
    return _fields(client, [f"digest:{part}" for part in range(PARTS)])


def read_budgets(client: redis.Redis, last: Budgets) -> Budgets:
    """The newest budgets; parts that `last` has are not sent again."""
    digests = read_digests(client)
    if None in digests:
        return UNKNOWN
    parts = dict(enumerate(last.parts))
    wanted = [part for part in range(PARTS) if part not in parts or parts[part].digest != digests[part]]
    if not wanted:
        return last
    for part, read in zip(wanted, _fields(client, list(map(str, wanted))), strict=True):
        if read is None:
            return UNKNOWN
        parts[part] = decode_part(read)
    return budgets_of(parts[part] for part in range(PARTS))


def _fields(client: redis.Redis, names: list[str]) -> list[bytes | None]:
    return cast("list[bytes | None]", client.hmget(BUDGETS_KEY, names))
