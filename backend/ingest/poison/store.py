"""Entries of the stream that could not be stored: they wait in a stream of their own for a decision."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import redis

from backend.ingest.stream import BYTES, FIELD, POISON_STREAM, STREAM

PAGE = 100
_NAME = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class SetAside:
    """An entry, by its id among those that were set aside; `stream_id` is where it was, `batch` what it said."""

    id: str
    stream_id: str
    reason: str
    batch: bytes


def waiting(client: redis.Redis) -> Iterator[SetAside]:
    """All that are there now, the oldest first, a page at a time: an entry may be a quarter of a megabyte."""
    newest = cast("list[tuple[bytes, Any]]", client.xrevrange(POISON_STREAM, count=1))
    after = "-"
    while newest:
        page = cast("list[tuple[bytes, dict[bytes, bytes]]]",
                    client.xrange(POISON_STREAM, after, newest[0][0], count=PAGE))
        yield from (_set_aside(name, fields) for name, fields in page)
        if len(page) < PAGE:
            return
        after = "(" + page[-1][0].decode()


def of(client: redis.Redis, name: str) -> SetAside | None:
    if not _NAME.fullmatch(name):
        return None
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", client.xrange(POISON_STREAM, name, name))
    return _set_aside(*entries[0]) if entries else None


def count(client: redis.Redis) -> int:
    return int(cast(Any, client.xlen(POISON_STREAM)))


def put_back(client: redis.Redis, one: SetAside) -> bool:
    """Into the stream again; False when somebody else was faster."""
    return bool(client.eval(_PUT_BACK, 3, POISON_STREAM, STREAM, BYTES, one.id, one.batch))


def discard(client: redis.Redis, name: str) -> bool:
    return bool(client.xdel(POISON_STREAM, name))


# it is in one of the two streams at every moment
_PUT_BACK = f"""
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', '{FIELD}', ARGV[2])
redis.call('INCRBY', KEYS[3], #ARGV[2])
return 1
"""


def _set_aside(name: bytes, fields: dict[bytes, bytes]) -> SetAside:
    return SetAside(
        name.decode(), fields[b"id"].decode(), fields[b"reason"].decode(errors="replace"), fields[FIELD.encode()]
    )
