"""What is known of an asset, and how a reader refuses one."""

from dataclasses import dataclass, field
from enum import StrEnum

from backend.core.errors import Unprocessable


class AssetKind(StrEnum):
    """How an asset is shown. The values are public and stable; placements and creatives use the same."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """Sizes are pixels (of a model: millimetres of its front); what a kind does not have is 0.

    `details` are further numbers and names for people who review it, such as codecs or the number of textures.
    """

    kind: AssetKind
    media_type: str
    width: int = 0
    height: int = 0
    duration_ms: int = 0
    triangles: int = 0
    details: dict[str, int | str] = field(default_factory=dict)


def damaged(what: str) -> Unprocessable:
    """The file breaks off or contradicts itself."""
    return Unprocessable("asset_damaged", what)


def trailing(what: str) -> Unprocessable:
    """There is something in the file that no player shows: what polyglots are made of."""
    return Unprocessable("asset_trailing_data", what)


def over_budget(what: str) -> Unprocessable:
    """Well-formed, but more than a viewer's device should be asked to show."""
    return Unprocessable("asset_over_budget", what)


def not_played(what: str) -> Unprocessable:
    """A format, codec or feature that is not shown everywhere."""
    return Unprocessable("asset_feature_refused", what)
