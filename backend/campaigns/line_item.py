"""A line item: one buying order of a campaign, and the rules it must meet."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from backend.campaigns.targeting import Targeting
from backend.core.errors import Unprocessable
from backend.core.events import BidKind
from backend.core.ids import CampaignId, LineItemId
from backend.core.price import per_event_micro_usdc

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)


class Pacing(StrEnum):
    """asap: as fast as auctions are won; even: over the rest of the day or flight."""

    ASAP = "asap"
    EVEN = "even"


class LineItemStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class LineItemTerms:
    """All that the advertiser decides. `bid_micro_usdc` is the most one event of `bid_kind` may cost; caps are
    micro-USDC, None for none; a day is a UTC day."""

    name: str
    bid_kind: BidKind
    bid_micro_usdc: int
    daily_cap_micro_usdc: int | None
    total_cap_micro_usdc: int | None
    pacing: Pacing
    starts_at: datetime
    ends_at: datetime
    targeting: Targeting
    status: LineItemStatus = LineItemStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class LineItem:
    """A stored line item with what it was charged so far, micro-USDC."""

    id: LineItemId
    campaign_id: CampaignId
    terms: LineItemTerms
    spent_micro_usdc: int
    created_at: datetime


def bid_per_event(bid_kind: BidKind, per_event: int | None, per_mille: int | None) -> int:
    """The bid in micro-USDC per event, given either way.

    Raises Unprocessable `bid_missing` (none or both given), `bid_kind_mismatch` (clicks are not sold by the thousand)
    or `bid_not_whole`.
    """
    if (per_event is None) == (per_mille is None):
        raise Unprocessable("bid_missing", "give either bid_micro_usdc or bid_vcpm_micro_usdc")
    if per_event is not None:
        return per_event
    if bid_kind is not BidKind.VCPM:
        raise Unprocessable("bid_kind_mismatch", "bid_vcpm_micro_usdc is for bid_kind vcpm; use bid_micro_usdc")
    assert per_mille is not None
    each = per_event_micro_usdc(per_mille)
    if each is None:
        raise Unprocessable("bid_not_whole", "bid_vcpm_micro_usdc must be a multiple of 1000 (0.001 USDC per thousand)")
    return each


def check(terms: LineItemTerms) -> None:
    """Raises Unprocessable unless caps allow one event and the dates make sense; targeting is checked as well."""
    for field, cap in (
        ("daily_cap_micro_usdc", terms.daily_cap_micro_usdc), ("total_cap_micro_usdc", terms.total_cap_micro_usdc),
    ):
        if cap is not None and cap < terms.bid_micro_usdc:
            raise Unprocessable("cap_below_bid", f"{field} is below the bid, so nothing could ever be bought")
    if not EARLIEST <= terms.starts_at < terms.ends_at <= LATEST:
        raise Unprocessable("dates_out_of_range", "ends_at must be after starts_at, both between 2020 and 2100")
    terms.targeting.check()


def check_not_over(terms: LineItemTerms, now: datetime) -> None:
    """Raises Unprocessable `line_item_over` when `ends_at` has passed."""
    if terms.ends_at <= now:
        raise Unprocessable("line_item_over", "ends_at is in the past")
