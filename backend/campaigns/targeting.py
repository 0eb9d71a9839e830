"""Where, to whom and on what a line item may appear: lists of what is wanted and what is excluded, and sizes."""

from dataclasses import dataclass, fields

from backend.core.categories import DeviceClass, WorldCategory, WorldEngine
from backend.core.errors import Unprocessable

LIST_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class SizeRange:
    """Sizes of surfaces, both ends included: the texture in pixels, the surface in the world in millimetres.

    A surface whose physical size is unknown is not in a range of millimetres.
    """

    width_pixels_min: int | None = None
    width_pixels_max: int | None = None
    height_pixels_min: int | None = None
    height_pixels_max: int | None = None
    width_mm_min: int | None = None
    width_mm_max: int | None = None
    height_mm_min: int | None = None
    height_mm_max: int | None = None

    def check(self) -> None:
        """Raises Unprocessable `targeting_contradicts` when a range is empty."""
        for side in ("width_pixels", "height_pixels", "width_mm", "height_mm"):
            least, most = getattr(self, f"{side}_min"), getattr(self, f"{side}_max")
            if least is not None and most is not None and least > most:
                raise Unprocessable("targeting_contradicts", f"targeting.size: {side}_min is above {side}_max")


ANY_SIZE = SizeRange()


@dataclass(frozen=True, slots=True)
class Targeting:
    """An empty list wants everything; several lists must all agree; an exclusion always wins.

    `publishers` are indices, `formats` kinds of placements, `countries` ISO 3166-1 alpha-2, `languages` ISO 639-1.
    What the ad request does not say (country, language, device) is in no list, and may be in any exclusion: a line
    item that names a dimension is shown only where the value is known.
    """

    worlds: tuple[int, ...] = ()
    categories: tuple[WorldCategory, ...] = ()
    placements: tuple[int, ...] = ()
    exclude_worlds: tuple[int, ...] = ()
    exclude_categories: tuple[WorldCategory, ...] = ()
    exclude_placements: tuple[int, ...] = ()
    publishers: tuple[int, ...] = ()
    exclude_publishers: tuple[int, ...] = ()
    formats: tuple[str, ...] = ()
    engines: tuple[WorldEngine, ...] = ()
    exclude_engines: tuple[WorldEngine, ...] = ()
    countries: tuple[str, ...] = ()
    exclude_countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    exclude_languages: tuple[str, ...] = ()
    devices: tuple[DeviceClass, ...] = ()
    exclude_devices: tuple[DeviceClass, ...] = ()
    size: SizeRange = ANY_SIZE

    def check(self) -> None:
        """Raises Unprocessable `targeting_contradicts` when a value is both wanted and excluded."""
        for field in fields(self):
            excluded = getattr(self, f"exclude_{field.name}", ())
            both = sorted(map(str, set(getattr(self, field.name)) & set(excluded))) if excluded else []
            if both:
                raise Unprocessable("targeting_contradicts", f"targeting.{field.name}: {', '.join(both)} also excluded")
        self.size.check()

    @property
    def all_worlds(self) -> frozenset[int]:
        """Every world that is named."""
        return frozenset(self.worlds + self.exclude_worlds)

    @property
    def all_placements(self) -> frozenset[int]:
        """Every placement that is named."""
        return frozenset(self.placements + self.exclude_placements)
