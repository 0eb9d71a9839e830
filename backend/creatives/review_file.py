"""What moderators read about a creative."""

from dataclasses import dataclass
from datetime import datetime

from backend.core.ids import Address
from backend.creatives.creative import Creative
from backend.creatives.review import RejectionReason


@dataclass(frozen=True, slots=True)
class ReviewFile:
    """A creative, and whose it is."""

    creative: Creative
    owner: Address
    campaign_name: str
    category: str


@dataclass(frozen=True, slots=True)
class ReviewEntry:
    """One thing that happened to a creative; `moderator` is None for acts of the advertiser."""

    action: str
    moderator: Address | None
    reasons: tuple[RejectionReason, ...]
    note: str | None
    created_at: datetime
