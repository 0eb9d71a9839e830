"""Entries of the stream that are none of ours, or stand where others stood: set aside alone, and none is forgotten."""

from typing import Any, cast

import msgspec
import redis
from sqlalchemy import Engine

from backend.ingest import store
from backend.ingest.poison.service import PoisonService
from backend.ingest.service import IngestConsumer
from backend.ingest.store import Poison
from backend.ingest.stream import BYTES, FIELD, POISON_STREAM, STREAM
from bench.app import Wiring
from tests.services.test_events import consumer, drain, facts, now, stored, view, wiring

__all__ = ["consumer", "wiring"]
LONG = "".join(f"{number:x}" for number in range(5_000))        # nothing that compresses below an index's page
ADD_MANY = "for _ = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'id', '1-1', 'reason', 'r', 'batch', 'b') end"


def entry(**changes: object) -> bytes:
    """An entry with one click, as the door writes it."""
    fields = {
        "event_id": "ab" * 16 + "02", "decision_id": "ab" * 16, "kind": "click", "bid_kind": "vcpm", "campaign": 1,
        "line_item": 2, "creative": 3, "placement": 4, "publisher": 5, "price": 0, "occurred_ms": 1, "samples": [],
    } | changes
    return msgspec.json.encode([1_000, [["accepted", *fields.values()]]])


def waiting(client: redis.Redis, stream: str = STREAM, most: int | None = None) -> list[tuple[bytes, Any]]:
    return cast("list[tuple[bytes, Any]]", client.xrange(stream, count=most))


STRANGE = {
    "letters that PostgreSQL has not": (entry(event_id="ab\0"), "DataError"),
    "letters in a name that is only asked for": (entry(decision_id="ab\0", kind="viewable"), "DataError"),
    "longer than an index can hold": (entry(event_id=LONG, kind="viewable"), "ProgramLimitExceeded"),
    "a number beyond 64 bits": (entry(publisher=2**64, kind="viewable"), "NumericValueOutOfRange"),
    "a field that a newer version has": (b'[1000,[["accepted","a"]],7]', "array"),
    "a verdict that a newer version has": (b'[1000,[["refined","a"]]]', "refined"),
    "a reason that a newer version has": (b'[1000,[["dropped","sleeping","click",null,null]]]', "sleeping"),
    "deep": (b"[1000," + b"[" * 100_000, "recursion"),
}


async def send(wiring: Wiring, number: int) -> None:
    body = msgspec.json.encode({"events": [view(facts(number))]})
    assert await wiring.ingest.accept(body, now(), "Mozilla/5.0") == [None]


async def test_consume__entries_that_are_none_of_ours__each_alone_aside_and_the_others_stored(
    wiring: Wiring, consumer: IngestConsumer, fresh_engine: Engine, redis_client: redis.Redis
) -> None:
    """L25, L81: whatever stands in the stream, the queue goes on."""
    await send(wiring, 1)
    for batch, _ in STRANGE.values():
        redis_client.xadd(STREAM, {FIELD: batch})
    await send(wiring, 2)
    drain(consumer)
    assert [kind for _, kind in stored(fresh_engine)[0]] == ["viewable"] * 2
    reasons = [one.reason for one in PoisonService(redis_client).waiting()]
    # what cannot be read is known at once, what cannot be stored is found one by one
    assert len(reasons) == len(STRANGE)
    for _, word in STRANGE.values():
        assert any(word in reason for reason in reasons), (word, reasons)
    assert (redis_client.xlen(STREAM), redis_client.get(BYTES)) == (0, None)


async def test_consume__another_entry_has_its_place__set_aside_and_put_back_in_one_of_its_own(
    wiring: Wiring, consumer: IngestConsumer, fresh_engine: Engine, redis_client: redis.Redis
) -> None:
    """L25: the stream was lost, and the clock of the machine that makes it anew goes behind."""
    await send(wiring, 1)
    [(place, _)] = waiting(redis_client)
    drain(consumer)
    redis_client.flushdb()
    await send(wiring, 2)
    [(_, fields)] = waiting(redis_client)
    redis_client.delete(STREAM)
    redis_client.xadd(STREAM, fields, id=place)
    drain(consumer)
    assert len(stored(fresh_engine)[0]) == 1
    desk = PoisonService(redis_client)
    [aside] = list(desk.waiting())
    assert (aside.batch, aside.reason) == (fields[b"batch"], "another entry was stored under its id")
    desk.put_back(aside.id)
    drain(consumer)
    events, dropped = stored(fresh_engine)
    assert ([decision[12:] for decision, _ in events], dropped) == ([f"{number:020x}" for number in (1, 2)], {})


async def test_acknowledge__by_two_processes__bytes_count_once_and_one_is_aside(
    wiring: Wiring, redis_client: redis.Redis
) -> None:
    """L44: one commits, and another begins before the first has acknowledged; what waits is counted exactly."""
    redis_client.xadd(STREAM, {FIELD: b"strange"})
    redis_client.incrby(BYTES, len(b"strange"))
    await send(wiring, 1)
    found = store.Deliveries(redis_client).read(10, 10_000)
    sizes = {stream_id: len(batch or b"") for stream_id, batch in found}
    poison = {found[0][0]: Poison("none of ours", b"strange")}
    await send(wiring, 2)
    [*_, (_, last)] = waiting(redis_client)
    for _ in range(2):
        store.acknowledge(redis_client, sizes, poison)
    assert int(redis_client.get(BYTES) or 0) == len(last[b"batch"])
    assert (redis_client.xlen(STREAM), redis_client.xlen(POISON_STREAM)) == (1, 1)
    assert cast(Any, redis_client.xpending(STREAM, store.GROUP))["pending"] == 0


async def test_acknowledge__thousands_are_aside__the_oldest_is_still_there(redis_client: redis.Redis) -> None:
    """L25: an older consumer reads what newer workers write; all of it waits until it is put back."""
    redis_client.eval(ADD_MANY, 1, POISON_STREAM, 10_200)
    oldest = waiting(redis_client, POISON_STREAM, 1)
    stream_id = cast(bytes, redis_client.xadd(STREAM, {FIELD: b"strange"})).decode()
    store.acknowledge(redis_client, {stream_id: 7}, {stream_id: Poison("newer", b"strange")})
    assert redis_client.xlen(POISON_STREAM) == 10_201
    assert waiting(redis_client, POISON_STREAM, 1) == oldest
