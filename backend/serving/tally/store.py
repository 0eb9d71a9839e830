"""Counters of ad requests: in Redis while their minute or hour lasts, in SQL for good.

Every process adds to the same counters, and what is written to SQL are totals, so that writing twice changes nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import redis
import redis.asyncio
from sqlalchemy import Connection, text

from backend.serving.tally.counting import Audience, Sold, Tally

MINUTES_KEY = "sl:{tally}:minutes"
HOURS_KEY = "sl:{tally}:hours"
KEPT_SECONDS = 86_400
AT_ONCE = 500
HOUR_FIELDS_MAX = 200_000       # of one hour; whoever invents countries fills it, and then audiences are not counted
DAYS_KEPT = 35

_TALLY = text("""
insert into serving_tally (minute, placement_id, line_item_id, outcome, n)
select :minute, * from unnest(
  cast(:placements as bigint[]), cast(:line_items as bigint[]), cast(:outcomes as text[]), cast(:counts as bigint[]))
on conflict (minute, placement_id, line_item_id, outcome) do update set n = greatest(serving_tally.n, excluded.n)
""")

_LANDSCAPE = text("""
insert into serving_landscape (hour, placement_id, line_item_id, bid_bucket, price_bucket, n)
select :hour, * from unnest(cast(:placements as bigint[]), cast(:line_items as bigint[]), cast(:bids as int[]),
                            cast(:prices as int[]), cast(:counts as bigint[]))
on conflict (hour, placement_id, line_item_id, bid_bucket, price_bucket)
   do update set n = greatest(serving_landscape.n, excluded.n)
""")

_AUDIENCE = text("""
insert into serving_audience (hour, placement_id, dimension, value, n)
select :hour, * from unnest(cast(:placements as bigint[]), cast(:dimensions as text[]), cast(:values as text[]),
                            cast(:counts as bigint[]))
on conflict (hour, placement_id, dimension, value) do update set n = greatest(serving_audience.n, excluded.n)
""")


async def add_tallies(client: redis.asyncio.Redis, minute: int, tallies: Sequence[Tally]) -> None:
    """Add counts of a minute (minutes since 1970) to the shared counters."""
    fields = {f"{one.placement}:{one.line_item}:{one.outcome}": one.n for one in tallies}
    await _add(client, _minute_key(minute), fields, MINUTES_KEY, minute)


async def add_hour(
    client: redis.asyncio.Redis, hour: int, sold: Sequence[Sold], audiences: Sequence[Audience]
) -> None:
    """Add counts of an hour (hours since 1970) to the shared counters."""
    fields = {f"s:{one.placement}:{one.line_item}:{one.bid_bucket}:{one.price_bucket}": one.n for one in sold}
    if await client.hlen(_hour_key(hour)) < HOUR_FIELDS_MAX:
        fields |= {f"a:{one.placement}:{one.dimension}:{one.value}": one.n for one in audiences}
    await _add(client, _hour_key(hour), fields, HOURS_KEY, hour)


async def _add(client: redis.asyncio.Redis, key: str, fields: Mapping[str, int], index: str, member: int) -> None:
    """In parts, so that no ad request waits long."""
    names = list(fields)
    for start in range(0, len(names), AT_ONCE):
        pipeline = client.pipeline(transaction=True)
        for name in names[start : start + AT_ONCE]:
            pipeline.hincrby(key, name, fields[name])
        pipeline.expire(key, KEPT_SECONDS)
        pipeline.sadd(index, member)
        await pipeline.execute()


def tallied_minutes(client: redis.Redis) -> list[int]:
    return _members(client, MINUTES_KEY)


def tallied_hours(client: redis.Redis) -> list[int]:
    return _members(client, HOURS_KEY)


def read_tallies(client: redis.Redis, minute: int) -> list[Tally]:
    return [_tally(name, n) for name, n in _counters(client, _minute_key(minute)).items()]


def read_hour(client: redis.Redis, hour: int) -> tuple[list[Sold], list[Audience]]:
    sold: list[Sold] = []
    audiences: list[Audience] = []
    for name, n in _counters(client, _hour_key(hour)).items():
        kind, placement, *rest = name.split(":")
        if kind == "s":
            line_item, bid, price = map(int, rest)
            sold.append(Sold(int(placement), line_item, bid, price, n))
        else:
            audiences.append(Audience(int(placement), rest[0], rest[1], n))
    return sold, audiences


def forget_minute(client: redis.Redis, minute: int) -> None:
    client.delete(_minute_key(minute))
    client.srem(MINUTES_KEY, minute)


def forget_hour(client: redis.Redis, hour: int) -> None:
    client.delete(_hour_key(hour))
    client.srem(HOURS_KEY, hour)


def write_tallies(connection: Connection, minute: int, tallies: Sequence[Tally]) -> None:
    """Write a minute's totals; written again, they stay the same."""
    connection.execute(_TALLY, {
        "minute": datetime.fromtimestamp(minute * 60, UTC),
        "placements": [tally.placement for tally in tallies],
        "line_items": [tally.line_item for tally in tallies],
        "outcomes": [tally.outcome for tally in tallies],
        "counts": [tally.n for tally in tallies],
    })


def write_hour(connection: Connection, hour: int, sold: Sequence[Sold], audiences: Sequence[Audience]) -> None:
    """Write an hour's totals; written again, they stay the same."""
    when = datetime.fromtimestamp(hour * 3600, UTC)
    connection.execute(_LANDSCAPE, {
        "hour": when, "placements": [one.placement for one in sold], "line_items": [one.line_item for one in sold],
        "bids": [one.bid_bucket for one in sold], "prices": [one.price_bucket for one in sold],
        "counts": [one.n for one in sold],
    })
    connection.execute(_AUDIENCE, {
        "hour": when, "placements": [one.placement for one in audiences],
        "dimensions": [one.dimension for one in audiences], "values": [one.value for one in audiences],
        "counts": [one.n for one in audiences],
    })


def delete_old_hours(connection: Connection, now: datetime) -> None:
    """Forecasts look back four weeks; what is older goes."""
    for statement in (
        text("delete from serving_landscape where hour < :before"),
        text("delete from serving_audience where hour < :before"),
    ):
        connection.execute(statement, {"before": now - timedelta(days=DAYS_KEPT)})


def _members(client: redis.Redis, key: str) -> list[int]:
    return sorted(int(member) for member in cast("set[bytes]", client.smembers(key)))


def _counters(client: redis.Redis, key: str) -> dict[str, int]:
    answer = cast("dict[bytes, bytes]", client.hgetall(key))
    return {name.decode(): int(value) for name, value in answer.items()}


def _tally(name: str, n: int) -> Tally:
    placement, line_item, outcome = name.split(":", 2)
    return Tally(int(placement), int(line_item), outcome, n)


def _minute_key(minute: int) -> str:
    return f"sl:{{tally}}:{minute}"


def _hour_key(hour: int) -> str:
    return f"sl:{{tally}}:hour:{hour}"
