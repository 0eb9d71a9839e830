"""What was recorded of ad requests, read for forecasts. Whole hours and days only: the running ones are not over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from backend.serving.forecasting.landscape import Recorded

_LANDSCAPE = text("""
select placement_id,
       extract(isodow from hour at time zone 'UTC') * 24 - 24 + extract(hour from hour at time zone 'UTC') as week_hour,
       line_item_id, bid_bucket, price_bucket, sum(n) as n
  from serving_landscape where placement_id = any(:placements) and hour >= :since and hour < :until
 group by 1, 2, 3, 4, 5
""")

_AUDIENCE = text("""
select placement_id, dimension, value, sum(n) as n
  from serving_audience where placement_id = any(:placements) and hour >= :since and hour < :until
 group by 1, 2, 3
""")

_DAILY = text("""
select sum(n) as n from serving_landscape
 where placement_id = any(:placements) and hour >= :since and hour < :until group by date_trunc('day', hour, 'UTC')
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


def read_landscape(connection: Connection, placements: Sequence[int], window: Window) -> list[Recorded]:
    rows = connection.execute(_LANDSCAPE, {"placements": placements, **_bound(window)})
    return [
        Recorded(row.placement_id, int(row.week_hour), row.line_item_id, row.bid_bucket, row.price_bucket, int(row.n))
        for row in rows
    ]


def read_audience(
    connection: Connection, placements: Sequence[int], window: Window
) -> dict[int, dict[str, dict[str, int]]]:
    """Ad requests by placement, dimension and what they said of it."""
    found: dict[int, dict[str, dict[str, int]]] = {}
    for row in connection.execute(_AUDIENCE, {"placements": placements, **_bound(window)}):
        found.setdefault(row.placement_id, {}).setdefault(row.dimension, {})[row.value] = int(row.n)
    return found


def read_daily_totals(connection: Connection, placements: Sequence[int], window: Window) -> list[int]:
    """Opportunities of each day that has any."""
    return [int(n) for n in connection.execute(_DAILY, {"placements": placements, **_bound(window)}).scalars()]


def read_viewed(connection: Connection, window: Window) -> tuple[int, int]:
    """Ads given out in the newest recorded hours, and how many were viewed; an event id begins with the time."""
    rows = connection.execute(_SEEN, _bound(window)).all()
    return sum(int(row.decided) for row in rows), sum(int(row.viewed) for row in rows)


def _bound(window: Window) -> Mapping[str, datetime]:
    return {"since": window.since, "until": window.until}
