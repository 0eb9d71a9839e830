"""Forecasts from the newest catalogue and what was recorded of ad requests."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from backend.core.events import BidKind
from backend.core.week import hour_of_week
from backend.db.engine import Connection, Engine
from backend.serving.auction import asked_at_most, floor_ecpm_nano_usdc
from backend.serving.catalogue import Catalogue, LineItem, Placement, Target
from backend.serving.eligibility import (
    STANDING_CHECKS,
    campaign_inactive,
    funded,
    line_item_paused,
    no_creative,
    offer,
    offer_at,
)
from backend.serving.forecasting import store
from backend.serving.forecasting.forecast import MS_PER_HOUR, Forecast, Plan, forecast
from backend.serving.forecasting.landscape import Chance, week_of

DAYS_BACK = 28
SECONDS_PER_DAY = 86_400
PLACEMENTS_MAX = 32             # of more, every n-th is read, and stands for n


@dataclass(frozen=True, slots=True)
class Outlook:
    """A forecast, on how many placements it would run, and the recorded hours that it was made from."""

    forecast: Forecast
    placements: int
    recorded_hours: int


class ForecastService:
    """`catalogue` gives the newest one (for a time in Unix milliseconds), `clock` Unix seconds."""

    def __init__(
        self, engine: Engine, catalogue: Callable[[int], Catalogue], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._clock = clock
        self._known: Mapping[int, Placement] = {}
        self._kinds: Mapping[Placement, list[int]] = {}

    def outlook(self, item: LineItem, spent_micro_usdc: int = 0) -> Outlook:
        """What `item` would win from now on. Its status and its campaign's money do not matter; of its creatives it
        is taken that some fit, unless approved ones are there and do not. Raises what loading a catalogue raises."""
        now_ms = int(self._clock() * 1000)
        catalogue = self._catalogue(now_ms)
        known = next((one for one in catalogue.line_items if one.id == item.id), None)
        if known is not None:
            item = replace(item, creatives=known.creatives)
        where = sorted(self._where(catalogue, item))
        step = -(-len(where) // PLACEMENTS_MAX) or 1
        sample = [catalogue.placements[one] for one in where[::step]]
        with self._engine.begin() as connection:
            window = _window(connection, now_ms)
            made = self._forecast(connection, catalogue, item, spent_micro_usdc, sample, step, window, now_ms)
        return Outlook(made, len(where), len(_hours(window)))

    def _where(self, catalogue: Catalogue, item: LineItem) -> Iterator[int]:
        """Placements that it may run on. Many are alike, so only one of each kind is looked at."""
        if self._known is not catalogue.placements:
            kinds: dict[Placement, list[int]] = defaultdict(list)
            for one in catalogue.placements.values():
                kinds[replace(one, id=0, floor_micro_usdc=0)].append(one.id)
            self._known, self._kinds = catalogue.placements, kinds
        anywhere = replace(item, wanted=replace(item.wanted, placements=Target()))
        for kind, ids in self._kinds.items():
            if _may_run(anywhere, kind):
                yield from (one for one in ids if item.wanted.placements.allows(one))

    def _forecast(
        self, connection: Connection, catalogue: Catalogue, item: LineItem, spent_micro_usdc: int,
        sample: list[Placement], step: int, window: store.Window, now_ms: int,
    ) -> Forecast:
        ids = [one.id for one in sample]
        shares = _shares(connection, item, ids, window)
        chances = {one.id: _chance(catalogue, item, one, shares.get(one.id, 1.0)) for one in sample}
        first = {chance: one for one, chance in reversed(chances.items())}
        own = frozenset(one.id for one in catalogue.line_items if one.owner == item.owner)
        alike = {one: first[chance] for one, chance in chances.items()}
        rows, by_day = store.read_landscape(connection, alike, own, window)
        seen = Counter(hour_of_week(hour_ms, "UTC") for hour_ms in _hours(window))
        week = [one.times(step) for one in week_of(rows, chances, own, seen)]
        whole_days = range(_day(_next_midnight(window.since)), _day(window.until))
        daily = [n for day, n in by_day.items() if day in whole_days]
        decided, viewed = store.read_viewed(connection, window)
        view_rate = min(1.0, viewed / decided) if viewed else 1.0
        return forecast(week, _plan(item, spent_micro_usdc), now_ms, view_rate, daily)


_NOT_ABOUT_PLACEMENTS = (campaign_inactive, line_item_paused, funded, no_creative)


def _may_run(item: LineItem, placement: Placement) -> bool:
    """Whether nothing but money and switches keeps the line item from this placement; bids are of average clicks."""
    if not (placement.placement_active and placement.world_active) or placement.test:
        return False
    candidate = offer(item, placement, 1_000_000)
    checks = [check for check in STANDING_CHECKS if check not in _NOT_ABOUT_PLACEMENTS or check is no_creative]
    if not item.creatives:
        checks.remove(no_creative)
    return all(check(candidate) is None for check in checks)


def _chance(catalogue: Catalogue, item: LineItem, placement: Placement, audience: float) -> Chance:
    bid = offer_at(item, placement, catalogue.rates).bid
    if item.bid_kind is BidKind.SPONSORSHIP:
        return Chance(bid.ecpm_nano_usdc, floor_ecpm_nano_usdc(placement.floor_micro_usdc), audience, takes_all=True)
    if bid.deal is not None:
        share, floor = float(bid.reaches(0)), bid.deal.price_micro_usdc
    else:
        worth = bid.ecpm_nano_usdc // floor_ecpm_nano_usdc(1)
        share, floor = asked_at_most(worth, placement.floor_micro_usdc, placement.soft_floor_micro_usdc)
    return Chance(bid.ecpm_nano_usdc, floor_ecpm_nano_usdc(floor), audience * share)


def _shares(
    connection: Connection, item: LineItem, placements: list[int], window: store.Window
) -> dict[int, float]:
    """Of each placement's ad requests, in whole percent so that placements stay alike; empty: all of them."""
    if not item.wanted.names_viewers:
        return {}
    requests = store.read_requests(connection, placements, window)
    audience = store.read_audience(connection, placements, window)
    return {one: round(_share(item, audience.get(one, {}), requests.get(one, 0)), 2) for one in placements}


def _share(item: LineItem, said: Mapping[str, Mapping[str, int]], requests: int) -> float:
    """Share of a placement's ad requests that the targeting allows; dimensions are taken to be independent."""
    wanted = item.wanted
    share = 1.0
    for dimension, target in (
        ("country", wanted.countries), ("language", wanted.languages), ("device", wanted.devices)
    ):
        if target != Target() and requests:
            allowed = sum(n for value, n in said.get(dimension, {}).items() if target.allows(value))
            share *= min(1.0, allowed / requests)
    return share


def _plan(item: LineItem, spent_micro_usdc: int) -> Plan:
    total = item.total_cap_micro_usdc
    return Plan(
        item.starts_ms, item.ends_ms, item.hours, item.time_zone, item.daily_cap_micro_usdc,
        None if total is None else max(0, total - spent_micro_usdc),
        item.bid_micro_usdc if item.bid_kind is BidKind.SPONSORSHIP else None,
    )


def _window(connection: Connection, now_ms: int) -> store.Window:
    """From the first recorded hour of four weeks to the last whole one."""
    until = datetime.fromtimestamp(now_ms // MS_PER_HOUR * MS_PER_HOUR / 1000, UTC)
    longest = store.Window(until - timedelta(days=DAYS_BACK), until)
    return store.Window(store.first_hour(connection, longest) or until, until)


def _hours(window: store.Window) -> range:
    """Start of each recorded hour, Unix milliseconds."""
    return range(int(window.since.timestamp()) * 1000, int(window.until.timestamp()) * 1000, MS_PER_HOUR)


def _midnight(when: datetime) -> datetime:
    return when.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _day(when: datetime) -> int:
    return int(when.timestamp()) // SECONDS_PER_DAY


def _next_midnight(when: datetime) -> datetime:
    midnight = _midnight(when)
    return midnight if midnight == when else midnight + timedelta(days=1)
