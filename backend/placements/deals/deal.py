"""A private deal: what may become of an offer, and at what price it sells."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.core.errors import Conflict, Unprocessable
from backend.core.events import BidKind
from backend.core.ids import Address
from backend.core.price import per_event_micro_usdc

OPEN_DEALS_MAX = 1_000      # offers and agreements of one publisher that are not over


class PriceKind(StrEnum):
    """fixed: each viewable impression costs the price; floor: it costs at least the price, and what another deal bids.

    In both cases never more than the line item's bid, and nothing when it is not seen.
    """

    FIXED = "fixed"
    FLOOR = "floor"


class DealStatus(StrEnum):
    """offered → accepted, declined (advertiser) or withdrawn (publisher); accepted → ended (either side)."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


class Party(StrEnum):
    PUBLISHER = "publisher"
    ADVERTISER = "advertiser"


@dataclass(frozen=True, slots=True)
class DealTerms:
    """What a publisher offers. The price is for one viewable impression and never changes: another one is another deal.

    `advertiser` is the account whose line item may take it.
    """

    advertiser: Address
    name: str
    price_kind: PriceKind
    price_micro_usdc: int


@dataclass(frozen=True, slots=True)
class Surface:
    """What is offered, as the advertiser may see it: the placement and its world. `width` and `height` are pixels."""

    placement: int
    name: str
    world_name: str
    kind: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Deal:
    """A stored deal. `line_item` is there once it is accepted."""

    id: int
    surface: Surface
    publisher: Address
    terms: DealTerms
    status: DealStatus
    line_item: int | None
    decided_at: datetime | None
    created_at: datetime


def price_per_impression(per_impression: int | None, per_mille: int | None) -> int:
    """The price in micro-USDC for one viewable impression, given either way.

    Raises Unprocessable `deal_price_missing` (none or both given) or `deal_price_not_whole`.
    """
    if (per_impression is None) == (per_mille is None):
        raise Unprocessable("deal_price_missing", "give either price_micro_usdc or price_vcpm_micro_usdc")
    if per_impression is not None:
        return per_impression
    assert per_mille is not None
    each = per_event_micro_usdc(per_mille)
    if each is None:
        raise Unprocessable(
            "deal_price_not_whole", "price_vcpm_micro_usdc must be a multiple of 1000 (0.001 USDC per thousand)"
        )
    return each


def check_offer(publisher: Address, terms: DealTerms, open_deals: int) -> None:
    """Raises Unprocessable `deal_with_oneself`, or Conflict `deals_full`."""
    if terms.advertiser == publisher:
        raise Unprocessable("deal_with_oneself", "nobody is charged for ads on his own placements")
    if open_deals >= OPEN_DEALS_MAX:
        raise Conflict("deals_full", f"a publisher has at most {OPEN_DEALS_MAX} deals that are offered or accepted")


def check_answer(deal: Deal) -> None:
    """Raises Conflict `deal_not_open` when there is no offer any more that could be accepted or declined."""
    if deal.status is not DealStatus.OFFERED:
        raise Conflict("deal_not_open", f"the deal is {deal.status}")


def check_line_item(bid_kind: BidKind) -> None:
    """Raises Unprocessable `deal_for_sponsorship`: that has its placement by the hour, at the hour's price."""
    if bid_kind is BidKind.SPONSORSHIP:
        raise Unprocessable("deal_for_sponsorship", "a sponsorship takes part in no auction")


def over(deal: Deal, by: Party) -> DealStatus | None:
    """What becomes of a deal that one side takes back; None when there is nothing to take back any more.

    Raises Conflict `deal_not_accepted` for an advertiser who should decline instead.
    """
    if deal.status is DealStatus.ACCEPTED:
        return DealStatus.ENDED
    if deal.status is not DealStatus.OFFERED:
        return None
    if by is Party.ADVERTISER:
        raise Conflict("deal_not_accepted", "decline the offer instead")
    return DealStatus.WITHDRAWN
