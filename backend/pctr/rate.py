"""What follows a viewable impression: counts, shrunk towards what is known of the larger group (empirical Bayes).

The rates are computed when counts have changed, away from any ad request; a request looks them up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from backend.pctr.quality import AS_IT_IS, NEUTRAL, Bounds, qualities

PPM = 1_000_000
BASE_RATE_PPM = 10_000          # 1 %: what display ads get before anything is counted
BASE_STRENGTH = 1_000           # viewable impressions that the base rate weighs
LINE_ITEM_STRENGTH = 400
PLACEMENT_STRENGTH = 400
RATE_PPM_MIN = 10               # never 0, or a click could cost anything

BASE_CONVERSION_PPM = 20_000    # 2 % of clicks
BASE_CLICKS = 500               # clicks that the base rate of conversions weighs
CAMPAIGN_CLICKS = 200
LINE_ITEM_CLICKS = 200
CONVERSION_PPM_MIN = 100        # never 0: 0.01 %, under which a bid falls below any floor
CONVERSION_PPM_MAX = 500_000    # half of all clicks; views convert too, so there can be more conversions than clicks

Cell = tuple[int, int]
"""(line item, placement)."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Viewable impressions, the clicks and conversions after them, and the decisions before them.

    A click is only counted after its view, so clicks <= views. A decision is counted a while after its views, and a
    killed process forgets some: views may be more.
    """

    views: int = 0
    clicks: int = 0
    conversions: int = 0
    decisions: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.views + other.views, self.clicks + other.clicks, self.conversions + other.conversions,
            self.decisions + other.decisions,
        )


def smoothed_ppm(counts: Counts, prior_ppm: int, strength: int) -> int:
    """Clicks for a view: mean of a Beta distribution after `counts`, in parts per million, floored.

    The prior Beta(strength * p, strength * (1 - p)) weighs as much as `strength` impressions at the rate p.
    100 views with 4 clicks against a prior of 1 % that weighs 400 views: (4 + 4) / 500 = 1.6 %.

    >>> smoothed_ppm(Counts(views=100, clicks=4), 10_000, 400)
    16000
    """
    return (counts.clicks * PPM + strength * prior_ppm) // (counts.views + strength)


def smoothed_conversion_ppm(counts: Counts, prior_ppm: int, clicks: int) -> int:
    """Conversions for a click, likewise, with a prior that weighs `clicks`; between 0.01 % and 50 %.

    300 clicks with 16 conversions against 2 % that weigh 200 clicks: (16 + 4) / 500 = 4 %.

    >>> smoothed_conversion_ppm(Counts(clicks=300, conversions=16), 20_000, 200)
    40000
    """
    rate = (counts.conversions * PPM + clicks * prior_ppm) // (counts.clicks + clicks)
    return max(CONVERSION_PPM_MIN, min(CONVERSION_PPM_MAX, rate))


@dataclass(frozen=True, slots=True)
class Rates:
    """Click rates by line item and placement: all → line item → line item on this placement.

    Conversions for a click: all → campaign → line item. Quality: see `quality.py`.
    """

    everything_ppm: int = BASE_RATE_PPM
    line_items_ppm: Mapping[int, int] = field(default_factory=dict)
    cells_ppm: Mapping[Cell, int] = field(default_factory=dict)
    conversions_ppm: Mapping[int, int] = field(default_factory=dict)
    conversions_everywhere_ppm: int = BASE_CONVERSION_PPM
    quality_permille: Mapping[Cell, int] = field(default_factory=dict)

    def ppm(self, line_item: int, placement: int) -> int:
        """Clicks per million viewable impressions, between 10 and 1,000,000."""
        rate = self.cells_ppm.get((line_item, placement))
        if rate is None:
            rate = self.line_items_ppm.get(line_item, self.everything_ppm)
        return max(RATE_PPM_MIN, min(PPM, rate))

    def conversion_ppm(self, line_item: int) -> int:
        """Conversions per million clicks."""
        return self.conversions_ppm.get(line_item, self.conversions_everywhere_ppm)

    def quality(self, line_item: int, placement: int) -> int:
        """Per mille; 1,000 where nothing is known."""
        return self.quality_permille.get((line_item, placement), NEUTRAL)


def rates(
    cells: Mapping[Cell, Counts], campaign_of: Mapping[int, int] | None = None, bounds: Bounds = AS_IT_IS
) -> Rates:
    """Rates from counts by (line item, placement), and the campaigns of line items; without one it is its own."""
    by_line_item = _summed((line_item, counts) for (line_item, _), counts in cells.items())
    everything = smoothed_ppm(sum(by_line_item.values(), Counts()), BASE_RATE_PPM, BASE_STRENGTH)
    line_items = {key: smoothed_ppm(counts, everything, LINE_ITEM_STRENGTH) for key, counts in by_line_item.items()}
    conversions_everywhere, conversions = _conversions(by_line_item, campaign_of or {})
    return Rates(
        everything,
        line_items,
        {key: smoothed_ppm(counts, line_items[key[0]], PLACEMENT_STRENGTH) for key, counts in cells.items()},
        conversions,
        conversions_everywhere,
        qualities({key: (counts.decisions, counts.views) for key, counts in cells.items()}, bounds),
    )


def _conversions(by_line_item: Mapping[int, Counts], campaign_of: Mapping[int, int]) -> tuple[int, dict[int, int]]:
    """Of everybody, and by line item."""
    # a line item that is in no campaign has a group of its own, of a number that no campaign has
    group_of = {line_item: campaign_of.get(line_item, -line_item) for line_item in by_line_item}
    by_campaign = _summed((group_of[line_item], counts) for line_item, counts in by_line_item.items())
    # who sells views never reports conversions: only what converts says how often a click does
    telling = sum((counts for counts in by_campaign.values() if counts.conversions), Counts())
    everywhere = smoothed_conversion_ppm(telling, BASE_CONVERSION_PPM, BASE_CLICKS)
    campaigns = {
        key: smoothed_conversion_ppm(counts, everywhere, CAMPAIGN_CLICKS) for key, counts in by_campaign.items()
    }
    return everywhere, {
        line_item: smoothed_conversion_ppm(counts, campaigns[group_of[line_item]], LINE_ITEM_CLICKS)
        for line_item, counts in by_line_item.items()
    }


def _summed(counts: Iterator[tuple[int, Counts]]) -> dict[int, Counts]:
    total: dict[int, Counts] = {}
    for key, one in counts:
        total[key] = total.get(key, Counts()) + one
    return total
