"""Everything that decisions are made from, at one version: what is sold, who bids in which order, who may spend."""

from collections.abc import Mapping
from dataclasses import dataclass

from backend.pctr.rate import Rates
from backend.serving.auction import PPM, QUALITY_NEUTRAL, Bid, rate_of
from backend.serving.catalogue import Placement
from backend.serving.index.codes import Numbers
from backend.serving.index.order import Order
from backend.serving.index.pace import Paces
from backend.serving.index.terms import Column, Terms


@dataclass(frozen=True)
class Known:
    """Rates of events by slot, where nothing more is known of a placement; and who has cells of their own where."""

    rates: Rates
    ppm: Numbers
    cells: Mapping[int, tuple[int, ...]]        # line items by placement

    def here(self, terms: Terms, placement: int) -> dict[int, tuple[int, int]]:
        """Rate and quality by slot of line items that are not everywhere as they are on this placement."""
        found: dict[int, tuple[int, int]] = {}
        for line_item in self.cells.get(placement, ()):
            slot = terms.slots.get(line_item)
            if slot is None:
                continue
            kind = terms.item(slot).bid_kind
            rates = self.rates
            ppm = rate_of(kind, rates.ppm(line_item, placement), rates.conversion_ppm(line_item))
            quality = rates.quality(line_item, placement)
            if quality != QUALITY_NEUTRAL or ppm != self.ppm[slot]:
                found[slot] = (ppm, quality)
        return found


def known(
    terms: Terms, rates: Rates, cells: Mapping[int, tuple[int, ...]] | None = None, last: "Market | None" = None
) -> Known:
    """`cells` of `rates` by placement are made unless they are given. What the last market knew is not asked again."""
    before = (last.terms.serial, last.known.ppm) if last is not None and last.known.rates is rates else None
    return Known(rates, terms.rates(rates, before), by_placement(rates) if cells is None else cells)


def by_placement(rates: Rates) -> dict[int, tuple[int, ...]]:
    """Line items that have a rate or a quality of their own, by placement."""
    found: dict[int, set[int]] = {}
    for cells in (rates.cells_ppm, rates.quality_permille):
        for line_item, placement in cells:
            found.setdefault(placement, set()).add(line_item)
    return {placement: tuple(sorted(line_items)) for placement, line_items in found.items()}


def order_of(terms: Terms, known: Known, pacing_ppm: Numbers) -> Order:
    """Line items by what they bid now, where nothing more is known of a placement."""
    bids = paced(terms.cells[Column.BID], pacing_ppm)
    return Order(terms, bids * known.ppm * QUALITY_NEUTRAL)


def paced(bids: Numbers, pacing_ppm: Numbers) -> Numbers:
    """Bids as pacing leaves them, rounded down."""
    return bids * pacing_ppm // PPM


def paced_bid(bid: Bid, pacing_ppm: int) -> Bid:
    """The same for one bid."""
    if pacing_ppm == PPM:
        return bid
    return Bid(
        bid.line_item, bid.owner, bid.bid_micro_usdc * pacing_ppm // PPM, bid.rate_ppm, bid.quality_permille, bid.deal
    )


@dataclass(frozen=True)
class Market:
    """`version` counts the changes of terms, the same in every process; `budgets` names what may be spent."""

    version: int
    loaded_ms: int
    placements: Mapping[int, Placement]
    terms: Terms
    known: Known
    order: Order
    paces: Paces
    budgets: str = ""
