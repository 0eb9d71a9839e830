"""Who may spend at this moment: flights, hours of the week, budgets, and whoever could not hold a moment ago."""

import numpy as np

from backend.core.reasons import NoBidReason
from backend.core.week import EVERY_HOUR, hour_of_week
from backend.serving.index.codes import CODE, Codes, Flags, Numbers
from backend.serving.index.order import CHUNK, Order
from backend.serving.index.terms import Column

QUARTER_MS = 900_000            # hours of the week begin with a quarter of an hour, in every time zone


class Moment:
    """Holds until `until_ms`, or until there are newer budgets. `spend` are objections by slot (0: may spend).

    `block` is the one thing that changes it.
    """

    def __init__(self, order: Order, spend: Codes, now_ms: int) -> None:
        self.order = order
        self.spend = spend
        self.now_ms = now_ms
        cells = order.terms.cells
        self.starts, self.ends = cells[Column.STARTS], cells[Column.ENDS]
        self._hours, self._hour_cells = _in_hours(order, now_ms), cells[Column.HOURS]
        quarter_ms = (now_ms // QUARTER_MS + 1) * QUARTER_MS
        self.until_ms = min(_next(self.starts, now_ms), _next(self.ends, now_ms), quarter_ms)
        self.blocked: dict[int, NoBidReason] = {}
        self.answers: dict[object, dict[NoBidReason, int]] = {}     # of those who were told that nobody buys
        self.bits = order.bits(self.may_spend)

    def may_spend(self, slots: Numbers) -> Flags:
        """Who of these slots may spend."""
        now_ms = self.now_ms
        found: Flags = (self.spend[slots] == 0) & (self.starts[slots] <= now_ms) & (self.ends[slots] > now_ms)
        found &= self.in_hours(slots)
        if self.blocked:
            found &= ~np.isin(slots, list(self.blocked))
        return found

    def in_hours(self, slots: Numbers) -> Flags:
        """Whose hours of the week it is."""
        found: Flags = self._hours[self._hour_cells[slots]]
        return found

    def objections(self, slots: Numbers) -> Codes:
        """The first objection of the moment by slot, without hours of the week; see `eligibility.MOMENT_CHECKS`."""
        codes = self.spend[slots].copy()
        codes[self.ends[slots] <= self.now_ms] = CODE[NoBidReason.ENDED]
        codes[self.starts[slots] > self.now_ms] = CODE[NoBidReason.NOT_STARTED]
        if self.blocked:
            for place in np.flatnonzero(np.isin(slots, list(self.blocked))).tolist():
                codes[place] = CODE[self.blocked[int(slots[place])]]
        return codes

    def block(self, slot: int, reason: NoBidReason) -> None:
        """It could not hold: nobody tries again until there are newer budgets."""
        self.blocked[slot] = reason
        self.answers.clear()
        rank = int(self.order.ranks[slot])
        if rank >= 0:
            chunk, place = divmod(rank, CHUNK)
            self.bits[chunk] = self.bits.chunk(chunk) & ~(1 << place)


def _in_hours(order: Order, now_ms: int) -> Flags:
    masks = list(order.terms.wishes.hours)
    return np.array([
        mask == EVERY_HOUR or bool(mask >> hour_of_week(now_ms, zone) & 1) for mask, zone in masks
    ], bool)


def _next(moments: Numbers, now_ms: int) -> int:
    return int(moments.min(where=moments > now_ms, initial=2**62))
