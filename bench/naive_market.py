"""The market of the naive baseline: what it reads from SQL when it starts."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from backend.core.week import mask_of
from backend.db.engine import Engine

_SURFACES = text("""
select p.id, p.world_id as world, w.category, w.engine, w.publisher_index as publisher, publisher.wallet as owner,
       p.kind, p.width, p.height, p.width_mm, p.height_mm, p.floor_micro_usdc, p.accepted_categories as accepts
  from placement p join world w on w.id = p.world_id join publisher on publisher.index = w.publisher_index
 where p.status = 'active' and w.status = 'active'
""")

_BLOCKS = text("select publisher_index, world_id, kind, value from publisher_block")

_ITEMS = text("""
select l.*, c.owner, c.category, c.status as campaign_status, c.frozen, chain.campaign as chain_campaign, chain.active
  from line_item l join campaign c on c.id = l.campaign_id
  join chain_campaign chain on chain.owner = coalesce(c.funder, c.owner) and chain.meta = c.meta
 where chain.chain_id = :chain_id and l.ends_at > now() and l.bid_kind <> 'sponsorship' order by l.id
""")

_CREATIVES = text("select * from creative where status = 'approved' order by id")

BASE_RATE_PPM = 10_000
_CLICKS = text("""
select line_item_id, cast((count(*) filter (where kind = 'click') + 10) * 1000000
                          / (count(*) filter (where kind = 'viewable') + 1000) as bigint) as ppm
  from event where kind in ('viewable', 'click') group by line_item_id
""")


@dataclass(frozen=True, slots=True)
class Surface:
    """A placement with its world."""

    id: int
    world: int
    category: str
    engine: str
    publisher: int
    owner: str
    kind: str
    width: int
    height: int
    width_mm: int | None
    height_mm: int | None
    floor_micro_usdc: int
    accepts: list[str]
    blocks: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


Wanted = tuple[str, frozenset[int | str], frozenset[int | str]]
"""A dimension, the values it must have one of (none: any), and those it must not have."""


@dataclass(frozen=True, slots=True)
class Item:
    """A line item with its campaign."""

    id: int
    owner: str
    category: str
    chain_campaign: int
    bid_kind: str
    bid_micro_usdc: int
    starts_ms: int
    ends_ms: int
    even_pacing: bool
    daily_cap: int | None
    total_cap: int | None
    wanted: list[Wanted]
    size: dict[str, int | None] | None
    hours: int | None
    time_zone: str
    frequency: tuple[int, int] | None
    active: bool
    creatives: list[Any]


@dataclass(frozen=True, slots=True)
class Market:
    """All of it."""

    surfaces: Mapping[int, Surface]
    items: list[Item]
    clicks_ppm: Mapping[int, int]

    def click_rate_ppm(self, line_item: int) -> int:
        """Clicks per million viewable impressions; what nobody has seen yet gets the usual rate."""
        return self.clicks_ppm.get(line_item, BASE_RATE_PPM)


def read_market(engine: Engine, chain_id: int, creative: Callable[..., Any]) -> Market:
    """`creative` makes what is shown from the columns of its row."""
    with engine.connect() as connection:
        surfaces = {row.id: Surface(**row._mapping) for row in connection.execute(_SURFACES)}
        for row in connection.execute(_BLOCKS):
            for surface in surfaces.values():
                if surface.publisher == row.publisher_index and row.world_id in (None, surface.world):
                    surface.blocks[row.kind].add(row.value)
        clicks = {row.line_item_id: row.ppm for row in connection.execute(_CLICKS)}
        return Market(surfaces, _items(connection, chain_id, creative), clicks)


def _items(connection: Connection, chain_id: int, creative: Callable[..., Any]) -> list[Item]:
    shown: dict[int, list[Any]] = {}
    for row in connection.execute(_CREATIVES):
        shown.setdefault(row.line_item_id, []).append(creative(**row._mapping))
    return [_item(row, shown.get(row.id, [])) for row in connection.execute(_ITEMS, {"chain_id": chain_id})]


def _wanted(targeting: dict[str, Any]) -> list[Wanted]:
    """Only the dimensions that are named."""
    named = {name.removeprefix("exclude_") for name in targeting if name != "size"}
    return [
        (name, frozenset(targeting.get(name, ())), frozenset(targeting.get(f"exclude_{name}", ()))) for name in named
    ]


def _item(row: Any, creatives: list[Any]) -> Item:
    return Item(
        id=row.id, owner=row.owner, category=row.category, chain_campaign=int(row.chain_campaign),
        bid_kind=row.bid_kind, bid_micro_usdc=row.bid_micro_usdc, starts_ms=int(row.starts_at.timestamp() * 1000),
        ends_ms=int(row.ends_at.timestamp() * 1000), even_pacing=row.pacing == "even",
        daily_cap=row.daily_cap_micro_usdc, total_cap=row.total_cap_micro_usdc,
        wanted=_wanted(row.targeting), size=row.targeting.get("size"),
        hours=None if row.hours is None else mask_of(row.hours), time_zone=row.time_zone or "UTC",
        frequency=(row.frequency_impressions, row.frequency_hours) if row.frequency_impressions else None,
        active=row.status == "active" and row.campaign_status == "active" and row.active and not row.frozen,
        creatives=creatives,
    )
