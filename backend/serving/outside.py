"""Who outside may buy and sell: line items whose own servers bid, and what other exchanges let us show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from backend.core.events import BidKind
from backend.core.exchange import Candidate, DemandBid, DemandOffer, DemandRequest, SupplyRequest
from backend.core.reasons import NoBidReason
from backend.serving.catalogue import NOTHING_SPENT, Creative, LineItem, Placement, Spending
from backend.serving.decision import AdRequest, Book
from backend.serving.eligibility import Offer, Viewer, refusal_now, refusal_of_viewer

OFFERS_MAX = 64         # of an exchange's opportunity: whoever is below so many that could pay will not be needed


def askable(
    offers: Sequence[Offer], spending: Mapping[int, Spending], now_ms: int, blocked: Mapping[int, NoBidReason],
    viewer: Viewer,
) -> tuple[list[Offer], dict[int, NoBidReason]]:
    """The external line items that could buy now, whose servers are worth asking; and why not the others."""
    found: list[Offer] = []
    refused: dict[int, NoBidReason] = {}
    for one in offers:
        item = one.line_item
        reason = (
            blocked.get(item.id) or refusal_now(item, spending.get(item.id, NOTHING_SPENT), now_ms)
            or refusal_of_viewer(item, viewer, now_ms)
        )
        if reason is None:
            found.append(one)
        else:
            refused[item.id] = reason
    return found, refused


def demand_request(placement: Placement, request: AdRequest, offers: Iterable[Offer], name: str) -> DemandRequest:
    """What the servers are told. The viewer's key is not in it."""
    return DemandRequest(
        request_id=name, placement=placement.id, kind=placement.kind, width=placement.width, height=placement.height,
        width_mm=placement.width_mm, height_mm=placement.height_mm, floor_micro_usdc=placement.floor_micro_usdc,
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
        creative.duration_ms, creative.asset_url, creative.click_url,
    )


def within(book: Book, asked: SupplyRequest) -> tuple[Book, dict[int, NoBidReason]]:
    """The book as another exchange's opportunity allows it, and who fell away by its rules.

    Only line items that pay for impressions: an exchange is paid for each one, whatever follows from it.
    """
    floor = max(book.placement.floor_micro_usdc, asked.floor_micro_usdc)
    offers: list[Offer] = []
    refused: dict[int, NoBidReason] = {}
    for one in book.offers:
        if len(offers) == OFFERS_MAX:
            break
        if (one.bid.deal.id if one.bid.deal else None) != asked.deal:
            continue                        # whoever has a deal buys by it alone
        admitted = _admitted(one, floor, asked)
        if isinstance(admitted, NoBidReason):
            refused[one.line_item.id] = admitted
        else:
            offers.append(admitted)
    placement = replace(book.placement, floor_micro_usdc=floor)
    return replace(book, placement=placement, offers=tuple(offers), sponsors=()), refused


def _admitted(one: Offer, floor_micro_usdc: int, asked: SupplyRequest) -> Offer | NoBidReason:
    """The offer by the exchange's rules. A deal has a price of its own, which must reach the exchange's floor too."""
    item, deal = one.line_item, one.bid.deal
    if item.bid_kind is not BidKind.VCPM:
        return NoBidReason.TARGETING_FORMAT
    if item.bid_micro_usdc < floor_micro_usdc or (deal and deal.fixed and deal.price_micro_usdc < floor_micro_usdc):
        return NoBidReason.BELOW_FLOOR
    shown = tuple(creative for creative in one.creatives if asked.admits(candidate(item, creative)))
    if not shown:
        return NoBidReason.BLOCKED_BY_PUBLISHER
    if deal and not deal.fixed:
        deal = replace(deal, price_micro_usdc=max(deal.price_micro_usdc, floor_micro_usdc))
    return replace(one, creatives=shown, bid=replace(one.bid, deal=deal))
