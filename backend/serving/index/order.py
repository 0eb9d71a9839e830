"""Who may bid at all, the highest score first; and flags in that order, as numbers of 1,024 bits.

An auction looks at the top alone, so whatever is asked of a part of the order is made when somebody first asks.
"""

from collections.abc import Callable

import numpy as np

from backend.serving.index.codes import Flags, Numbers, bits
from backend.serving.index.terms import SPOKEN, Column, Terms

CHUNK = 1_024            # of more, Python needs memory that is slow to get
SPOKEN_COLUMNS = (Column.COUNTRIES, Column.LANGUAGES, Column.DEVICES)


class Bits(list[int | None]):
    """Flags of an order, a number for each chunk; None: not made yet, see `chunk`."""

    __slots__ = ("_flags_of", "_slots_of")

    def __init__(self, chunks: int, flags_of: Callable[[Numbers], Flags], slots_of: Callable[[int], Numbers]) -> None:
        super().__init__([None] * chunks)
        self._flags_of, self._slots_of = flags_of, slots_of

    def chunk(self, number: int) -> int:
        """The flags of a chunk, lowest bit first."""
        made = self[number]
        if made is None:
            made = self[number] = bits(self._flags_of(self._slots_of(number)))
        return made


class Order:
    """`scores` by slot are what the open auction compares; equals stand in the order of their ids."""

    def __init__(self, terms: Terms, scores: Numbers) -> None:
        self.terms = terms
        self.scores = scores
        alive = terms.alive
        barred = terms.cells[Column.SPONSOR][alive] | terms.cells[Column.EXTERNAL][alive]
        bidding = alive[barred == 0]
        self.slots = bidding[np.argsort(-scores[bidding], kind="stable")]
        self.ranks = np.full(terms.size, -1, np.int64)
        self.ranks[self.slots] = np.arange(len(self.slots))
        self.chunks = -(-len(self.slots) // CHUNK)
        self.lists: list[tuple[list[int], list[int], list[int]] | None] = [None] * self.chunks     # see `listed`
        self.spoken: tuple[dict[str | None, Bits], ...] = ({}, {}, {})      # see `speak`
        capped = terms.cells[Column.CAPPED]
        self.uncapped = self.bits(lambda slots: capped[slots] == 0)
        self.everybody = self.bits(lambda slots: np.ones(len(slots), bool))

    def slots_of(self, chunk: int) -> Numbers:
        found: Numbers = self.slots[chunk * CHUNK : (chunk + 1) * CHUNK]
        return found

    def listed(self, chunk: int) -> tuple[list[int], list[int], list[int]]:
        """Slots, scores and owners of a chunk, in order."""
        found = self.lists[chunk]
        if found is None:
            slots = self.slots_of(chunk)
            owners = self.terms.cells[Column.OWNER][slots]
            found = self.lists[chunk] = (slots.tolist(), self.scores[slots].tolist(), owners.tolist())
        return found

    def bits(self, flags_of: Callable[[Numbers], Flags]) -> Bits:
        """Flags that `flags_of` gives for slots."""
        return Bits(self.chunks, flags_of, self.slots_of)

    def speak(self, dimension: int, value: str | None) -> Bits:
        """Who wants, of countries, languages or devices (0 to 2), what the ad request says; kept in `spoken`."""
        name, column = SPOKEN[dimension], SPOKEN_COLUMNS[dimension]
        table, cells = self.terms.wishes.targets[name].table(value), self.terms.cells[column]
        found = self.spoken[dimension][value] = self.bits(lambda slots: table[cells[slots]])
        return found
