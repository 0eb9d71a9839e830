"""A line item's targeting as SQL keeps it (JSON) made ready for checks. The same text is read once."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from backend.serving.catalogue import Range, Target, Wanted

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
    return Target(frozenset(content.get(dimension, ())), frozenset(content.get(f"exclude_{dimension}", ())))


def _range(size: Mapping[str, int | None], side: str) -> Range:
    return Range(size.get(f"{side}_min"), size.get(f"{side}_max"))
