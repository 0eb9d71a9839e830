"""An asset as an account knows it, and how much of them it may keep."""

from dataclasses import dataclass
from datetime import datetime

from backend.core.errors import Conflict
from backend.creatives.media.facts import MediaFacts

ACCOUNT_BYTES_MAX = 2 * 1024**3
ACCOUNT_ASSETS_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Asset:
    """A stored upload. `sha256` names the bytes that are served, which for images are not those that were sent."""

    id: int
    sha256: str
    facts: MediaFacts
    bytes: int
    created_at: datetime


def check_quota(kept_bytes: int, kept_assets: int, more_bytes: int) -> None:
    """Raises Conflict `asset_quota` when the account would keep too much."""
    if kept_bytes + more_bytes > ACCOUNT_BYTES_MAX or kept_assets >= ACCOUNT_ASSETS_MAX:
        raise Conflict("asset_quota", f"an account keeps at most {ACCOUNT_ASSETS_MAX} assets of together 2 GiB")
