"""Line items as columns of numbers. A change copies the columns and patches rows: whoever reads keeps what he has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

import numpy as np

from backend.core.events import BidKind
from backend.core.week import EVERY_HOUR
from backend.pctr.rate import Rates
from backend.serving.auction import PPM, rate_of
from backend.serving.catalogue import LineItem, Wanted
from backend.serving.index.codes import CODE, Numbers
from backend.serving.index.dimension import Labels, Shapes, SizeWishes, Targets

STANDING = ("worlds", "categories", "placements", "publishers", "formats", "engines")
SPOKEN = ("countries", "languages", "devices")
GROWTH = 1_024          # slots are added by so many at a time
HISTORY_MAX = 64


class Column(IntEnum):
    """Rows of `Terms.cells`; a line item is a column there."""

    ID = 0
    ALIVE = 1
    BID = 2
    STARTS = 3
    ENDS = 4
    OWNER = 5
    CATEGORY = 6
    CAMPAIGN_ACTIVE = 7
    LINE_ITEM_ACTIVE = 8
    UNFUNDED = 9
    EXTERNAL = 10
    SPONSOR = 11
    CAPPED = 12
    HOURS = 13
    SIZES = 14
    SHAPES = 15
    WORLDS = 16
    CATEGORIES = 17
    PLACEMENTS = 18
    PUBLISHERS = 19
    FORMATS = 20
    ENGINES = 21
    COUNTRIES = 22
    LANGUAGES = 23
    DEVICES = 24
    CLICKED = 25
    CHAIN_CAMPAIGN = 26         # 0: none


class Wishes:
    """The numbering that columns refer to. It only grows; compiling anew begins with another one."""

    def __init__(self) -> None:
        self.owners, self.categories, self.shapes, self.sizes = Labels(), Labels(), Shapes(), SizeWishes()
        self.targets = {name: Targets() for name in (*STANDING, *SPOKEN)}
        self.hours: list[tuple[int, str]] = []
        self._hours: dict[tuple[int, str], int] = {}
        self._wanted: dict[Wanted, tuple[int, ...]] = {}

    def row(self, item: LineItem) -> tuple[int, ...]:
        """A line item in the order of `Column`."""
        sponsor = item.bid_kind is BidKind.SPONSORSHIP
        # whether an hour of a sponsorship can be paid is asked hour by hour
        unfunded = None if sponsor and item.chain_campaign is not None else item.unfunded
        sizes, *named = self._of(item.wanted)
        return (
            item.id, 1, item.bid_micro_usdc, item.starts_ms, item.ends_ms, self.owners.number(item.owner),
            self.categories.number(item.category), item.campaign_active, item.line_item_active, CODE[unfunded],
            item.external, sponsor, item.frequency is not None, self._hour((item.hours, item.time_zone)), sizes,
            self.shapes.number(item.creatives), *named, item.bid_kind in (BidKind.CPC, BidKind.CPA),
            item.chain_campaign or 0,
        )

    def _of(self, wanted: Wanted) -> tuple[int, ...]:
        found = self._wanted.get(wanted)
        if found is None:
            sizes = self.sizes.number((wanted.width, wanted.height, wanted.width_mm, wanted.height_mm))
            numbers = (targets.number(getattr(wanted, name)) for name, targets in self.targets.items())
            found = self._wanted[wanted] = (sizes, *numbers)
        return found

    def _hour(self, key: tuple[int, str]) -> int:
        if key[0] == EVERY_HOUR:
            key = (EVERY_HOUR, "UTC")
        found = self._hours.get(key)
        if found is None:
            found = self._hours[key] = len(self.hours)
            self.hours.append(key)
        return found


@dataclass(frozen=True)
class Terms:
    """All line items of one version. Slots that nobody has (any more) are not alive."""

    wishes: Wishes
    cells: Numbers                              # Column × slot
    items: Sequence[LineItem | None]
    slots: Mapping[int, int]                    # by line item
    creatives: Mapping[int, int]                # line item by creative
    serial: int = 0
    history: Mapping[int, Numbers] = field(default_factory=dict)        # the slots that a serial has changed

    @property
    def size(self) -> int:
        return self.cells.shape[1]

    @cached_property
    def alive(self) -> Numbers:
        """Slots in the order of their line items' ids."""
        slots = np.flatnonzero(self.cells[Column.ALIVE])
        return slots[np.argsort(self.cells[Column.ID][slots], kind="stable")]

    @cached_property
    def ends_next_ms(self) -> int:
        """When the first of the line items is over."""
        return int(self.cells[Column.ENDS][self.alive].min(initial=2**62))

    def since(self, serial: int) -> Numbers | None:
        """Slots that have changed after the terms with that serial; None: too much has."""
        steps = [self.history.get(step) for step in range(serial + 1, self.serial + 1)]
        known = [step for step in steps if step is not None]
        if len(known) < len(steps):
            return None
        return np.unique(np.concatenate(known)) if known else np.empty(0, np.int64)

    def item(self, slot: int) -> LineItem:
        found = self.items[slot]
        assert found is not None
        return found

    def slots_of(self, line_items: Numbers) -> Numbers:
        """Their slots; -1 for those that are not among the terms."""
        ids = self.cells[Column.ID][self.alive]
        if not len(ids):
            return np.full(len(line_items), -1, np.int64)
        places = np.minimum(np.searchsorted(ids, line_items), len(ids) - 1)
        return np.where(ids[places] == line_items, self.alive[places], -1)

    def rates(self, rates: Rates, before: tuple[int, Numbers] | None = None) -> Numbers:
        """Billable events per million viewable impressions, by slot, where nothing more is known of a placement.

        `before`: serial of other terms and what this gave for them by the same rates.
        """
        found = np.full(self.size, PPM, np.int64)
        changed = None if before is None else self.since(before[0])
        if before is not None and changed is not None:
            found[: len(before[1])] = before[1]
            found[changed] = PPM
        clicked = self.cells[Column.CLICKED] & self.cells[Column.ALIVE]
        slots = np.flatnonzero(clicked) if changed is None else changed[clicked[changed] > 0]
        for slot in slots.tolist():
            item = self.item(slot)
            found[slot] = rate_of(item.bid_kind, rates.ppm(item.id, NOWHERE), rates.conversion_ppm(item.id))
        return found


NOWHERE = 0             # no placement has this number


class Compiler:
    """Keeps the terms in step with what was read. Not for several threads."""

    def __init__(self) -> None:
        self._serial = 0
        self._anew()

    def _anew(self) -> None:
        self._history: dict[int, Numbers] = {}
        self._wishes = Wishes()
        self._creatives: dict[int, int] = {}
        self._free: list[int] = []
        self._used = 0
        self._patched = 0
        empty = np.zeros((len(Column), 0), np.int64)
        self.terms = Terms(self._wishes, empty, [], {}, self._creatives)

    def compile(self, items: Iterable[LineItem]) -> Terms:
        """Terms of these line items and no others."""
        self._anew()
        listed = list(items)
        cells = np.zeros((len(Column), -(-len(listed) // GROWTH) * GROWTH), np.int64)
        for start in range(0, len(listed), GROWTH):
            rows = [self._wishes.row(item) for item in listed[start : start + GROWTH]]
            cells[:, start : start + len(rows)] = np.array(rows, np.int64).T
        slots = {item.id: slot for slot, item in enumerate(listed)}
        for item in listed:
            self._remember(item)
        self._used = len(listed)
        kept: list[LineItem | None] = [*listed, *[None] * (cells.shape[1] - len(listed))]
        self._serial += 1
        self.terms = Terms(self._wishes, cells, kept, slots, self._creatives, self._serial, self._history)
        return self.terms

    def patch(self, changed: Mapping[int, LineItem | None]) -> Terms:
        """Line items as they are now, by id; None: gone. The same terms when nothing differs.

        What nobody wants any more stays numbered; once that may be most of it, everything is compiled anew.
        """
        last = self.terms
        changed = {
            one: item for one, item in changed.items()
            if item != (last.items[last.slots[one]] if one in last.slots else None)
        }
        if not changed:
            return last
        self._patched += len(changed)
        if self._patched > max(GROWTH, 2 * len(last.slots)):
            kept = {item.id: item for item in last.items if item is not None} | changed
            return self.compile(item for item in kept.values() if item is not None)
        return self._patch(last, changed)

    def _patch(self, last: Terms, changed: Mapping[int, LineItem | None]) -> Terms:
        room = last.size - self._used + len(self._free)
        more = max(0, -(-(len(changed) - room) // GROWTH)) * GROWTH
        cells = np.pad(last.cells, ((0, 0), (0, more)))
        items, slots = [*last.items, *[None] * more], dict(last.slots)
        touched: list[int] = []
        for one, item in changed.items():
            if item is None:
                slot = slots.pop(one)
                items[slot], cells[Column.ALIVE, slot] = None, 0
                self._free.append(slot)
                touched.append(slot)
                continue
            found = slots.get(one)
            if found is None:
                found = slots[one] = self._free.pop() if self._free else self._used
                self._used = max(self._used, found + 1)
            items[found], cells[:, found] = item, self._wishes.row(item)
            touched.append(found)
            self._remember(item)
        self._serial += 1
        self._history[self._serial] = np.array(touched, np.int64)
        self._history.pop(self._serial - HISTORY_MAX, None)
        self.terms = Terms(self._wishes, cells, items, slots, self._creatives, self._serial, self._history)
        return self.terms

    def _remember(self, item: LineItem) -> None:
        self._creatives.update((creative.id, item.id) for creative in item.creatives)

