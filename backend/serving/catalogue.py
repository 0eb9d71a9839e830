"""What can be sold and bought: an immutable picture of the SQL tables that decisions are made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.core.events import BidKind
from backend.core.reasons import NoBidReason
from backend.pctr.rate import Rates

MS_PER_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Placement:
    """A surface for sale, with what is needed of its world. `floor_micro_usdc` is for one viewable impression.

    `accepts`: categories of campaigns; empty: all. `shares`: (publisher index, basis points) where several are paid,
    and `paid` all their wallets. `test`: it shows the house creative, and nothing is charged.
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


@dataclass(frozen=True, slots=True)
class Creative:
    """An approved asset; the SDK checks `asset_sha256` before it shows it."""

    id: int
    kind: str
    width: int
    height: int
    asset_url: str
    asset_sha256: str
    click_url: str


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

    def allows(self, value: int | str) -> bool:
        return value not in self.never and (not self.only or value in self.only)


EVERYWHERE = Target()


@dataclass(frozen=True, slots=True)
class LineItem:
    """A buying order with what is needed of its campaign: what changes rarely.

    `unfunded` says why there is no money at all: no deposit seen on chain, all of it spent, or counters unknown.
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
    worlds: Target = EVERYWHERE
    categories: Target = EVERYWHERE
    placements: Target = EVERYWHERE
    creatives: tuple[Creative, ...] = ()
    line_item_active: bool = True
    campaign_active: bool = True
    chain_campaign: int | None = None
    unfunded: NoBidReason | None = None


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
