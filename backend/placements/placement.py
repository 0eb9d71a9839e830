"""A placement: one surface of a world, with the least it is sold for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.core.errors import Unprocessable
from backend.core.ids import PlacementId, WorldId
from backend.core.price import per_event_micro_usdc
from backend.placements.world import ListingStatus

SIDE_PIXELS_MAX = 8_192


class PlacementKind(StrEnum):
    IMAGE = "image"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class PlacementTerms:
    """What the publisher decides. Sizes are pixels of the texture; the floor is for one viewable impression."""

    name: str
    kind: PlacementKind
    width: int
    height: int
    floor_micro_usdc: int
    status: ListingStatus = ListingStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class Placement:
    """A stored placement."""

    id: PlacementId
    world_id: WorldId
    terms: PlacementTerms
    created_at: datetime


def floor_per_impression(per_impression: int | None, per_mille: int | None) -> int:
    """The floor in micro-USDC for one viewable impression, given either way.

    Raises Unprocessable `floor_missing` (none or both given) or `floor_not_whole`.
    """
    if (per_impression is None) == (per_mille is None):
        raise Unprocessable("floor_missing", "give either floor_micro_usdc or floor_vcpm_micro_usdc (0 for no floor)")
    if per_impression is not None:
        return per_impression
    assert per_mille is not None
    each = per_event_micro_usdc(per_mille)
    if each is None:
        raise Unprocessable(
            "floor_not_whole", "floor_vcpm_micro_usdc must be a multiple of 1000 (0.001 USDC per thousand)"
        )
    return each
