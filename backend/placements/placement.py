"""A placement: one surface of a world, with the least it is sold for, what it shows and who is paid for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.core.categories import CampaignCategory
from backend.core.errors import Unprocessable
from backend.core.ids import Address, PlacementId, WorldId
from backend.core.money import BASIS_POINTS
from backend.core.price import per_event_micro_usdc
from backend.placements.world import ListingStatus

SIDE_PIXELS_MAX = 8_192
SHARES_MAX = 8


class PlacementKind(StrEnum):
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Share:
    """A wallet that is paid for `basis_points` of 10,000 sales."""

    wallet: Address
    basis_points: int


@dataclass(frozen=True, slots=True)
class PlacementTerms:
    """What the publisher decides.

    `width` and `height` are pixels of the texture, `…_mm` the size of the surface in its world; the floor is for one
    viewable impression, the hourly one for a sponsorship (None: not sold by the hour). A `soft_floor` above the floor
    makes each request ask for something between both. With `deals_only` only private deals and sponsorships buy. No
    `accepted` category means all; no `shares` that the world's publisher is paid alone.
    """

    name: str
    kind: PlacementKind
    width: int
    height: int
    floor_micro_usdc: int
    status: ListingStatus = ListingStatus.ACTIVE
    width_mm: int | None = None
    height_mm: int | None = None
    hourly_floor_micro_usdc: int | None = None
    accepted: tuple[CampaignCategory, ...] = ()
    test_mode: bool = False
    shares: tuple[Share, ...] = ()
    soft_floor_micro_usdc: int | None = None
    deals_only: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """A stored placement."""

    id: PlacementId
    world_id: WorldId
    terms: PlacementTerms
    created_at: datetime


def check(terms: PlacementTerms) -> None:
    """Raises Unprocessable `size_incomplete`, `soft_floor_too_low`, `shares_not_whole` or `shares_repeated`."""
    if (terms.width_mm is None) != (terms.height_mm is None):
        raise Unprocessable("size_incomplete", "give width_mm and height_mm, or neither")
    if terms.soft_floor_micro_usdc is not None and terms.soft_floor_micro_usdc <= terms.floor_micro_usdc:
        raise Unprocessable("soft_floor_too_low", "a soft floor is above the floor; null: there is none")
    if not terms.shares:
        return
    if len(terms.shares) > SHARES_MAX or sum(share.basis_points for share in terms.shares) != BASIS_POINTS:
        raise Unprocessable("shares_not_whole", f"at most {SHARES_MAX} shares, {BASIS_POINTS} basis points in sum")
    if len({share.wallet for share in terms.shares}) < len(terms.shares):
        raise Unprocessable("shares_repeated", "a wallet has one share")


def in_order(shares: Iterable[Share]) -> tuple[Share, ...]:
    """Shares as they are kept and shown: the largest first, then by wallet."""
    return tuple(sorted(shares, key=lambda share: (-share.basis_points, share.wallet)))


def floor_per_impression(per_impression: int | None, per_mille: int | None) -> int:
    """The floor in micro-USDC for one viewable impression, given either way.

    Raises Unprocessable `floor_missing` (none or both given) or `floor_not_whole`.
    """
    if (per_impression is None) == (per_mille is None):
        raise Unprocessable("floor_missing", "give either floor_micro_usdc or floor_vcpm_micro_usdc (0 for no floor)")
    return _each(per_impression, per_mille)


def soft_floor_per_impression(per_impression: int | None, per_mille: int | None) -> int | None:
    """Likewise, but there may be none. Raises Unprocessable `floor_missing` (both given) or `floor_not_whole`."""
    if per_impression is None and per_mille is None:
        return None
    if per_impression is not None and per_mille is not None:
        raise Unprocessable("floor_missing", "give either soft_floor_micro_usdc or soft_floor_vcpm_micro_usdc")
    return _each(per_impression, per_mille)


def _each(per_impression: int | None, per_mille: int | None) -> int:
    if per_impression is not None:
        return per_impression
    assert per_mille is not None
    each = per_event_micro_usdc(per_mille)
    if each is None:
        raise Unprocessable("floor_not_whole", "a floor per thousand must be a multiple of 1000 (0.001 USDC)")
    return each
