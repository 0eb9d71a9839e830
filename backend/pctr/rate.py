"""The probability that a viewable impression is clicked: counts, shrunk towards what is known of the larger group."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PPM = 1_000_000
BASE_RATE_PPM = 10_000          # 1 %: what display ads get before anything is counted
BASE_STRENGTH = 1_000           # viewable impressions that the base rate weighs
LINE_ITEM_STRENGTH = 400
PLACEMENT_STRENGTH = 400
RATE_PPM_MIN = 10               # never 0, or a click could cost anything


@dataclass(frozen=True, slots=True)
class Counts:
    """Viewable impressions and the clicks after them. A click is only counted after its view, so clicks <= views."""

    views: int = 0
    clicks: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.views + other.views, self.clicks + other.clicks)


def smoothed_ppm(counts: Counts, prior_ppm: int, strength: int) -> int:
    """Mean of a Beta distribution after `counts`, in parts per million, floored.

    The prior Beta(strength * p, strength * (1 - p)) weighs as much as `strength` impressions at the rate p.
    100 views with 4 clicks against a prior of 1 % that weighs 400 views: (4 + 4) / 500 = 1.6 %.

    >>> smoothed_ppm(Counts(views=100, clicks=4), 10_000, 400)
    16000
    """
    return (counts.clicks * PPM + strength * prior_ppm) // (counts.views + strength)


@dataclass(frozen=True, slots=True)
class Rates:
    """Click rates by line item and placement: all → line item → line item on this placement (empirical Bayes)."""

    everything_ppm: int = BASE_RATE_PPM
    line_items_ppm: Mapping[int, int] = field(default_factory=dict)
    cells_ppm: Mapping[tuple[int, int], int] = field(default_factory=dict)

    def ppm(self, line_item: int, placement: int) -> int:
        """Clicks per million viewable impressions, between 10 and 1,000,000."""
        rate = self.cells_ppm.get((line_item, placement))
        if rate is None:
            rate = self.line_items_ppm.get(line_item, self.everything_ppm)
        return max(RATE_PPM_MIN, min(PPM, rate))


def rates(cells: Mapping[tuple[int, int], Counts]) -> Rates:
    """Rates from counts by (line item, placement)."""
    by_line_item: dict[int, Counts] = {}
    for (line_item, _), counts in cells.items():
        by_line_item[line_item] = by_line_item.get(line_item, Counts()) + counts
    everything = smoothed_ppm(sum(by_line_item.values(), Counts()), BASE_RATE_PPM, BASE_STRENGTH)
    line_items = {key: smoothed_ppm(counts, everything, LINE_ITEM_STRENGTH) for key, counts in by_line_item.items()}
    return Rates(
        everything,
        line_items,
        {key: smoothed_ppm(counts, line_items[key[0]], PLACEMENT_STRENGTH) for key, counts in cells.items()},
    )
