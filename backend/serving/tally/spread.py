"""From how often a placement was asked for which audience to why each line item did not win: for all of them at once.

Whoever never had his turn is counted with the terms and budgets at the end of the slice. By placement and by line item,
not by both: ten thousand line items on a thousand placements would be ten million counters a minute.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backend.core.reasons import NoBidReason
from backend.serving.index.audience import Said, spoken_objections
from backend.serving.index.codes import CODE, CODES_MAX, REASONS, Codes, Numbers
from backend.serving.index.moment import Moment
from backend.serving.index.stall import Stall
from backend.serving.index.terms import Column, Terms
from backend.serving.tally.counting import Counts
from backend.serving.tally.margins import Margins

OUTBID, SPONSORED = CODE[NoBidReason.OUTBID], CODE[NoBidReason.SPONSORED]


@dataclass(frozen=True, slots=True)
class Slice:
    """What was asked of placements: by audience in auctions, how often a sponsorship had them, who had his turn."""

    asked: Mapping[int, Mapping[Said, int]]
    sponsored: Mapping[int, int]
    turns: Mapping[int, Mapping[int, int]]

    @property
    def placements(self) -> set[int]:
        return set(self.asked) | set(self.sponsored)


def slice_of(counts: Counts) -> Slice:
    """All that was counted, without its time."""
    asked: dict[int, Counter[Said]] = defaultdict(Counter)
    sponsored: Counter[int] = Counter()
    turns: dict[int, Counter[int]] = defaultdict(Counter)
    for (_, placement, said), n in counts.asked.items():
        asked[placement][said] += n
    for (_, placement, winner, bid, _), n in counts.answers.items():
        if bid < 0:
            sponsored[placement] += n
        if winner:
            turns[placement][winner] += n
    for (_, placement, line_item, _), n in counts.met.items():
        turns[placement][line_item] += n
    return Slice(asked, sponsored, turns)


class Spread:
    """Adds up the placements of a slice, one after the other; all stalls are of the moment's market."""

    def __init__(self, moment: Moment) -> None:
        terms = moment.order.terms
        self._terms, self.moment = terms, moment
        self._late: Codes = moment.objections(np.arange(terms.size))
        self._kinds, self._kind_of = kinds_of(terms)
        self._by_kind: dict[Said, Codes] = {}
        self._items = np.zeros((CODES_MAX, terms.size), np.int64)
        self._flat, self._columns = self._items.reshape(-1), np.arange(terms.size)
        self._placements: list[tuple[int, Numbers]] = []

    def add(
        self, stall: Stall, asked: Mapping[Said, int], sponsored: int, turns: Mapping[int, int]
    ) -> None:
        """One placement."""
        auctions = sum(asked.values())
        counts = np.bincount(stall.codes[self._terms.alive], minlength=CODES_MAX) * (auctions + sponsored)
        self._flat[stall.codes.astype(np.int64) * self._terms.size + self._columns] += auctions + sponsored
        competing = stall.competing()
        late = self._late[competing]
        free, held_up = competing[late == 0], late != 0
        self._items[late[held_up], competing[held_up]] += auctions
        counts += np.bincount(late, minlength=CODES_MAX) * auctions
        self._items[SPONSORED, competing] += sponsored
        counts[SPONSORED] += len(competing) * sponsored
        self._spoken(free, asked, auctions, counts)
        self._turns(stall, turns, counts)
        self._placements.append((stall.placement.id, counts))

    def margins(self) -> Margins:
        """The sums."""
        alive = np.zeros(self._terms.size, bool)
        alive[self._terms.alive] = True
        self._items[0] = 0
        self._items[:, ~alive] = 0
        np.maximum(self._items, 0, out=self._items)
        codes, slots = np.nonzero(self._items)
        items = self._terms.cells[Column.ID][slots], codes - 1, self._items[codes, slots]
        return Margins(tuple(reason.value for reason in REASONS), self._of_placements(), items)

    def _of_placements(self) -> tuple[Numbers, Numbers, Numbers]:
        if not self._placements:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
        counts = np.maximum(np.array([found for _, found in self._placements]), 0)
        counts[:, 0] = 0
        rows, codes = np.nonzero(counts)
        return np.array([one for one, _ in self._placements])[rows], codes - 1, counts[rows, codes]

    def _spoken(self, free: Numbers, asked: Mapping[Said, int], auctions: int, counts: Numbers) -> None:
        """Objections to what the requests said; who has none was outbid."""
        self._items[OUTBID, free] += auctions
        counts[OUTBID] += len(free) * auctions
        table = np.zeros((CODES_MAX, len(self._kinds)), np.int64)
        columns = np.arange(len(self._kinds))
        for said, n in asked.items():
            table[self._objecting(said), columns] += n
        kinds = self._kind_of[free]
        for code in np.flatnonzero(table[1:].any(axis=1)) + 1:
            n = table[code][kinds]
            self._items[code, free] += n
            self._items[OUTBID, free] -= n
            counts[code] += n.sum()
            counts[OUTBID] -= n.sum()

    def _objecting(self, said: Said) -> Codes:
        """The objection to an audience by kind of line item."""
        found = self._by_kind.get(said)
        if found is None:
            terms, kinds = self._terms, self._kinds
            found = spoken_objections(terms, said, kinds)
            open_ones = found == 0
            late = ~self.moment.in_hours(kinds)
            found[open_ones & late] = CODE[NoBidReason.DAY_PARTS]
            if not said[3]:
                capped = terms.cells[Column.CAPPED][kinds] != 0
                found[open_ones & ~late & capped] = CODE[NoBidReason.NO_CONSENT]
            self._by_kind[said] = found
        return found

    def _turns(self, stall: Stall, turns: Mapping[int, int], counts: Numbers) -> None:
        """Whoever won or was refused by name is counted there, not here too."""
        for line_item, n in turns.items():
            slot = self._terms.slots.get(line_item)
            if slot is None:
                continue
            standing, late = int(stall.codes[slot]), int(self._late[slot])
            if standing or not self._terms.cells[Column.SPONSOR, slot]:
                self._items[standing or late or OUTBID, slot] -= n
                counts[standing or late or OUTBID] -= n


def kinds_of(terms: Terms) -> tuple[Numbers, Numbers]:
    """A slot of each kind of line item that requests can tell apart, and the kind of every slot."""
    rows = terms.cells[[Column.COUNTRIES, Column.LANGUAGES, Column.DEVICES, Column.CAPPED, Column.HOURS]]
    _, first, kind_of = np.unique(rows, axis=1, return_index=True, return_inverse=True)
    return first.astype(np.int64), kind_of.reshape(-1).astype(np.int64)
