"""A creative: the asset that is shown, named by the hash that the SDK checks before it shows it."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.core.errors import Unprocessable
from backend.core.ids import CreativeId, LineItemId
from backend.core.web_url import web_url

SIDE_PIXELS_MAX = 8_192
_SHA256 = re.compile(r"[0-9a-f]{64}")


class CreativeKind(StrEnum):
    IMAGE = "image"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class CreativeTerms:
    """What the advertiser sends. Sizes are pixels; `asset_sha256` is 64 lowercase hex digits."""

    kind: CreativeKind
    width: int
    height: int
    asset_url: str
    asset_sha256: str
    click_url: str


@dataclass(frozen=True, slots=True)
class Creative:
    """A stored creative; `status` is pending, approved or rejected."""

    id: CreativeId
    line_item_id: LineItemId
    terms: CreativeTerms
    status: str
    created_at: datetime


def check(terms: CreativeTerms) -> None:
    """Raises Unprocessable `url_not_allowed` or `invalid_request`."""
    web_url(terms.asset_url, "asset_url")
    web_url(terms.click_url, "click_url")
    if not _SHA256.fullmatch(terms.asset_sha256):
        raise Unprocessable("invalid_request", "asset_sha256 must be 64 lowercase hex digits")
    if not (0 < terms.width <= SIDE_PIXELS_MAX and 0 < terms.height <= SIDE_PIXELS_MAX):
        raise Unprocessable("invalid_request", f"width and height must be 1 to {SIDE_PIXELS_MAX} pixels")
