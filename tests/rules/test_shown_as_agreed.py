"""A line item is shown only where, when, to whom and as often as its terms allow (L52).

The other side is written from the terms as the API takes them, without the code of serving: sets and clocks.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.campaigns.targeting import SizeRange, Targeting
from backend.core.events import BidKind
from backend.core.reasons import NoBidReason
from backend.core.week import HOURS_PER_WEEK
from backend.pctr.rate import Rates
from backend.serving.catalogue import MS_PER_DAY, Blocks, Catalogue, Creative, Frequency, LineItem, Placement, Spending
from backend.serving.decision import contenders, open_book, sponsor
from backend.serving.eligibility import Viewer
from backend.serving.views.window import field_of, kept_ms, mark_of, seen_enough
from backend.serving.wanted import wanted_of

START = datetime(2026, 11, 2, tzinfo=UTC)
RICH = Spending(left_micro_usdc=10**12)
CREATIVE = Creative(1, "image", 1024, 512, "https://a.example/x.png", "00" * 32, "https://a.example/")

countries, languages = st.sampled_from(["DE", "AT", "FR"]), st.sampled_from(["de", "fr"])
devices, engines = st.sampled_from(["vr", "desktop"]), st.sampled_from(["three", "unity"])
ids = st.integers(1, 3)


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, min_size=1, max_size=2, unique=True).map(tuple)


categories, formats = some(st.sampled_from(["art", "games"])), some(st.sampled_from(["image", "video"]))
limits = st.one_of(st.none(), st.integers(1, 4).map(lambda n: 512 * n))
sizes = st.builds(
    SizeRange, width_pixels_min=limits, width_pixels_max=limits, height_pixels_min=limits, height_pixels_max=limits,
    width_mm_min=limits, width_mm_max=limits, height_mm_min=limits, height_mm_max=limits,
)
DIMENSIONS: dict[str, st.SearchStrategy[Any]] = {
    "worlds": some(ids), "placements": some(ids), "publishers": some(ids), "categories": categories,
    "formats": formats, "engines": some(engines), "countries": some(countries), "languages": some(languages),
    "devices": some(devices), "size": sizes,
}
DIMENSIONS |= {f"exclude_{name}": values for name, values in DIMENSIONS.items() if name not in ("formats", "size")}


@st.composite
def targetings(draw: st.DrawFn) -> Targeting:
    """One or two dimensions: of more, one would hide what another lets through."""
    names = draw(st.lists(st.sampled_from(sorted(DIMENSIONS)), min_size=1, max_size=2, unique=True))
    return Targeting(**{name: draw(DIMENSIONS[name]) for name in names})


PLACEMENT = st.builds(
    Placement, id=ids, world=ids, category=st.sampled_from(["art", "games"]), publisher=ids,
    owner=st.just("0xpublisher"), kind=st.just("image"), width=st.sampled_from([1024, 2048]),
    height=st.just(512), floor_micro_usdc=st.just(0), engine=engines,
    width_mm=st.one_of(st.none(), st.integers(1, 4).map(lambda n: 512 * n)),
    height_mm=st.one_of(st.none(), st.just(1_024)),
    accepts=st.sampled_from([frozenset(), frozenset(), frozenset(), frozenset({"games"})]),
    blocks=st.sampled_from([
        Blocks(), Blocks(), Blocks(), Blocks(), Blocks(advertisers=frozenset({"0xone"})),
        Blocks(categories=frozenset({"games"})), Blocks(creatives=frozenset({1})), Blocks(creatives=frozenset({2})),
    ]),
)


@dataclass(frozen=True)
class Terms:
    """A line item as its advertiser would say it."""

    number: int
    owner: str
    category: str
    targeting: Targeting
    hours: frozenset[int]
    zone: str
    cap: tuple[int, int] | None
    starts: int         # hours after START
    lasts: int

    def served(self, placement: Placement) -> LineItem:
        return LineItem(
            id=self.number, campaign=1, owner=self.owner, bid_kind=BidKind.VCPM, bid_micro_usdc=1_000 + self.number,
            starts_ms=_ms(START + timedelta(hours=self.starts)), even_pacing=False, category=self.category,
            ends_ms=_ms(START + timedelta(hours=self.starts + self.lasts)), chain_campaign=1,
            wanted=wanted_of(msgspec.json.encode(self.targeting).decode()), hours=sum(1 << hour for hour in self.hours),
            time_zone=self.zone, frequency=Frequency(*self.cap) if self.cap else None,
            creatives=(Creative(1, "image", placement.width, placement.height, "", "", ""),),
        )


ALWAYS = frozenset(range(HOURS_PER_WEEK))
hours = st.sampled_from([ALWAYS, ALWAYS, ALWAYS, frozenset(range(0, 24)), ALWAYS - frozenset(range(6, 30, 2))])
TERMS = st.builds(
    Terms, number=st.integers(1, 4), owner=st.sampled_from(["0xone", "0xother"]),
    category=st.sampled_from(["games", "food_and_drink"]), targeting=targetings(),
    hours=hours, zone=st.sampled_from(["UTC", "Asia/Kathmandu", "America/New_York"]),
    cap=st.one_of(st.none(), st.tuples(st.integers(1, 3), st.integers(1, 24))), starts=st.integers(0, 6),
    lasts=st.integers(6, 60),
)
REQUEST = st.tuples(
    st.integers(0, 5_400),                                      # seconds since the request before
    st.builds(Viewer, country=st.one_of(st.none(), countries), language=st.one_of(st.none(), languages),
              device=st.one_of(st.none(), devices), countable=st.sampled_from([True, True, True, False])),
)

MANY_TERMS, REQUESTS = st.lists(TERMS, min_size=1, max_size=4), st.lists(REQUEST, min_size=1, max_size=12)


def _ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def named(wanted: tuple[Any, ...], excluded: tuple[Any, ...], value: Any) -> bool:
    """Lists as people read them: who names a dimension wants to know."""
    if (wanted or excluded) and value is None:
        return False
    return value not in excluded and (not wanted or value in wanted)


def in_range(value: int | None, least: int | None, most: int | None) -> bool:
    if least is None and most is None:
        return True
    return value is not None and (least or 0) <= value <= (most or 10**9)


def agreed(terms: Terms, surface: Placement, viewer: Viewer, now: datetime, shown: list[datetime]) -> bool:
    """Whether the terms and the publisher allow this ad; `shown`: when this viewer saw it."""
    t, size = terms.targeting, terms.targeting.size
    local = now.astimezone(ZoneInfo(terms.zone))
    begin = START + timedelta(hours=terms.starts)
    cap_holds = True
    if terms.cap:
        today = [when for when in shown if when.date() == now.date()]
        recent = [when for when in today if now - when < timedelta(hours=terms.cap[1])]
        cap_holds = viewer.countable and len(recent) < terms.cap[0]
    return all((
        begin <= now < begin + timedelta(hours=terms.lasts), cap_holds,
        local.weekday() * 24 + local.hour in terms.hours,
        named(t.worlds, t.exclude_worlds, surface.world), named(t.placements, t.exclude_placements, surface.id),
        named(t.categories, t.exclude_categories, surface.category), named(t.formats, (), surface.kind),
        named(t.publishers, t.exclude_publishers, surface.publisher),
        named(t.engines, t.exclude_engines, surface.engine),
        named(t.countries, t.exclude_countries, viewer.country), named(t.devices, t.exclude_devices, viewer.device),
        named(t.languages, t.exclude_languages, viewer.language),
        in_range(surface.width, size.width_pixels_min, size.width_pixels_max),
        in_range(surface.height, size.height_pixels_min, size.height_pixels_max),
        in_range(surface.width_mm, size.width_mm_min, size.width_mm_max),
        in_range(surface.height_mm, size.height_mm_min, size.height_mm_max),
        terms.owner not in surface.blocks.advertisers, terms.category not in surface.blocks.categories,
        1 not in surface.blocks.creatives, not surface.accepts or terms.category in surface.accepts,
    ))


@dataclass
class Market:
    """One placement, its line items, and one viewer who comes again and again."""

    surface: Placement
    terms: dict[int, Terms]
    now: datetime = START
    counters: Counter[str] = field(default_factory=Counter)
    shown: dict[int, list[datetime]] = field(default_factory=dict)

    def ask(self, viewer: Viewer) -> tuple[set[int], set[int]]:
        """Who may be shown according to serving, and according to the terms; then the highest of serving's is shown."""
        items = tuple(terms.served(self.surface) for terms in self.terms.values())
        spending = {item.id: RICH for item in items}
        book = open_book(Catalogue(1, 0, {}, items, Rates(), spending), self.surface)
        today = {name: n for name, n in self.counters.items() if _day(int(name.split(":")[1])) == self.now.date()}
        seen = seen_enough(today, book.capped, _ms(self.now)) if viewer.countable else frozenset()
        asking = Viewer(viewer.country, viewer.language, viewer.device, viewer.countable, seen)
        served, blocked = set[int](), dict[int, NoBidReason]()
        while True:         # the walk stops at the second owner: ask again without those who were found
            found, _ = contenders(book, spending, _ms(self.now), blocked, asking)
            if not found:
                break
            served |= {one.line_item.id for one in found}
            blocked |= dict.fromkeys(served, NoBidReason.BUDGET)
        allowed = {
            number for number, terms in self.terms.items()
            if agreed(terms, self.surface, viewer, self.now, self.shown.get(number, []))
        }
        return served, allowed

    def show(self, number: int, countable: bool) -> None:
        self.shown.setdefault(number, []).append(self.now)
        if countable:
            self.counters[field_of(number, _ms(self.now) // 3_600_000)] += 1


def _day(hour: int) -> Any:
    return datetime.fromtimestamp(hour * 3600, UTC).date()


@settings(max_examples=200)
@given(PLACEMENT, MANY_TERMS, REQUESTS, st.integers(0, 30))
def test_contenders__any_terms_and_requests__shown_only_as_agreed(
    surface: Placement, terms: list[Terms], requests: list[tuple[int, Viewer]], first_hour: int
) -> None:
    """L52: nobody is served against the terms; without a frequency cap everybody who may be served is."""
    market = Market(surface, {one.number: one for one in terms}, START + timedelta(hours=first_hour))
    for seconds, viewer in requests:
        market.now += timedelta(seconds=seconds)
        served, allowed = market.ask(viewer)
        assert served <= allowed
        assert {number for number in allowed - served if market.terms[number].cap is None} == set()
        if served:
            market.show(max(served), viewer.countable)


@given(st.integers(1, 4), st.integers(1, 24), st.lists(st.integers(0, 7_200), min_size=1, max_size=40))
def test_seen_enough__any_visits__never_one_too_many_within_the_hours(n: int, within: int, waits: list[int]) -> None:
    """L52: and a viewer who was away for an hour more than the cap says is shown it again."""
    cap = {7: Frequency(n, within)}
    now, counters, shown = START, Counter[str](), list[datetime]()
    for wait in waits:
        now += timedelta(seconds=wait)
        today = {name: seen for name, seen in counters.items() if _day(int(name.split(":")[1])) == now.date()}
        recent = [when for when in shown if when.date() == now.date() and now - when < timedelta(hours=within + 1)]
        if 7 in seen_enough(today, cap, _ms(now)):
            assert len(recent) >= n
            continue
        shown.append(now)
        counters[field_of(7, _ms(now) // 3_600_000)] += 1
        strict = [when for when in shown if when.date() == now.date() and now - when < timedelta(hours=within)]
        assert len(strict) <= n


def test_seen_enough__a_viewer_with_too_many_counters__sees_nothing_that_is_capped() -> None:
    many = {field_of(number, 0): 1 for number in range(512)}
    assert seen_enough(many, {9_999: Frequency(1, 1)}, 0) == {9_999: NoBidReason.FREQUENCY_CAP}


@given(st.integers(1, 90), st.lists(st.integers(0, 7_200), min_size=1, max_size=40))
def test_seen_enough__recency_cap__never_sooner_and_at_most_a_minute_later(apart: int, waits: list[int]) -> None:
    """L52, L80."""
    cap, now_ms, shown_ms = {7: Frequency(None, 0, apart)}, _ms(START), None
    for wait in waits:
        now_ms += wait * 1_000
        marks = {} if shown_ms is None else {mark_of(7): shown_ms // 60_000}
        if 7 in seen_enough(marks, cap, now_ms):
            assert shown_ms is not None
            assert now_ms - shown_ms < (apart + 1) * 60_000
            continue
        assert shown_ms is None or now_ms - shown_ms >= apart * 60_000
        shown_ms = now_ms


@given(st.integers(0, 10**12), st.integers(1, 24), st.integers(0, 1_440))
def test_kept__any_moment_and_cap__until_it_no_longer_matters_and_never_beyond_the_day(
    now_ms: int, hours: int, apart: int
) -> None:
    """L80."""
    until_ms = now_ms + kept_ms(Frequency(3, hours, apart), now_ms)
    midnight_ms = (now_ms // MS_PER_DAY + 1) * MS_PER_DAY
    matters_ms = max(now_ms + hours * 3_600_000, now_ms + apart * 60_000)
    assert min(matters_ms, midnight_ms) <= until_ms <= midnight_ms


@given(st.integers(0, 10), st.integers(1, 5), st.integers(-2, 18))
def test_sponsor__any_moment__only_within_its_hours(starts: int, lasts: int, hour: int) -> None:
    """L52."""
    surface = Placement(1, 1, "art", 1, "0xpublisher", "image", 1024, 512, 1_000)
    item = LineItem(
        id=1, campaign=1, owner="0xone", bid_kind=BidKind.SPONSORSHIP, bid_micro_usdc=1, chain_campaign=1,
        starts_ms=_ms(START + timedelta(hours=starts)), ends_ms=_ms(START + timedelta(hours=starts + lasts)),
        creatives=(CREATIVE,),
    )
    book = open_book(Catalogue(1, 0, {1: surface}, (item,), Rates(), {}), surface)
    found, refused = sponsor(book.sponsors, _ms(START + timedelta(hours=hour)), {})
    assert (found is not None) == (starts <= hour < starts + lasts)
    assert bool(refused) == (found is None)
    assert book.offers == ()
