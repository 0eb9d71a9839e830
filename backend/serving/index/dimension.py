"""What line items want, each distinct wish numbered once; which wishes a value meets is one table of flags.

One thread numbers (the one that compiles), others read tables at the same time: a wish is entered whole before it is
counted, so a reader sees all of it or nothing.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable

import numpy as np

from backend.serving.catalogue import Creative, Placement, Range, Target
from backend.serving.eligibility import SHAPE_TOLERANCE_PERCENT, SHAPELESS
from backend.serving.index.codes import Flags, Numbers

TABLES_MAX = 4_096
_NO_LEAST, _NO_MOST = -1, 2**62
Sizes = tuple[Range, Range, Range, Range]
"""Width and height in pixels, then in millimetres."""


class Labels:
    """Numbers for plain values: wallets, categories."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, value: Hashable) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def find(self, value: Hashable) -> int:
        """Its number; -1 while it has none. For readers, who must not number."""
        return self._numbers.get(value, -1)

    def table(self, values: Iterable[Hashable]) -> Flags:
        """Which labels are among `values`."""
        found = np.zeros(len(self._numbers), bool)
        for value in values:
            number = self._numbers.get(value)
            if number is not None and number < len(found):
                found[number] = True
        return found


class Targets:
    """The targets of one dimension."""

    def __init__(self) -> None:
        self._numbers: dict[Target, int] = {}
        self._only: dict[int | str, list[int]] = defaultdict(list)
        self._never: dict[int | str, list[int]] = defaultdict(list)
        self._kinds = bytearray()                   # bit 0: it names what it wants, bit 1: what it does not want
        self._tables: dict[int | str | None, Flags] = {}

    def __len__(self) -> int:
        return len(self._kinds)

    def number(self, target: Target) -> int:
        found = self._numbers.get(target)
        if found is None:
            found = self._numbers[target] = len(self._kinds)
            for value in target.only:
                self._only[value].append(found)
            for value in target.never:
                self._never[value].append(found)
            self._kinds.append(bool(target.only) | bool(target.never) << 1)
        return found

    def table(self, value: int | str | None) -> Flags:
        """Which targets allow the value; see `Target.allows`."""
        known = self._tables.get(value)
        if known is None or len(known) < len(self._kinds):
            if len(self._tables) >= TABLES_MAX:
                self._tables = {}
            known = self._tables[value] = self._made(value)
        return known

    def _made(self, value: int | str | None) -> Flags:
        kinds = np.frombuffer(bytes(self._kinds), np.uint8)
        if value is None:
            free: Flags = kinds == 0
            return free
        allowed: Flags = (kinds & 1) == 0
        for numbers, said in ((self._only, True), (self._never, False)):
            named = np.array(numbers.get(value, ()), np.int64)
            allowed[named[named < len(kinds)]] = said
        return allowed


class SizeWishes:
    """Ranges of sizes, four at a time."""

    def __init__(self) -> None:
        self._numbers: dict[Sizes, int] = {}
        self._limits: list[tuple[int, ...]] = []
        self._made = np.empty((0, 8), np.int64)

    def number(self, sizes: Sizes) -> int:
        found = self._numbers.get(sizes)
        if found is None:
            found = self._numbers[sizes] = len(self._limits)
            self._limits.append(tuple(
                limit for one in sizes for limit in (
                    _NO_LEAST if one.least is None else one.least, _NO_MOST if one.most is None else one.most
                )
            ))
        return found

    def table(self, surface: Placement) -> Flags:
        """Which wishes the surface meets; see `Range.allows`."""
        if len(self._made) < len(self._limits):
            self._made = np.array(self._limits, np.int64)
        limits = self._made
        allowed: Flags = np.ones(len(limits), bool)
        for side, value in enumerate((surface.width, surface.height, surface.width_mm, surface.height_mm)):
            least, most = limits[:, 2 * side], limits[:, 2 * side + 1]
            if value is None:
                allowed &= (least == _NO_LEAST) & (most == _NO_MOST)
            else:
                allowed &= (least <= value) & (value <= most)
        found: Flags = allowed
        return found


class Shapes:
    """Sets of shapes: what the creatives of a line item look like."""

    def __init__(self) -> None:
        self._numbers: dict[frozenset[tuple[str, int, int]], int] = {}
        self.kinds = Labels()
        self._rows: list[tuple[int, int, int, int]] = []        # set, kind, width, height
        self._size = 0
        self._made: Numbers = np.empty((0, 4), np.int64)

    def number(self, creatives: Iterable[Creative]) -> int:
        shapes = frozenset((one.kind, one.width, one.height) for one in creatives)
        found = self._numbers.get(shapes)
        if found is None:
            found = self._numbers[shapes] = self._size
            self._rows.extend((found, self.kinds.number(kind), width, height) for kind, width, height in shapes)
            self._size += 1
        return found

    def table(self, surface: Placement) -> Flags:
        """Which sets have a shape that fits; see `eligibility.fits`."""
        size, rows = self._size, len(self._rows)
        if len(self._made) < rows:
            self._made = np.array(self._rows[:rows], np.int64)
        sets, kinds, widths, heights = self._made.reshape(-1, 4).T
        fitting = kinds == self.kinds.find(surface.kind)
        if surface.kind not in SHAPELESS:
            one, other = widths * surface.height, surface.width * heights
            fitting &= np.abs(one - other) * 100 <= SHAPE_TOLERANCE_PERCENT * other
        allowed = np.zeros(size, bool)
        named = sets[fitting]
        allowed[named[named < size]] = True
        return allowed
