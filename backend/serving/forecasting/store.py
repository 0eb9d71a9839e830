"""What was recorded of ad requests, read for forecasts. Whole hours and days only: the running ones are not over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from backend.serving.forecasting.landscape import Recorded

# What the rules treat alike is one row, so that ten thousand become a few hundred; and the sums of days, from one scan.
# 1970 began on a Thursday.
_LANDSCAPE = text("""
select alike, (hours + 72) % 168 as week_hour, line_item, bid_bucket, price_bucket, hours / 24 as day, sum(n) as n
  from (select alike, cast(date_part('epoch', hour) as bigint) / 3600 as hours, bid_bucket, price_bucket, n,
               case when line_item_id = any(cast(:own as bigint[])) then cast(:some_own as bigint) else 0 end
               as line_item
          from unnest(cast(:placements as bigint[]), cast(:alike as bigint[])) as asked (placement_id, alike)
          join serving_landscape using (placement_id)
         where placement_id = any(cast(:placements as bigint[])) and hour >= :since and hour < :until) recorded
 group by grouping sets ((alike, week_hour, line_item, bid_bucket, price_bucket), (day))
""")

_REQUESTS = text("""
select placement_id, sum(n) as n from serving_landscape
 where placement_id = any(:placements) and hour >= :since and hour < :until group by 1
""")

_AUDIENCE = text("""
select placement_id, dimension, value, sum(n) as n
  from serving_audience where placement_id = any(:placements) and hour >= :since and hour < :until
 group by 1, 2, 3
""")

_SEEN = text("""
select d.hour, d.n as decided,
       (select count(*) from event
         where event_id >= lpad(to_hex(cast(extract(epoch from d.hour) * 1000 as bigint)), 12, '0')
           and event_id < lpad(to_hex(cast(extract(epoch from d.hour) * 1000 as bigint) + 3600000), 12, '0')
           and kind = 'viewable') as viewed
  from (select hour, sum(n) as n from serving_landscape
         where hour >= :since and hour < :until and line_item_id > 0 group by hour order by hour desc limit 6) d
""")


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when is looked back; both whole hours."""

    since: datetime
    until: datetime


def first_hour(connection: Connection, window: Window) -> datetime | None:
    """The first recorded hour of the window: before it nobody asked, or nobody counted."""
    hour: datetime | None = connection.execute(
        text("select min(hour) from serving_landscape where hour >= :since and hour < :until"), _bound(window)
    ).scalar()
    return hour


def read_landscape(
    connection: Connection, alike: Mapping[int, int], own: frozenset[int], window: Window
) -> tuple[list[Recorded], dict[int, int]]:
    """Of each placement as if it were the one that it is `alike`, of all of the owner's line items as if they were one
    of them, and of all others as 0; and opportunities by day since 1970."""
    rows = connection.execute(_LANDSCAPE, {
        "placements": list(alike), "alike": list(alike.values()), "own": sorted(own), "some_own": min(own, default=0),
        **_bound(window),
    }).all()
    recorded = [
        Recorded(row.alike, int(row.week_hour), row.line_item, row.bid_bucket, row.price_bucket, int(row.n))
        for row in rows if row.day is None
    ]
    return recorded, {row.day: int(row.n) for row in rows if row.day is not None}


def read_requests(connection: Connection, placements: Sequence[int], window: Window) -> dict[int, int]:
    """Ad requests by placement."""
    rows = connection.execute(_REQUESTS, {"placements": placements, **_bound(window)})
    return {row.placement_id: int(row.n) for row in rows}


def read_audience(
    connection: Connection, placements: Sequence[int], window: Window
) -> dict[int, dict[str, dict[str, int]]]:
    """Ad requests by placement, dimension and what they said of it."""
    found: dict[int, dict[str, dict[str, int]]] = {}
    for row in connection.execute(_AUDIENCE, {"placements": placements, **_bound(window)}):
        found.setdefault(row.placement_id, {}).setdefault(row.dimension, {})[row.value] = int(row.n)
    return found


def read_viewed(connection: Connection, window: Window) -> tuple[int, int]:
    """Ads given out in the newest recorded hours, and how many were viewed; an event id begins with the time."""
    rows = connection.execute(_SEEN, _bound(window)).all()
    return sum(int(row.decided) for row in rows), sum(int(row.viewed) for row in rows)


def _bound(window: Window) -> Mapping[str, datetime]:
    return {"since": window.since, "until": window.until}
