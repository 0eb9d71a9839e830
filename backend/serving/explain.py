"""The whole trace of one ad request: who was refused at which step and why, and what the auction made of the rest.

All line items at once, as columns: deciding goes on in the same process, and must not wait for who wants to know.
"""

from dataclasses import dataclass

import numpy as np

from backend.core.reasons import NoBidReason
from backend.serving.auction import PPM, asked_floor, floor_ecpm_nano_usdc
from backend.serving.decision import sponsor
from backend.serving.index.audience import Audience, Said
from backend.serving.index.codes import CODE, Codes, Flags, Numbers, counted, reason_of
from backend.serving.index.market import paced
from backend.serving.index.moment import Moment
from backend.serving.index.stall import Lot, Stall, sold_of
from backend.serving.index.terms import Column
from backend.serving.pacing.controller import takes_part

LINE_ITEMS_MAX = 1_000
STEPS = ("standing", "moment", "audience", "auction")
"""What is true of line item and placement; what changes with time and money; what the request says; the bids."""
STANDING, MOMENT, AUDIENCE, AUCTION = range(len(STEPS))


@dataclass(frozen=True, slots=True)
class Sees:
    """What an account may see: the operator's people `everything`, a publisher price and bids on its placement without
    names, an advertiser its own line items; not what they would pay, which is what somebody else bids, told for nothing
    and as often as one likes. Counts by reason are everybody's, as they are in answers to ad requests.
    """

    account: str
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a line item (0: another's). `reason` None: it won. `ecpm_nano_usdc`: per thousand, of those who
    were compared."""

    line_item: int
    step: str
    reason: NoBidReason | None
    bid_micro_usdc: int
    ecpm_nano_usdc: int | None = None
    deal: int | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """`refused` counts line items by step and reason. Nothing was held, and nothing of the viewer was read: caps on
    what one viewer sees are taken to leave room.

    `fates` are those that may be seen: who was compared first, the highest bid first; at most a thousand. The price is
    that of one billable event; 0 while a sponsorship has the placement. `test`: in truth the house ad is shown, for
    free; the rest is what would be decided without the test.
    """

    version: int
    budgets: str
    placement: int
    floor_micro_usdc: int
    line_items: int
    refused: dict[str, dict[NoBidReason, int]]
    price_micro_usdc: int | None
    fates: tuple[Fate, ...]
    test: bool


def trace(stall: Stall, moment: Moment, said: Said, seed: int, random: bytes, sees: Sees) -> Trace:
    """Decide without holding anything, and remember it all."""
    surface = stall.placement
    floor = asked_floor(surface.floor_micro_usdc, surface.soft_floor_micro_usdc, seed)
    fates = _Fates(stall, moment, said)
    price: int | None = 0
    if not fates.sponsored():
        sold = sold_of(stall.contenders(moment, Audience(stall.order, said), floor, random=random), floor, seed)
        fates.compared(floor, sold[0] if sold else None, random)
        price = sold[1] if sold else None
    own_placement = surface.owner == sees.account
    return Trace(
        stall.market.version, stall.market.budgets, surface.id, floor, len(fates.slots), fates.refused(),
        price if sees.everything or own_placement else None, fates.seen(sees, own_placement), surface.test,
    )


class _Fates:
    """Step, reason (0: won) and eCPM of every line item, in the order of `slots`."""

    def __init__(self, stall: Stall, moment: Moment, said: Said) -> None:
        self.stall, self.moment = stall, moment
        self.slots = slots = stall.terms.alive
        standing, late = stall.codes[slots], moment.objections(slots)
        last = stall.objections(moment, said, slots)
        self.steps: Numbers = np.where(
            standing > 0, STANDING, np.where(late > 0, MOMENT, np.where(last > 0, AUDIENCE, AUCTION))
        )
        self.codes: Codes = np.where(standing > 0, standing, last)
        cells, pacing = stall.terms.cells, stall.paces.multipliers_ppm
        self.bids: Numbers = paced(cells[Column.BID][slots], pacing[slots])
        self.ecpm: Numbers = self.bids * stall.known.ppm[slots]
        self.apart: dict[int, Lot] = {self._place(lot.slot): lot for lot in stall.apart}
        for place, lot in self.apart.items():
            self.ecpm[place] = lot.bid.ecpm_nano_usdc

    def _place(self, slot: int) -> int:
        """Of a slot; `slots` are in the order of their line items' ids."""
        ids = self.stall.terms.cells[Column.ID]
        return int(np.searchsorted(ids[self.slots], ids[slot]))

    def sponsored(self) -> bool:
        """Whether a sponsorship has the placement now. Its hour counts as held unless that was tried in vain."""
        stall, of = self.stall, self.stall.terms.slots
        named = {stall.terms.item(slot).id: reason for slot, reason in self.moment.blocked.items()}
        chosen, refused = sponsor(stall.sponsors, self.moment.now_ms, named)
        for line_item, reason in refused.items():
            place = self._place(of[line_item])
            self.steps[place] = AUCTION if reason is NoBidReason.SPONSORED else MOMENT
            self.codes[place] = CODE[reason]
        if chosen is None:
            return False
        winner = self._place(of[chosen.line_item.id])
        self.steps[winner] = AUCTION
        self.codes[self.steps == AUCTION] = CODE[NoBidReason.SPONSORED]
        self.codes[winner] = 0
        return True

    def compared(self, floor_micro_usdc: int, winner: Lot | None, random: bytes) -> None:
        """What the auction made of those who were left."""
        left = self.steps == AUCTION
        reached: Flags = self.ecpm >= floor_ecpm_nano_usdc(floor_micro_usdc)
        for place, lot in self.apart.items():
            reached[place] = lot.bid.reaches(floor_micro_usdc)
        self.codes[left] = np.where(reached[left], CODE[NoBidReason.OUTBID], CODE[NoBidReason.BELOW_SOFT_FLOOR])
        shares, ids = self.stall.paces.participation_ppm[self.slots], self.stall.terms.cells[Column.ID][self.slots]
        throttled = left & reached & (shares < PPM) & (self.ecpm >= (winner.bid.ecpm_nano_usdc if winner else 0))
        for place in np.flatnonzero(throttled).tolist():
            if not takes_part(random, int(ids[place]), int(shares[place])):
                self.codes[place] = CODE[NoBidReason.PACING]
        if winner is not None:
            self.codes[self._place(winner.slot)] = 0

    def refused(self) -> dict[str, dict[NoBidReason, int]]:
        found = ((name, counted(self.codes[self.steps == step])) for step, name in enumerate(STEPS))
        return {name: dict(sorted(counts.items(), key=lambda one: -one[1])) for name, counts in found}

    def seen(self, sees: Sees, own_placement: bool) -> tuple[Fate, ...]:
        terms = self.stall.terms
        own: Flags = terms.wishes.owners.table([sees.account])[terms.cells[Column.OWNER][self.slots]]
        is_compared = self.steps == AUCTION
        visible = np.flatnonzero(own | sees.everything | (is_compared & own_placement))
        order = np.lexsort((visible, np.where(is_compared, -self.ecpm, 0)[visible], ~is_compared[visible]))
        return tuple(
            self._fate(place, named=sees.everything or bool(own[place]))
            for place in visible[order[:LINE_ITEMS_MAX]].tolist()
        )

    def _fate(self, place: int, *, named: bool) -> Fate:
        item, step = self.stall.terms.item(int(self.slots[place])), int(self.steps[place])
        ecpm, deal, bid = None, None, item.bid_micro_usdc
        if step == AUCTION and self.stall.terms.cells[Column.SPONSOR, self.slots[place]] == 0:
            lot = self.apart.get(place)
            ecpm, bid = int(self.ecpm[place]), int(self.bids[place])
            deal = lot.bid.deal.id if lot and lot.bid.deal else None
        reason = reason_of(int(self.codes[place]))
        return Fate(item.id if named else 0, STEPS[step], reason, bid if named else 0, ecpm, deal)
