"""A line item's targeting as SQL keeps it (JSON) made ready for checks. The same text is read once."""

from collections.abc import Mapping
from functools import lru_cache
from sys import intern
from typing import Any

import msgspec

from backend.serving.catalogue import ANY, EVERYWHERE, Range, Target, Wanted

_DIMENSIONS = (
    "worlds", "categories", "placements", "publishers", "formats", "engines", "countries", "languages", "devices"
)


@lru_cache(maxsize=65_536)
def wanted_of(targeting: str) -> Wanted:
    """The targeting behind a JSON object; what it does not name is not restricted."""
    content: dict[str, Any] = msgspec.json.decode(targeting)
    size = content.get("size") or {}
    return Wanted(
        **{dimension: _target(content, dimension) for dimension in _DIMENSIONS},
        width=_range(size, "width_pixels"), height=_range(size, "height_pixels"),
        width_mm=_range(size, "width_mm"), height_mm=_range(size, "height_mm"),
    )


def _target(content: Mapping[str, Any], dimension: str) -> Target:
    only, never = content.get(dimension, ()), content.get(f"exclude_{dimension}", ())
    return Target(_values(tuple(only)), _values(tuple(never))) if only or never else EVERYWHERE


@lru_cache(maxsize=16_384)
def _values(values: tuple[int | str, ...]) -> frozenset[int | str]:
    """Line items mostly name nothing, and often the same: ten thousand of them would keep fifty megabytes of it."""
    return frozenset(intern(value) if isinstance(value, str) else value for value in values)


def _range(size: Mapping[str, int | None], side: str) -> Range:
    least, most = size.get(f"{side}_min"), size.get(f"{side}_max")
    return ANY if least is None and most is None else Range(least, most)
