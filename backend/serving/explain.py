"""The whole trace of one ad request: who was refused at which step and why, and what the auction made of the rest."""

from collections import Counter
from dataclasses import dataclass

from backend.core.reasons import NoBidReason
from backend.serving.auction import asked_floor
from backend.serving.index.audience import Audience, Said
from backend.serving.index.codes import reason_of
from backend.serving.index.moment import Moment
from backend.serving.index.stall import Lot, Stall, sold_of

LINE_ITEMS_MAX = 1_000
STEPS = ("standing", "moment", "audience", "auction")
"""What is true of line item and placement; what changes with time and money; what the request says; the bids."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a line item. `reason` None: it won. `ecpm_nano_usdc`: per thousand, of those who were compared."""

    line_item: int
    owner: str
    step: str
    reason: NoBidReason | None
    bid_micro_usdc: int
    ecpm_nano_usdc: int | None = None
    deal: int | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """`refused` counts line items by step and reason. Nothing was held, and nothing of the viewer was read: caps on
    what one viewer sees are taken to leave room."""

    version: int
    budgets: str
    placement: int
    owner: str
    floor_micro_usdc: int
    line_items: int
    refused: dict[str, dict[NoBidReason, int]]
    price_micro_usdc: int | None
    fates: tuple[Fate, ...]


def trace(stall: Stall, moment: Moment, audience: Audience, said: Said, seed: int, random: bytes) -> Trace:
    """Decide without holding anything, and remember it all."""
    surface = stall.placement
    floor = asked_floor(surface.floor_micro_usdc, surface.soft_floor_micro_usdc, seed)
    sold = sold_of(stall.contenders(moment, audience, floor, random=random), floor, seed)
    steps: dict[str, Counter[NoBidReason]] = {step: Counter() for step in STEPS}
    fates: list[Fate] = []
    for fate in _fates(stall, moment, said, floor, sold[0] if sold else None):
        if fate.reason is not None:
            steps[fate.step][fate.reason] += 1
        fates.append(fate)
    market = stall.market
    return Trace(
        market.version, market.budgets, surface.id, surface.owner, floor, len(fates),
        {step: dict(counts.most_common()) for step, counts in steps.items()}, sold[1] if sold else None, tuple(fates),
    )


def _fates(stall: Stall, moment: Moment, said: Said, floor: int, winner: Lot | None) -> list[Fate]:
    terms = stall.terms
    slots = terms.alive
    standing = stall.codes[slots].tolist()
    now = moment.objections(slots).tolist()
    all_in_all = stall.objections(moment, said, slots).tolist()
    found: list[Fate] = []
    for slot, lasting, late, last in zip(slots.tolist(), standing, now, all_in_all, strict=True):
        item = terms.item(slot)
        if lasting or late or last:
            step = "standing" if lasting else "moment" if late else "audience"
            reason = reason_of(lasting or late or last)
            found.append(Fate(item.id, item.owner, step, reason, item.bid_micro_usdc))
            continue
        lot = stall.lot(slot)
        deal = lot.bid.deal.id if lot.bid.deal else None
        reason = None if lot is winner or (winner and lot.line_item == winner.line_item) else _beaten(lot, floor)
        found.append(Fate(
            item.id, item.owner, "auction", reason, lot.bid.bid_micro_usdc, lot.bid.ecpm_nano_usdc, deal
        ))
    return found


def _beaten(lot: Lot, floor_micro_usdc: int) -> NoBidReason:
    return NoBidReason.OUTBID if lot.bid.reaches(floor_micro_usdc) else NoBidReason.BELOW_SOFT_FLOOR


def seen_by(whole: Trace, account: str, *, everything: bool) -> Trace:
    """What an account may see: the operator's people all, a publisher the bids on its placement without names, an
    advertiser its own line items. Counts by reason are everybody's, as they are in answers to ad requests.

    Line items come with those who were compared first, the highest bid first; at most a thousand.
    """
    own_placement = whole.owner == account
    fates = [
        fate if everything or fate.owner == account else _nameless(fate)
        for fate in whole.fates
        if everything or fate.owner == account or (own_placement and fate.step == "auction")
    ]
    fates.sort(key=lambda fate: (fate.ecpm_nano_usdc is None, -(fate.ecpm_nano_usdc or 0), fate.line_item))
    won = any(fate.owner == account and fate.reason is None for fate in whole.fates)
    price = whole.price_micro_usdc if everything or own_placement or won else None
    return Trace(
        whole.version, whole.budgets, whole.placement, "", whole.floor_micro_usdc, whole.line_items, whole.refused,
        price, tuple(fates[:LINE_ITEMS_MAX]),
    )


def _nameless(fate: Fate) -> Fate:
    return Fate(0, "", fate.step, fate.reason, 0, fate.ecpm_nano_usdc, fate.deal)
