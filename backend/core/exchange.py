"""What selling to and buying from other exchanges needs of the auction: words that serving and openrtb share."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from backend.core.decision_token import DecisionToken


@dataclass(frozen=True, slots=True)
class Candidate:
    """A creative that could be shown, with what a buyer must know of it. `category` is its campaign's."""

    line_item: int
    campaign: int
    category: str
    creative: int
    kind: str
    width: int
    height: int
    duration_ms: int
    asset_url: str
    click_url: str
    alt_text: str = ""


@dataclass(frozen=True, slots=True)
class SupplyRequest:
    """One opportunity that an exchange offers us, on the placement by which it is paid.

    `admits` says whether the exchange would show a candidate; `deal` is the number of the deal of ours that it is
    offered by (None: to everybody). `floor_micro_usdc` is for one impression. With `pays_bid` the line item's whole bid
    is held, since the exchange finds the price below it; without, our own second price is, which is then what we bid.
    """

    placement: int
    viewer_key: str
    floor_micro_usdc: int
    pays_bid: bool
    admits: Callable[[Candidate], bool]
    deal: int | None = None
    country: str | None = None
    language: str | None = None
    device: str | None = None
    gpc: bool = False
    tcf: str | None = None


@dataclass(frozen=True, slots=True)
class SupplyBid:
    """What we would show and pay at most, `facts.price_micro_usdc`, which is held until the facts expire."""

    facts: DecisionToken
    shown: Candidate


DecideSupply = Callable[[SupplyRequest, int, bytes], Awaitable[SupplyBid | None]]
"""Asks our own auction: request, now in ms, 18 random bytes."""


@dataclass(frozen=True, slots=True)
class DemandOffer:
    """A line item that bids through a server of its own: its approved creatives, and the most that it may bid."""

    line_item: int
    creatives: tuple[int, ...]
    bid_max_micro_usdc: int


@dataclass(frozen=True, slots=True)
class DemandRequest:
    """An ad request of ours, as external bidders may see it. Nothing in it lasts longer than the request."""

    request_id: str
    placement: int
    kind: str
    width: int
    height: int
    width_mm: int | None
    height_mm: int | None
    floor_micro_usdc: int
    publisher: int
    world: int
    world_category: str
    engine: str
    blocked_categories: tuple[str, ...]
    offers: tuple[DemandOffer, ...]
    country: str | None = None
    language: str | None = None
    device: str | None = None
    gpc: bool = False
    tcf: str | None = None


@dataclass(frozen=True, slots=True)
class DemandBid:
    """A checked answer: it is above the floor, within the line item's maximum, and of an approved creative."""

    line_item: int
    creative: int
    bid_micro_usdc: int


AskDemand = Callable[[DemandRequest], Awaitable[Sequence[DemandBid]]]
"""Asks external bidders, all at once and within their time; never raises."""
