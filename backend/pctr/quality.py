"""Quality: how much more or less of a line item's ad requests become viewable impressions than others' on a placement.

A bid is for viewable impressions, but a publisher gives ad requests. An ad that loads slowly, or that people walk past,
uses up requests that another would have turned into money, so bids are compared by money times quality. What is known
of few requests counts little, and bounds keep anybody from being shut out, or from buying with quality alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

PPM = 1_000_000
NEUTRAL = 1_000                 # per mille
BASE_VIEWED_PPM = 500_000       # half of the requests, until a placement has counted some
PLACEMENT_DECISIONS = 200       # decisions that the base weighs on a placement
CELL_DECISIONS = 400            # decisions that a placement's share weighs for one line item


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the highest quality, per mille; 1,000 and 1,000 switch quality off.

    Raises ValueError unless 0 < least <= 1,000 <= most <= 8,000: an auction's score must fit 63 bits.
    """

    least_permille: int = 500
    most_permille: int = 2_000

    def __post_init__(self) -> None:
        if not 0 < self.least_permille <= NEUTRAL <= self.most_permille <= 8_000:
            raise ValueError("quality must be bounded by 1 to 1000 and 1000 to 8000 per mille")

    def clip(self, permille: int) -> int:
        return max(self.least_permille, min(self.most_permille, permille))


AS_IT_IS = Bounds()
"""From half to twice."""


def qualities(cells: Mapping[tuple[int, int], tuple[int, int]], bounds: Bounds) -> dict[tuple[int, int], int]:
    """Per mille by (line item, placement), from (decisions, viewable impressions); what is 1,000 is left out.

    On a placement 600 of 1,000 decisions were viewed, of one line item 150 of 300: with the priors, the placement has
    (600 + 100) / 1,200 = 58.3 %, the line item (150 + 400 * 58.3 %) / 700 = 54.8 %, so its quality is 939.
    """
    placements: dict[int, tuple[int, int]] = {}
    for (_, placement), (decisions, views) in cells.items():
        asked, viewed = placements.get(placement, (0, 0))
        placements[placement] = (asked + decisions, viewed + min(views, decisions))
    shares = {
        placement: _share_ppm(asked, viewed, BASE_VIEWED_PPM, PLACEMENT_DECISIONS)
        for placement, (asked, viewed) in placements.items()
    }
    found = {
        cell: bounds.clip(_permille(
            _share_ppm(decisions, min(views, decisions), shares[cell[1]], CELL_DECISIONS), shares[cell[1]]
        ))
        for cell, (decisions, views) in cells.items() if decisions
    }
    return {cell: permille for cell, permille in found.items() if permille != NEUTRAL}


def _share_ppm(decisions: int, viewed: int, prior_ppm: int, strength: int) -> int:
    return (viewed * PPM + strength * prior_ppm) // (decisions + strength)


def _permille(part: int, whole: int) -> int:
    """Rounded to the nearest, so that who is like the others is exactly 1,000."""
    return (part * NEUTRAL + whole // 2) // max(1, whole)
