"""What can be sold and bought: an immutable picture of the SQL tables that decisions are made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.core.events import BidKind
from backend.core.reasons import NoBidReason
from backend.core.week import EVERY_HOUR
from backend.pctr.rate import Rates
from backend.serving.auction import Deal
from backend.serving.pacing.curve import FLAT

MS_PER_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Blocks:
    """What a publisher does not show on a surface: wallets of advertisers, categories of campaigns, creatives."""

    advertisers: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    creatives: frozenset[int] = frozenset()


NO_BLOCKS = Blocks()


@dataclass(frozen=True, slots=True)
class Placement:
    """A surface for sale, with what is needed of its world. `floor_micro_usdc` is for one viewable impression.

    `soft_floor_micro_usdc`: a request asks for a floor between both (`auction.asked_floor`); None: the floor itself.
    `deals` are (line item, deal), and with `deals_only` nobody else may buy here but a sponsorship.
    `accepts`: categories of campaigns; empty: all. `blocks`: what the publisher does not show. `shares`: (publisher
    index, basis points) where several are paid, and `paid` all their wallets. `kin`: accounts that belong to whoever is
    paid here, so that their ads are his own. `test`: it shows the house creative, and nothing is charged.
    """

    id: int
    world: int
    category: str
    publisher: int
    owner: str
    kind: str
    width: int
    height: int
    floor_micro_usdc: int
    placement_active: bool = True
    world_active: bool = True
    test: bool = False
    accepts: frozenset[str] = frozenset()
    shares: tuple[tuple[int, int], ...] = ()
    paid: frozenset[str] = frozenset()
    kin: frozenset[str] = frozenset()
    engine: str = "other"
    width_mm: int | None = None
    height_mm: int | None = None
    blocks: Blocks = NO_BLOCKS
    external_demand: bool = False       # whether bidders on servers of their own are asked too
    soft_floor_micro_usdc: int | None = None
    deals: tuple[tuple[int, Deal], ...] = ()
    deals_only: bool = False

    @property
    def own(self) -> frozenset[str]:
        """Accounts whose campaigns are not shown here: nobody moves an advertising budget to himself."""
        return self.paid | self.kin | {self.owner}

    def deal_of(self, line_item: int) -> Deal | None:
        """The deal by which a line item buys here; it then takes no part in the open auction."""
        return next((deal for one, deal in self.deals if one == line_item), None)


@dataclass(frozen=True, slots=True)
class Creative:
    """An approved asset; the SDK checks `asset_sha256` before it shows it. `alt_text`: what it says, in words."""

    id: int
    kind: str
    width: int
    height: int
    asset_url: str
    asset_sha256: str
    click_url: str
    duration_ms: int = 0
    alt_text: str = ""


@dataclass(frozen=True, slots=True)
class Purse:
    """Micro-USDC that may still be spent on one thing, and how much of it open holds have taken."""

    base: int
    held: int = 0

    @property
    def left(self) -> int:
        return self.base - self.held


@dataclass(frozen=True, slots=True)
class Target:
    """One dimension of targeting: `only` (empty: everything), and `never`, which always wins."""

    only: frozenset[int | str] = frozenset()
    never: frozenset[int | str] = frozenset()

    def allows(self, value: int | str | None) -> bool:
        """None is what nobody knows: it is not wanted, and may be what is excluded."""
        if value is None:
            return not (self.only or self.never)
        return value not in self.never and (not self.only or value in self.only)


EVERYWHERE = Target()


@dataclass(frozen=True, slots=True)
class Range:
    """Whole numbers from `least` to `most`, both included; None: no limit."""

    least: int | None = None
    most: int | None = None

    def allows(self, value: int | None) -> bool:
        """None is an unknown size: only without limits it is allowed."""
        if value is None:
            return self.least is None and self.most is None
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


ANY = Range()


@dataclass(frozen=True, slots=True)
class Wanted:
    """All of a line item's targeting: what depends on the placement first, then what the ad request says."""

    worlds: Target = EVERYWHERE
    categories: Target = EVERYWHERE
    placements: Target = EVERYWHERE
    publishers: Target = EVERYWHERE
    formats: Target = EVERYWHERE
    engines: Target = EVERYWHERE
    width: Range = ANY
    height: Range = ANY
    width_mm: Range = ANY
    height_mm: Range = ANY
    countries: Target = EVERYWHERE
    languages: Target = EVERYWHERE
    devices: Target = EVERYWHERE

    @property
    def names_viewers(self) -> bool:
        """Whether it depends on what the ad request says of the viewer."""
        return any(one != EVERYWHERE for one in (self.countries, self.languages, self.devices))


ANYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Frequency:
    """At most `impressions` (None: any number) to one viewer within any `hours` hours, `apart_minutes` between two."""

    impressions: int | None
    hours: int
    apart_minutes: int = 0


def frequency_of(impressions: int | None, hours: int | None, apart_minutes: int | None) -> Frequency | None:
    """Both caps of a line item in one, None when it has neither."""
    if impressions is None and apart_minutes is None:
        return None
    return Frequency(impressions, hours or 0, apart_minutes or 0)


@dataclass(frozen=True, slots=True)
class LineItem:
    """A buying order with what is needed of its campaign: what changes rarely. `hours` has a bit per hour of the week.

    `unfunded` says why there is no money at all: no deposit seen on chain, all of it spent, or counters unknown.
    `has_goal`: its landing pages are told the click id, so that conversions can be attributed.
    """

    id: int
    campaign: int
    owner: str
    bid_kind: BidKind
    bid_micro_usdc: int
    starts_ms: int
    ends_ms: int
    even_pacing: bool = True
    daily_cap_micro_usdc: int | None = None
    total_cap_micro_usdc: int | None = None
    category: str = "other"
    wanted: Wanted = ANYTHING
    hours: int = EVERY_HOUR
    time_zone: str = "UTC"
    frequency: Frequency | None = None
    creatives: tuple[Creative, ...] = ()
    line_item_active: bool = True
    campaign_active: bool = True
    chain_campaign: int | None = None
    unfunded: NoBidReason | None = None
    has_goal: bool = False
    front_loaded: bool = False      # of paced ones: see `backend.serving.pacing.curve`, also for the next one
    week: tuple[int, ...] = FLAT
    external: bool = False              # a server of its own bids for it, with `bid_micro_usdc` as the most
    narrow: bool = field(init=False, compare=False, default=False)   # whether one ad request may differ from another

    def __post_init__(self) -> None:
        narrow = self.hours != EVERY_HOUR or self.frequency is not None or self.wanted.names_viewers
        object.__setattr__(self, "narrow", narrow)


@dataclass(frozen=True, slots=True)
class Spending:
    """What changes with every event: `spent` is what the ledger has charged, `held` what open holds may still charge.

    `left_micro_usdc` is what the campaign has to give; days are UTC days since 1970.
    """

    left_micro_usdc: int = 0
    spent_total_micro_usdc: int = 0
    held_total_micro_usdc: int = 0
    spent_by_day_micro_usdc: Mapping[int, int] = field(default_factory=dict)
    held_by_day_micro_usdc: Mapping[int, int] = field(default_factory=dict)

    def committed_total(self) -> int:
        """Micro-USDC charged or held, ever."""
        return self.spent_total_micro_usdc + self.held_total_micro_usdc

    def committed_on(self, day: int) -> int:
        """Micro-USDC charged or held for decisions of that day."""
        return self.spent_by_day_micro_usdc.get(day, 0) + self.held_by_day_micro_usdc.get(day, 0)


NOTHING_SPENT = Spending()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One picture of everything. `version` changes with `placements`, `line_items` or `rates`, not with `spending`."""

    version: int
    loaded_ms: int
    placements: Mapping[int, Placement]
    line_items: tuple[LineItem, ...]
    rates: Rates
    spending: Mapping[int, Spending] = field(default_factory=dict)

    def click_urls(self) -> dict[int, str]:
        """Where a click on a creative leads, by creative id."""
        return {creative.id: creative.click_url for item in self.line_items for creative in item.creatives}


def day_of(now_ms: int) -> int:
    """UTC day as days since 1970-01-01: the day whose cap a decision of this moment is counted on."""
    return now_ms // MS_PER_DAY
