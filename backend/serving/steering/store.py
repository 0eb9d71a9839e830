"""SQL and Redis of pacing: what is paced, what it has spent and lately paid, and the controller's states.

One hash has them all: line item → `effort:error:paid:at:multiplier:participation`, each step of a line item one value,
so whatever is killed, the next step goes on from the last. A lost Redis means full effort, held by what caps release.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import redis
from sqlalchemy import Connection, text

from backend.core.events import BidKind
from backend.core.week import EVERY_HOUR, mask_of
from backend.serving.catalogue import MS_PER_DAY, LineItem
from backend.serving.pacing.controller import Pace, State
from backend.serving.pacing.curve import FLAT
from backend.serving.purses import keys

PACING_LOCK = 0x5167_4204
PACES_KEY = "sl:pacing"
NEWEST_HOLDS = 200              # of a campaign; they say what is paid now

_PACED = text("""
select l.id, l.bid_kind, l.bid_micro_usdc, l.daily_cap_micro_usdc, l.total_cap_micro_usdc, l.pacing, l.starts_at,
       l.ends_at, l.hours, l.time_zone, coalesce(c.funder, c.owner) as escrow_owner, c.meta,
       coalesce(s.total, 0) as total, coalesce(s.today, 0) as today
  from line_item l join campaign c on c.id = l.campaign_id
  left join lateral (
    select sum(spent_micro_usdc) as total, sum(spent_micro_usdc) filter (where day = cast(:today as date)) as today
      from line_item_spend where line_item_id = l.id
  ) s on true
 where l.pacing <> 'asap' and (l.daily_cap_micro_usdc is not null or l.total_cap_micro_usdc is not null)
   and l.status = 'active' and c.status = 'active' and l.starts_at <= :now and l.ends_at > :now and l.bid_kind <> :never
""")

_WEEK = text("select weights, made_at from pacing_week")

# Whole hours since Monday 00:00 (1970 began on a Thursday).
_OPPORTUNITIES = text("""
select (cast(date_part('epoch', hour) as bigint) / 3600 + 72) % 168 as week_hour, sum(n) as n, min(hour) as first
  from serving_landscape where hour >= :since and hour < :until group by 1
""")

_SAVE_WEEK = text("""
insert into pacing_week (id, weights, made_at) values (1, :weights, :now)
on conflict (id) do update set weights = excluded.weights, made_at = excluded.made_at
""")


@dataclass(frozen=True, slots=True)
class Paced:
    """A running line item with caps; what it was charged in all and today, micro-USDC; and who pays."""

    item: LineItem
    payer: tuple[str, str]
    spent_total: int
    spent_today: int


@dataclass(frozen=True, slots=True)
class Week:
    """Weights of the hours of the week and when they were made (Unix ms)."""

    weights: tuple[int, ...]
    made_ms: int


def lock_pacing(connection: Connection) -> bool:
    """Whether this transaction is the one that paces."""
    return bool(connection.execute(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": PACING_LOCK}).scalar())


def read_week(connection: Connection) -> Week:
    """Flat until there are records."""
    row = connection.execute(_WEEK).one_or_none()
    return Week(tuple(row.weights), int(row.made_at.timestamp() * 1000)) if row else Week(FLAT, 0)


def read_opportunities(connection: Connection, since: datetime, until: datetime) -> tuple[tuple[int, ...], datetime]:
    """Recorded ad requests by UTC hour of the week, and the first hour of them; zeros and `until` without any."""
    rows = connection.execute(_OPPORTUNITIES, {"since": since, "until": until}).all()
    found = {int(row.week_hour): int(row.n) for row in rows}
    return tuple(found.get(hour, 0) for hour in range(len(FLAT))), min((row.first for row in rows), default=until)


def save_week(connection: Connection, weights: Sequence[int], now: datetime) -> None:
    connection.execute(_SAVE_WEEK, {"weights": list(weights), "now": now})


class PacedLineItems:
    """Reads them again and again; terms that are as they were make no new line items."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[tuple[Any, ...], LineItem]] = {}
        self._week: tuple[int, ...] = ()

    def read(self, connection: Connection, week: tuple[int, ...], now_ms: int) -> list[Paced]:
        """Whatever runs now and has something to pace."""
        if week != self._week:
            self._week, self._last = week, {}
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        rows = connection.execute(_PACED, {"now": now, "today": now.date(), "never": BidKind.SPONSORSHIP.value}).all()
        last, self._last, found = self._last, {}, []
        for row in rows:
            *terms, owner, meta, total, today = row
            known = last.get(row.id)
            item = known[1] if known and known[0] == tuple(terms) else _item(row, self._week)
            self._last[row.id] = (tuple(terms), item)
            found.append(Paced(item, (owner, meta), int(total), int(today)))
        return found


def _item(row: Any, week: tuple[int, ...]) -> LineItem:
    return LineItem(
        id=row.id, campaign=0, owner="", bid_kind=BidKind(row.bid_kind), bid_micro_usdc=row.bid_micro_usdc,
        starts_ms=int(row.starts_at.timestamp() * 1000), ends_ms=int(row.ends_at.timestamp() * 1000),
        front_loaded=row.pacing == "front_loaded", daily_cap_micro_usdc=row.daily_cap_micro_usdc,
        total_cap_micro_usdc=row.total_cap_micro_usdc, week=week,
        hours=EVERY_HOUR if row.hours is None else mask_of(row.hours), time_zone=row.time_zone or "UTC",
    )


def read_prices(client: redis.Redis, chain_campaigns: Sequence[int]) -> dict[int, list[int]]:
    """Prices of the newest holds by line item, micro-USDC."""
    pipeline = client.pipeline(transaction=False)
    for chain_campaign in chain_campaigns:
        pipeline.zrevrange(keys(chain_campaign)[2], 0, NEWEST_HOLDS - 1)
    prices: dict[int, list[int]] = defaultdict(list)
    for holds in cast("list[list[bytes]]", pipeline.execute()):
        for hold in holds:
            line_item, _day, price, _decision = hold.split(b":")
            prices[int(line_item)].append(int(price))
    return prices


def read_states(client: redis.Redis) -> dict[int, tuple[State, int]]:
    """Controllers by line item, and when each made its last step (Unix ms)."""
    return {
        line_item: (State(effort, error, paid), at_ms)
        for line_item, (effort, error, paid, at_ms, _, _) in _all(client).items()
    }


def read_paces(client: redis.Redis, line_items: Sequence[int] | None = None) -> dict[int, Pace]:
    """What deciders use, by line item, of all or of these; who is not in it bids and takes part in full."""
    return {
        line_item: Pace(multiplier, participation)
        for line_item, (_, _, _, _, multiplier, participation) in _all(client, line_items).items()
    }


def write_states(
    client: redis.Redis, stepped: Mapping[int, tuple[State, Pace]], over: Iterable[int], now_ms: int
) -> None:
    """All of a step at once; who is `over` is forgotten."""
    values = {
        str(line_item): f"{state.effort}:{state.error}:{state.paid_ppm}:{now_ms}:"
        f"{pace.multiplier_ppm}:{pace.participation_ppm}"
        for line_item, (state, pace) in stepped.items()
    }
    gone = [str(line_item) for line_item in over]
    pipeline = client.pipeline(transaction=True)
    if values:
        pipeline.hset(PACES_KEY, mapping=cast("Any", values))
    if gone:
        pipeline.hdel(PACES_KEY, *gone)
    pipeline.execute()


def _all(client: redis.Redis, line_items: Sequence[int] | None = None) -> dict[int, list[int]]:
    if line_items is None:
        answer = cast("dict[bytes, bytes]", client.hgetall(PACES_KEY))
    else:
        found = cast("list[bytes | None]", client.hmget(PACES_KEY, [str(one) for one in line_items] or ["-"]))
        answer = {b"%d" % one: value for one, value in zip(line_items, found, strict=False) if value is not None}
    return {int(line_item): [int(part) for part in value.split(b":")] for line_item, value in answer.items()}


def today_ms(now_ms: int) -> int:
    """The beginning of the UTC day."""
    return now_ms - now_ms % MS_PER_DAY
