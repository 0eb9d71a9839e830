"""From how often a placement was asked for which audience to why each line item did not win: for all of them at once.

Whoever never had his turn is counted with the terms and budgets at the end of the slice. By placement and by line item,
not by both: ten thousand line items on a thousand placements would be ten million counters a minute.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backend.core.reasons import NoBidReason
from backend.serving.index.audience import Said
from backend.serving.index.codes import CODE, CODES_MAX, REASONS, Codes, Numbers
from backend.serving.index.moment import Moment
from backend.serving.index.order import SPOKEN_COLUMNS
from backend.serving.index.stall import Stall
from backend.serving.index.terms import SPOKEN, Column, Terms
from backend.serving.tally.counting import Counts
from backend.serving.tally.margins import Margins

# objections to what a request says, in the order in which they are made
BY_RANK = tuple(CODE[reason] for reason in (
    NoBidReason.TARGETING_COUNTRY, NoBidReason.TARGETING_LANGUAGE, NoBidReason.TARGETING_DEVICE, NoBidReason.DAY_PARTS,
    NoBidReason.NO_CONSENT,
))
HOURS_RANK, CONSENT_RANK, NO_RANK = 3, 4, 5
OUTBID, SPONSORED = CODE[NoBidReason.OUTBID], CODE[NoBidReason.SPONSORED]
RANKED = [*BY_RANK, OUTBID]


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
    asked: dict[int, Mapping[Said, int]] = {}
    sponsored: Counter[int] = Counter()
    turns: dict[int, Counter[int]] = defaultdict(Counter)
    for placement, known in counts.asked.items():
        asked[placement] = scaled(known, counts.more[placement])
    for (_, placement, winner, bid, _), n in counts.answers.items():
        if bid < 0:
            sponsored[placement] += n
        if winner:
            turns[placement][winner] += n
    for (_, placement, line_item, _), n in counts.met.items():
        turns[placement][line_item] += n
    return Slice(asked, sponsored, turns)


def scaled(known: Mapping[Said, int], more: int) -> Mapping[Said, int]:
    """With `more` requests whose audiences are like those that are known; whole numbers, and none is lost.

    >>> scaled({"a": 3, "b": 1}, 6)
    {'a': 8, 'b': 2}
    """
    if not more:
        return known
    total = sum(known.values())
    found = {said: n + n * more // total for said, n in known.items()}
    most = max(found, key=lambda said: found[said])
    found[most] += total + more - sum(found.values())
    return found


class Spread:
    """Adds up the placements of a slice, one after the other; all stalls are of the moment's market."""

    def __init__(self, moment: Moment) -> None:
        terms = moment.order.terms
        self._terms, self.moment = terms, moment
        self._late: Codes = moment.objections(np.arange(terms.size))
        self._kinds, self._kind_of = kinds_of(terms)
        self._ranks: tuple[dict[str | None, npt.NDArray[np.uint8]], ...] = ({}, {}, {})
        late = np.where(moment.in_hours(self._kinds), NO_RANK, HOURS_RANK).astype(np.uint8)
        capped = terms.cells[Column.CAPPED][self._kinds] != 0
        self._lasting = {True: late, False: np.minimum(late, np.where(capped, CONSENT_RANK, NO_RANK).astype(np.uint8))}
        self._items = np.zeros((CODES_MAX, terms.size), np.int64)
        self._flat, self._columns = self._items.reshape(-1), np.arange(terms.size)
        self._spoken_of = np.zeros((terms.size, NO_RANK + 1), np.int64)      # by rank; a row each, which is faster
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
        self._items[RANKED] += self._spoken_of.T
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
        if not auctions or not len(free):
            return
        few = len(free) < len(self._kinds)      # then each for itself: most kinds are not among them
        places = self._kind_of[free] if few else np.arange(len(self._kinds))
        ranks, times = self._ranked(list(asked), places), np.array(list(asked.values()), np.float64)
        found = np.empty((len(places), NO_RANK + 1), np.int64)
        for rank in range(NO_RANK + 1):
            found[:, rank] = times @ (ranks == rank).astype(np.float64)
        if not few:
            found = found[self._kind_of[free]]
        self._spoken_of[free] += found
        counts[RANKED] += found.sum(axis=0)

    def _ranked(self, saids: list[Said], places: Numbers) -> npt.NDArray[np.uint8]:
        """The rank of the first objection, by audience and kind of line item, of the kinds at these places."""
        found: npt.NDArray[np.uint8] = np.stack([self._lasting[said[3]][places] for said in saids])
        for dimension, values in enumerate(zip(*(said[:3] for said in saids), strict=True)):
            ranks = {value: self._rank(dimension, value)[places] for value in set(values)}
            np.minimum(found, np.stack([ranks[value] for value in values]), out=found)
        return found

    def _rank(self, dimension: int, value: str | None) -> npt.NDArray[np.uint8]:
        found = self._ranks[dimension].get(value)
        if found is None:
            table = self._terms.wishes.targets[SPOKEN[dimension]].table(value)
            wanted = table[self._terms.cells[SPOKEN_COLUMNS[dimension]][self._kinds]]
            found = self._ranks[dimension][value] = np.where(wanted, NO_RANK, dimension).astype(np.uint8)
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
