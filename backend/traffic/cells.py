"""Sums by UTC day: of a placement, of each viewer, network and trace on it, and of the whole market."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from backend.core.traffic_marks import day_of_ms
from backend.traffic.exposure import Seen


class Level(StrEnum):
    """What a cell is about, within its placement and day."""

    MARKET = "market"           # all placements
    PLACEMENT = "placement"
    NETWORK = "network"
    VIEWER = "viewer"
    TRACE = "trace"


class Key(NamedTuple):
    """`day` counts from 1970; `placement` is 0 for the market, `mark` 0 where there is none."""

    day: int
    placement: int
    level: Level
    mark: int = 0


@dataclass(slots=True)
class Cell:
    """Sums; an empty one has no first and last. `delay`s are of clicks, from the decision to the report."""

    views: int = 0
    clicks: int = 0
    watched_ms: int = 0
    steady: int = 0
    still: int = 0
    delay_ms: int = 0
    delay_ms2: int = 0
    viewers: int = 0
    first_ms: int = 0
    last_ms: int = 0
    first_seq: int = 0
    last_seq: int = 0

    def add(self, one: Seen) -> None:
        """Count an event."""
        is_first = not self.views and not self.clicks
        self.first_ms = one.decided_ms if is_first else min(self.first_ms, one.decided_ms)
        self.first_seq = one.seq if is_first else min(self.first_seq, one.seq)
        self.last_ms, self.last_seq = max(self.last_ms, one.received_ms), max(self.last_seq, one.seq)
        if one.is_click:
            delay_ms = max(0, one.received_ms - one.decided_ms)
            self.clicks += 1
            self.delay_ms += delay_ms
            self.delay_ms2 += delay_ms * delay_ms
        else:
            self.views += 1
            self.watched_ms += one.watched_ms
            self.steady += one.is_steady
            self.still += one.is_still

    def __add__(self, other: "Cell") -> "Cell":
        """Both together; neither may be empty."""
        return Cell(
            self.views + other.views, self.clicks + other.clicks, self.watched_ms + other.watched_ms,
            self.steady + other.steady, self.still + other.still, self.delay_ms + other.delay_ms,
            self.delay_ms2 + other.delay_ms2, self.viewers + other.viewers,
            min(self.first_ms, other.first_ms), max(self.last_ms, other.last_ms),
            min(self.first_seq, other.first_seq), max(self.last_seq, other.last_seq),
        )


Cells = dict[Key, Cell]


def keys_of(one: Seen) -> list[Key]:
    """The cells that an event counts in."""
    day = day_of_ms(one.received_ms)
    found = [Key(day, 0, Level.MARKET), Key(day, one.placement, Level.PLACEMENT)]
    marks = ((Level.NETWORK, one.network), (Level.VIEWER, one.viewer), (Level.TRACE, one.trace))
    found += [Key(day, one.placement, level, mark) for level, mark in marks if mark is not None]
    return found


def count(events: Iterable[Seen]) -> Cells:
    """What these events add. Viewers are not counted here: who is new, only the totals know (`count_viewers`)."""
    cells: Cells = {}
    for one in events:
        for key in keys_of(one):
            cell = cells.get(key)
            if cell is None:
                cell = cells[key] = Cell()
            cell.add(one)
    return cells


def count_viewers(cells: Mapping[Key, Cell], events: Iterable[Seen], fresh: Set[Key]) -> None:
    """Count each viewer whose cell is `fresh` once, for its placement and for the network where it was first seen."""
    counted: set[Key] = set()
    for one in events:
        for viewer in keys_of(one):
            if viewer.level is Level.VIEWER and viewer in fresh and viewer not in counted:
                counted.add(viewer)
                for key in keys_of(one):
                    if key.level in (Level.PLACEMENT, Level.NETWORK):
                        cells[key].viewers += 1
