"""Where a line item may appear: lists of worlds, categories and placements, wanted or excluded."""

from dataclasses import dataclass

from backend.core.categories import WorldCategory
from backend.core.errors import Unprocessable

LIST_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Targeting:
    """An empty list wants everything; several lists must all agree; an exclusion always wins."""

    worlds: tuple[int, ...] = ()
    categories: tuple[WorldCategory, ...] = ()
    placements: tuple[int, ...] = ()
    exclude_worlds: tuple[int, ...] = ()
    exclude_categories: tuple[WorldCategory, ...] = ()
    exclude_placements: tuple[int, ...] = ()

    def check(self) -> None:
        """Raises Unprocessable `targeting_contradicts` when a value is both wanted and excluded."""
        for field, wanted, excluded in (
            ("worlds", set(self.worlds), set(self.exclude_worlds)),
            ("categories", set(self.categories), set(self.exclude_categories)),
            ("placements", set(self.placements), set(self.exclude_placements)),
        ):
            both = sorted(map(str, wanted & excluded))
            if both:
                raise Unprocessable("targeting_contradicts", f"targeting.{field}: {', '.join(both)} also excluded")

    @property
    def all_worlds(self) -> frozenset[int]:
        """Every world that is named."""
        return frozenset(self.worlds + self.exclude_worlds)

    @property
    def all_placements(self) -> frozenset[int]:
        """Every placement that is named."""
        return frozenset(self.placements + self.exclude_placements)
