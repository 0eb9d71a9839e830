"""An exchange that sells to us, as its requests are answered."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.core.client_ip import Network

TAG_PREFIX = "tag:"
SHAPE_TOLERANCE_PERCENT = 2
BOXED_PERCENT_MIN = 75


@dataclass(frozen=True, slots=True)
class Slot:
    """A placement by which an exchange is paid: a format that it offers. `tag`: the one `imp.tagid` that it is for."""

    placement: int
    kind: str
    width: int
    height: int
    tag: str | None = None

    def has_shape(self, width: int, height: int) -> bool:
        """Within 2 %, as for every creative: it is scaled, never distorted."""
        one, other = width * self.height, self.width * height
        return abs(one - other) * 100 <= SHAPE_TOLERANCE_PERCENT * other

    def fits_boxed(self, width: int, height: int) -> bool:
        """Whether a player of this size shows it whole with bars that take a quarter at most, as 16:9 in 4:3."""
        one, other = width * self.height, self.width * height
        return min(one, other) * 100 >= BOXED_PERCENT_MIN * max(one, other)


@dataclass(frozen=True, slots=True)
class Exchange:
    """`seat` is our name there. `networks`: from where it may ask; empty: from everywhere. See `tables/openrtb.py`."""

    id: int
    name: str
    domain: str
    seat: str
    publisher: int
    networks: tuple[Network, ...] = ()
    strict: bool = False
    needs_schain: bool = False
    click_macro: str = ""
    slots: tuple[Slot, ...] = field(default=())

    def slots_of(self, kind: str, tag: str | None) -> Sequence[Slot]:
        """Placements of a kind: those for this very tag, or else those for every tag."""
        fitting = [slot for slot in self.slots if slot.kind == kind]
        return [slot for slot in fitting if tag and slot.tag == tag] or [slot for slot in fitting if slot.tag is None]


def tag_of(placement_name: str) -> str | None:
    """`tag:home-top` is for `imp.tagid` home-top alone."""
    return placement_name.removeprefix(TAG_PREFIX) if placement_name.startswith(TAG_PREFIX) else None
