"""A second-price auction in integers: everybody is compared by what a thousand viewable impressions would bring.

Private deals come first and among themselves; only when none of them buys, the open auction decides. Whoever calls it
gives each bid what it needs: its rate (`rate_of`), its quality and its deal; and the floor of this one ad request
(`asked_floor`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.core.events import BidKind

PPM = 1_000_000
CONVERSIONS_PER_CLICK_PPM = 20_000      # 2 % of clicks: what a CPA bid is taken to bring until conversions are counted
QUALITY_NEUTRAL = 1_000                 # per mille
QUALITY_PERMILLE_MAX = 8_000            # 10^9 (the highest bid) * 10^6 (rate) * 8,000 still fits 63 bits


@dataclass(frozen=True, slots=True)
class Deal:
    """What a publisher and an advertiser agreed on for a line item on a placement.

    `price_micro_usdc` is for one viewable impression: what it costs when `fixed`, otherwise the least it costs. It
    takes the place of the placement's floor.
    """

    id: int
    price_micro_usdc: int
    fixed: bool


@dataclass(frozen=True, slots=True)
class Bid:
    """One line item's offer. `rate_ppm`: billable events per million viewable impressions (vCPM: 1,000,000).

    `quality_permille`: how much more (above 1,000) or less of its ad requests become viewable impressions than of
    others on this placement; 1 to 8,000. It weighs in the open auction alone.
    """

    line_item: int
    owner: str
    bid_micro_usdc: int
    rate_ppm: int
    quality_permille: int = QUALITY_NEUTRAL
    deal: Deal | None = None

    @property
    def ecpm_nano_usdc(self) -> int:
        """Expected nano-USDC per thousand viewable impressions: bid * (rate / 10^6) * 10^3 impressions * 10^3 nano."""
        return self.bid_micro_usdc * self.rate_ppm

    @property
    def score(self) -> int:
        """What bids are compared by: money times quality. A deal at a fixed price is worth that, whatever the bid.

        Only scores of the same `tier` can be compared.
        """
        if self.deal is None:
            return self.ecpm_nano_usdc * self.quality_permille
        worth = floor_ecpm_nano_usdc(self.deal.price_micro_usdc) if self.deal.fixed else self.ecpm_nano_usdc
        return worth * QUALITY_NEUTRAL

    @property
    def tier(self) -> int:
        """1 for deals, 0 for the open auction: the highest tier in which anybody buys is the one that is sold."""
        return int(self.deal is not None)

    def reaches(self, floor_micro_usdc: int) -> bool:
        """Whether the bid is worth the floor, in money; for a deal, its own price."""
        return self.ecpm_nano_usdc >= floor_ecpm_nano_usdc(self._least(floor_micro_usdc))

    def price(self, floor_micro_usdc: int, rival_score: int) -> int:
        """Micro-USDC per billable event that bring the floor and match the rival; rounded up, and at least 1.

        Floor 2,000 for an impression, one click in 100 impressions (10,000 ppm): 2,000 * 10^6 / 10^4 = 200,000 per
        click. A bid is a whole number that reaches both, so rounding up never passes it. Whoever has twice the quality
        matches a rival with half of the money, but never gets below the floor.
        """
        for_floor = _up(floor_ecpm_nano_usdc(self._least(floor_micro_usdc)), self.rate_ppm)
        if self.deal is not None and self.deal.fixed:
            return max(1, for_floor)
        weight = self.rate_ppm * (QUALITY_NEUTRAL if self.deal else self.quality_permille)
        return max(1, for_floor, _up(rival_score, weight))

    def _least(self, floor_micro_usdc: int) -> int:
        return floor_micro_usdc if self.deal is None else self.deal.price_micro_usdc


@dataclass(frozen=True, slots=True)
class Sale:
    """The winner and what one billable event costs it."""

    bid: Bid
    price_micro_usdc: int


def rate_of(
    bid_kind: BidKind, click_rate_ppm: int, conversions_per_click_ppm: int = CONVERSIONS_PER_CLICK_PPM
) -> int:
    """Billable events per million viewable impressions; at least 1, or an event could cost anything."""
    if bid_kind is BidKind.CPC:
        return click_rate_ppm
    if bid_kind is BidKind.CPA:
        return max(1, click_rate_ppm * conversions_per_click_ppm // PPM)
    return PPM


def floor_ecpm_nano_usdc(floor_micro_usdc: int) -> int:
    """The placement's floor (per viewable impression) on the scale of `Bid.ecpm_nano_usdc`."""
    return floor_micro_usdc * PPM


def asked_floor(floor_micro_usdc: int, soft_floor_micro_usdc: int | None, seed: int) -> int:
    """The floor of one ad request: drawn evenly from the floor to the soft floor, both included (decision 0015).

    It is drawn before anybody looks at a bid, by the upper half of the 64-bit `seed`; the lower half draws between
    equal bids. Floor 1,000, soft floor 3,000, a bid of 2,000 alone: it buys every second time, for 1,500 on average.
    """
    if soft_floor_micro_usdc is None or soft_floor_micro_usdc <= floor_micro_usdc:
        return floor_micro_usdc
    return floor_micro_usdc + ((seed >> 32) * (soft_floor_micro_usdc - floor_micro_usdc + 1) >> 32)


def asked_at_most(
    worth_micro_usdc: int, floor_micro_usdc: int, soft_floor_micro_usdc: int | None
) -> tuple[float, int]:
    """Share of the requests that ask no more than a bid is worth for an impression, and what those ask on average."""
    if worth_micro_usdc < floor_micro_usdc:
        return 0.0, floor_micro_usdc
    soft = max(floor_micro_usdc, soft_floor_micro_usdc or 0)
    reached = min(worth_micro_usdc, soft)
    return (reached - floor_micro_usdc + 1) / (soft - floor_micro_usdc + 1), (floor_micro_usdc + reached) // 2


def auction(bids: Sequence[Bid], floor_micro_usdc: int, seed: int) -> Sale | None:
    """The highest score wins, deals first; equals are drawn by `seed`. None when no bid reaches its floor.

    The price is the least with which the winner would still have matched its floor and the best bid of another owner:
    an advertiser's own other line items never make it more expensive. It never depends on the winner's bid.
    `floor_micro_usdc` is what `asked_floor` gave for this ad request.
    """
    competing = [bid for bid in bids if bid.reaches(floor_micro_usdc)]
    if not competing:
        return None
    tier = max(bid.tier for bid in competing)
    competing = [bid for bid in competing if bid.tier == tier]
    winner = _draw(_highest(competing), seed)
    rival_score = max((bid.score for bid in competing if bid.owner != winner.owner), default=0)
    return Sale(winner, winner.price(floor_micro_usdc, rival_score))


def _highest(bids: Sequence[Bid]) -> list[Bid]:
    best = max(bid.score for bid in bids)
    return [bid for bid in bids if bid.score == best]


def _draw(bids: Iterable[Bid], seed: int) -> Bid:
    """The same seed draws the same bid, in whatever order they come."""
    ordered = sorted(bids, key=lambda bid: bid.line_item)
    return ordered[seed % len(ordered)]


def _up(amount: int, parts: int) -> int:
    """Division that rounds up."""
    return -(-amount // parts)
