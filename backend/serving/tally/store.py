"""Counters of ad requests: in Redis while their minute or hour lasts, in SQL for good.

Every process adds to the same counters, and what is written to SQL are totals, so that writing twice changes nothing.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import redis
from sqlalchemy import Connection, text

from backend.core.errors import Conflict, NotFound, Unavailable
from backend.net.resp import Resp, pack
from backend.serving.shelf import Shelf
from backend.serving.tally.counting import Audience, Counts, Sold, Tally, audiences, by_hour, by_minute, pieces
from backend.serving.tally.margins import Margins, decode_margins, encode_margins
from backend.serving.tally.spread import Spread, slice_of

log = logging.getLogger("sightline.tallies")

MINUTES_KEY = "sl:{tally}:minutes"
HOURS_KEY = "sl:{tally}:hours"
KEPT_SECONDS = 86_400
AT_ONCE = 500
PAUSES = 15.0                   # a sixteenth of the loop's time, while it lasts
PIECE = 300                     # counters of a piece, about
MS_PER_HOUR = 3_600_000
FLUSH_SECONDS = 5.0
REST_PER_WORK = 200             # half a hundredth of a core
REST_SECONDS_MAX = 120.0        # a minute's counters are open for ten
ANSWERS_MAX = 100_000           # counters that do not wait any longer
HOUR_FIELDS_MAX = 200_000       # of one hour; whoever invents countries fills it, and then audiences are not counted
DAYS_KEPT = 35

# Rows are written in the order of their keys: of two workers who write the same, none waits for the other in a circle.
_TALLY = text("""
insert into serving_tally (minute, placement_id, line_item_id, outcome, n)
select :minute, * from unnest(
  cast(:placements as bigint[]), cast(:line_items as bigint[]), cast(:outcomes as text[]), cast(:counts as bigint[]))
order by 2, 3, 4
on conflict (minute, placement_id, line_item_id, outcome) do update set n = greatest(serving_tally.n, excluded.n)
""")

_LANDSCAPE = text("""
insert into serving_landscape (hour, placement_id, line_item_id, bid_bucket, price_bucket, n)
select :hour, * from unnest(cast(:placements as bigint[]), cast(:line_items as bigint[]), cast(:bids as int[]),
                            cast(:prices as int[]), cast(:counts as bigint[]))
order by 2, 3, 4, 5
on conflict (hour, placement_id, line_item_id, bid_bucket, price_bucket)
   do update set n = greatest(serving_landscape.n, excluded.n)
""")

_AUDIENCE = text("""
insert into serving_audience (hour, placement_id, dimension, value, n)
select :hour, * from unnest(cast(:placements as bigint[]), cast(:dimensions as text[]), cast(:values as text[]),
                            cast(:counts as bigint[]))
order by 2, 3, 4
on conflict (hour, placement_id, dimension, value) do update set n = greatest(serving_audience.n, excluded.n)
""")


class Share:
    """A bounded share of the event loop: whoever works rests `pauses` times as long as it has worked."""

    def __init__(self, pauses: float) -> None:
        self._pauses = pauses
        self.worked_seconds = 0.0

    async def rest(self, began: float) -> None:
        """After work that began at this `time.thread_time`, and let nobody else in."""
        took = time.thread_time() - began
        self.worked_seconds += took
        await asyncio.sleep(took * self._pauses)


class Tallies:
    """Counts answers in memory and adds them to Redis every few seconds.

    For information only: a killed process loses at most what it counted since the last flush, and what Redis was adding
    when the connection broke may be added twice. Counting takes a bounded share of a core, however many line items and
    placements there are: the next flush waits two hundred times as long as the last one took, up to two minutes or a
    hundred thousand counters; and a flush is done in small pieces with pauses, while ad requests go on.
    """

    def __init__(self, client: Resp, flush_seconds: float = FLUSH_SECONDS) -> None:
        self._client = client
        self._flush_seconds = flush_seconds
        self._unsent: deque[list[bytes]] = deque()
        self._counts = Counts()
        self.count_anew()

    def count_anew(self) -> None:
        """Forget what was counted, and give the methods of the new counts to whoever counts."""
        self._counts = counts = Counts()
        self.sold, self.nobody, self.sponsored, self.refused = (
            counts.sold, counts.nobody, counts.sponsored, counts.refused
        )

    async def run(self, shelf: Shelf) -> None:
        """Flush for ever."""
        rest = self._flush_seconds
        while True:
            await self._rest(rest)
            share = Share(PAUSES)
            try:
                await self.flush(shelf, share)
            except redis.RedisError:
                log.debug("what was counted is kept until Redis is there", exc_info=True)
            except Exception:
                log.exception("what was counted is kept")
            rest = max(self._flush_seconds, min(REST_SECONDS_MAX, REST_PER_WORK * share.worked_seconds))

    async def _rest(self, seconds: float) -> None:
        """So long, or until so much is counted that it would take too much memory."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0 and len(self._counts.answers) < ANSWERS_MAX:
            await asyncio.sleep(min(left, self._flush_seconds))

    async def flush(self, shelf: Shelf, share: Share | None = None) -> None:
        """Add everything counted so far to the shared counters; what is not done when this fails or is cancelled is
        kept for the next time. Without a `share`: at once."""
        await self._send()
        counts = self._counts
        if not counts:
            return
        share = share or Share(0)
        self.count_anew()
        left, told = pieces(counts, PIECE), False
        try:
            hour = counts.now_ms // MS_PER_HOUR
            roomy = await self._client.call("HLEN", _hour_key(hour)) < HOUR_FIELDS_MAX
            self._unsent += _margin_steps(counts.now_ms // 60_000, await _margins(shelf, counts, share))
            told = True
            while left:
                await self._send()
                began = time.thread_time()
                self._unsent += _steps(left.pop(), hour, roomy)
                await share.rest(began)
            await self._send()
        except BaseException:
            for piece in left:
                self._counts.update(piece.without_auctions() if told else piece)
            raise

    async def _send(self) -> None:
        """Step by step; each is taken whole or not at all, and goes on when we are cancelled."""
        while self._unsent:
            step = self._unsent.popleft()
            try:
                await asyncio.shield(self._client.all(step))
            except redis.RedisError:
                self._unsent.appendleft(step)
                raise


def _margin_steps(minute: int, margins: Sequence[Margins]) -> list[list[bytes]]:
    key = _margins_key(minute)
    return [[
        pack("MULTI"), pack("RPUSH", key, *map(encode_margins, margins)), pack("EXPIRE", key, KEPT_SECONDS),
        pack("SADD", MINUTES_KEY, minute), pack("EXEC"),
    ]] if margins else []


def _steps(piece: Counts, hour: int, roomy: bool) -> list[list[bytes]]:
    """What a piece adds to. What viewers were like goes to the newest `hour`, while that is `roomy`."""
    found: list[list[bytes]] = []
    for minute, tallies in by_minute(piece).items():
        found += _adding(_minute_key(minute), _tally_fields(tallies), MINUTES_KEY, minute)
    heard = {f"a:{one.placement}:{one.dimension}:{one.value}": one.n for one in (audiences(piece) if roomy else ())}
    hours = by_hour(piece.answers)
    for one in hours.keys() | ({hour} if heard else set()):
        fields = {f"s:{sold.placement}:{sold.line_item}:{sold.bid_bucket}:{sold.price_bucket}": sold.n
                  for sold in hours.get(one, ())}
        found += _adding(_hour_key(one), fields | (heard if one == hour else {}), HOURS_KEY, one)
    return found


def _adding(key: str, fields: Mapping[str, int], index: str, member: int) -> list[list[bytes]]:
    """In parts, so that no ad request waits long."""
    names = list(fields)
    return [
        [
            pack("MULTI"), *(pack("HINCRBY", key, name, fields[name]) for name in names[start : start + AT_ONCE]),
            pack("EXPIRE", key, KEPT_SECONDS), pack("SADD", index, member), pack("EXEC"),
        ]
        for start in range(0, len(names), AT_ONCE)
    ]


async def _margins(shelf: Shelf, counts: Counts, share: Share) -> list[Margins]:
    """Why all others did not win, by placement and by line item; nothing when no market is fresh enough to tell.

    Placements take turns with ad requests, so that none waits for all of them. Terms may change on the way.
    """
    whole = slice_of(counts)
    spreads: dict[int, Spread] = {}
    for placement in whole.placements:
        began = time.thread_time()
        try:
            stall, moment = shelf.look_up(placement, max(counts.now_ms, shelf.now_ms))
        except (NotFound, Conflict):        # it was for sale a moment ago
            continue
        except Unavailable:
            break
        spread = spreads.get(stall.terms.serial) or spreads.setdefault(stall.terms.serial, Spread(moment))
        spread.add(
            stall, whole.asked.get(placement, {}), whole.sponsored.get(placement, 0), whole.turns.get(placement, {})
        )
        await share.rest(began)
    return [spread.margins() for spread in spreads.values()]


def _tally_fields(tallies: Sequence[Tally]) -> dict[str, int]:
    return {f"{one.placement}:{one.line_item}:{one.outcome}": one.n for one in tallies}


def tallied_minutes(client: redis.Redis) -> list[int]:
    return _members(client, MINUTES_KEY)


def tallied_hours(client: redis.Redis) -> list[int]:
    return _members(client, HOURS_KEY)


def read_tallies(client: redis.Redis, minute: int) -> list[Tally]:
    """All that processes have counted of a minute so far."""
    named = [_tally(name, n) for name, n in _counters(client, _minute_key(minute)).items()]
    total: Counter[tuple[int, int, str]] = Counter()
    for text_ in cast("list[bytes]", client.lrange(_margins_key(minute), 0, -1)):
        total.update(decode_margins(text_))
    return [*named, *(Tally(placement, line_item, reason, n) for (placement, line_item, reason), n in total.items())]


def tallied_state(client: redis.Redis, minute: int) -> tuple[object, ...]:
    """Differs once anything was counted of the minute."""
    counters = _counters(client, _minute_key(minute))
    return client.llen(_margins_key(minute)), len(counters), sum(counters.values())


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
    """In one step, as they are added: else what comes in between would be in no list."""
    _forget(client, MINUTES_KEY, minute, _minute_key(minute), _margins_key(minute))


def forget_hour(client: redis.Redis, hour: int) -> None:
    """As `forget_minute`."""
    _forget(client, HOURS_KEY, hour, _hour_key(hour))


def _forget(client: redis.Redis, index: str, member: int, *keys: str) -> None:
    with client.pipeline(transaction=True) as pipeline:
        pipeline.delete(*keys)
        pipeline.srem(index, member)
        pipeline.execute()


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


def _margins_key(minute: int) -> str:
    return f"sl:{{tally}}:margins:{minute}"


def _hour_key(hour: int) -> str:
    return f"sl:{{tally}}:hour:{hour}"
