"""Who outside may buy and sell: line items whose own servers bid, and what other exchanges let us show."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from backend.core.events import BidKind
from backend.core.exchange import Candidate, DemandBid, DemandOffer, DemandRequest, SupplyRequest
from backend.serving.catalogue import Creative, LineItem, Placement
from backend.serving.decision import AdRequest
from backend.serving.eligibility import Offer
from backend.serving.index.stall import Lot

LOOKED_AT_MAX = 2_000   # for an opportunity: an exchange that admits none of so many is not worth the time of others
OFFERS_MAX = 64         # of an exchange's opportunity: whoever is below so many that could pay will not be needed


def demand_request(
    placement: Placement, asked_floor_micro_usdc: int, request: AdRequest, offers: Iterable[Offer], name: str
) -> DemandRequest:
    """What the servers are told: the floor that this request asks (decision 0015), never the viewer's key."""
    return DemandRequest(
        request_id=name, placement=placement.id, kind=placement.kind, width=placement.width, height=placement.height,
        width_mm=placement.width_mm, height_mm=placement.height_mm, floor_micro_usdc=asked_floor_micro_usdc,
        publisher=placement.publisher, world=placement.world, world_category=placement.category,
        engine=placement.engine, blocked_categories=tuple(sorted(placement.blocks.categories)),
        offers=tuple(
            DemandOffer(one.line_item.id, tuple(shown.id for shown in one.creatives), one.line_item.bid_micro_usdc)
            for one in offers
        ),
        country=request.country, language=request.language, device=request.device, gpc=request.gpc, tcf=request.tcf,
    )


def with_bids(offers: Iterable[Offer], bids: Iterable[DemandBid]) -> list[Offer]:
    """The offers of those who bid, at their own price and with the creative that they named.

    What does not fit what was asked is left out: whoever asked has checked it, this is the auction's own word.
    """
    by_line_item = {one.line_item.id: one for one in offers}
    found: dict[int, Offer] = {}
    for bid in bids:
        one = by_line_item.get(bid.line_item)
        if one is None or not 0 < bid.bid_micro_usdc <= one.line_item.bid_micro_usdc:
            continue
        shown = tuple(creative for creative in one.creatives if creative.id == bid.creative)
        if shown:
            found[bid.line_item] = replace(
                one, creatives=shown, bid=replace(one.bid, bid_micro_usdc=bid.bid_micro_usdc)
            )
    return list(found.values())


def candidate(item: LineItem, creative: Creative) -> Candidate:
    """A creative as another exchange is told of it."""
    return Candidate(
        item.id, item.campaign, item.category, creative.id, creative.kind, creative.width, creative.height,
        creative.duration_ms, creative.asset_url, creative.click_url, creative.alt_text,
    )


def within(lots: Iterable[Lot], floor_micro_usdc: int, asked: SupplyRequest) -> list[Lot]:
    """The best lots, in order, that another exchange's opportunity allows, as it allows them.

    Only line items that pay for impressions: an exchange is paid for each one, whatever follows from it.
    """
    found: list[Lot] = []
    for lot in islice(lots, LOOKED_AT_MAX):
        if len(found) == OFFERS_MAX or (asked.deal is not None and lot.bid.deal is None):
            break                           # deals come first
        if (lot.bid.deal.id if lot.bid.deal else None) != asked.deal:
            continue                        # whoever has a deal buys by it alone
        admitted = _admitted(lot, floor_micro_usdc, asked)
        if admitted is not None:
            found.append(admitted)
    return found


def _admitted(lot: Lot, floor_micro_usdc: int, asked: SupplyRequest) -> Lot | None:
    """The lot by the exchange's rules. A deal has a price of its own, which must reach the exchange's floor too."""
    item, bid = lot.offer.line_item, lot.bid
    deal = bid.deal
    if item.bid_kind is not BidKind.VCPM:
        return None
    if bid.bid_micro_usdc < floor_micro_usdc or (deal and deal.fixed and deal.price_micro_usdc < floor_micro_usdc):
        return None
    shown = tuple(creative for creative in lot.offer.creatives if asked.admits(candidate(item, creative)))
    if not shown:
        return None
    if deal and not deal.fixed:
        deal = replace(deal, price_micro_usdc=max(deal.price_micro_usdc, floor_micro_usdc))
    made = replace(lot.offer, creatives=shown)
    return Lot(lot.slot, lot.owner, made, replace(bid, deal=deal), lot.participation_ppm)
