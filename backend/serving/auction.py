"""A second-price auction in integers: everybody is compared by what a thousand viewable impressions would bring."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.core.events import BidKind

PPM = 1_000_000
CONVERSIONS_PER_CLICK_PPM = 20_000      # 2 % of clicks: what a CPA bid is taken to bring


@dataclass(frozen=True, slots=True)
class Bid:
    """One line item's offer. `rate_ppm`: billable events per million viewable impressions (vCPM: 1,000,000)."""

    line_item: int
    owner: str
    bid_micro_usdc: int
    rate_ppm: int

    @property
    def ecpm_nano_usdc(self) -> int:
        """Expected nano-USDC per thousand viewable impressions: bid * (rate / 10^6) * 10^3 impressions * 10^3 nano."""
        return self.bid_micro_usdc * self.rate_ppm


@dataclass(frozen=True, slots=True)
class Sale:
    """The winner and what one billable event costs it."""

    bid: Bid
    price_micro_usdc: int


def rate_of(bid_kind: BidKind, click_rate_ppm: int) -> int:
    """Billable events per million viewable impressions; at least 1, or an event could cost anything."""
    if bid_kind is BidKind.CPC:
        return click_rate_ppm
    if bid_kind is BidKind.CPA:
        return max(1, click_rate_ppm * CONVERSIONS_PER_CLICK_PPM // PPM)
    return PPM


def floor_ecpm_nano_usdc(floor_micro_usdc: int) -> int:
    """The placement's floor (per viewable impression) on the scale of `Bid.ecpm_nano_usdc`."""
    return floor_micro_usdc * PPM


def auction(bids: Sequence[Bid], floor_micro_usdc: int, seed: int) -> Sale | None:
    """The highest eCPM wins; equals are drawn by `seed`. None when no bid reaches the floor.

    The price is the least with which the winner would still have matched the floor and the best bid of another owner:
    an advertiser's own other line items never make it more expensive. It never depends on the winner's bid.
    """
    floor_nano_usdc = floor_ecpm_nano_usdc(floor_micro_usdc)
    competing = [bid for bid in bids if bid.ecpm_nano_usdc >= floor_nano_usdc]
    if not competing:
        return None
    winner = _draw(_highest(competing), seed)
    rival_nano_usdc = max((bid.ecpm_nano_usdc for bid in competing if bid.owner != winner.owner), default=0)
    return Sale(winner, _price(max(floor_nano_usdc, rival_nano_usdc), winner.rate_ppm))


def _highest(bids: Sequence[Bid]) -> list[Bid]:
    best = max(bid.ecpm_nano_usdc for bid in bids)
    return [bid for bid in bids if bid.ecpm_nano_usdc == best]


def _draw(bids: Iterable[Bid], seed: int) -> Bid:
    """The same seed draws the same bid, in whatever order they come."""
    ordered = sorted(bids, key=lambda bid: bid.line_item)
    return ordered[seed % len(ordered)]


def _price(threshold_nano_usdc: int, rate_ppm: int) -> int:
    """Micro-USDC per billable event that bring the threshold; rounded up, so never under the floor, and at least 1.

    Floor 2,000 for an impression, one click in 100 impressions (10,000 ppm): 2,000 * 10^6 / 10^4 = 200,000 per click.
    A bid is a whole number that reaches the threshold, so rounding up never passes the winner's own bid.
    """
    return max(1, -(-threshold_nano_usdc // rate_ppm))
