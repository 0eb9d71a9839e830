"""A line item: one buying order of a campaign, and the rules it must meet."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from backend.campaigns.targeting import Targeting
from backend.core.errors import Unprocessable
from backend.core.events import BidKind
from backend.core.ids import CampaignId, LineItemId
from backend.core.price import per_event_micro_usdc
from backend.core.week import is_time_zone, mask_of

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
SPONSORED_DAYS_MAX = 92         # of one sponsorship, so that nobody takes a surface away for years
FREQUENCY_HOURS_MAX = 24        # a viewer is known for one UTC day at most
FREQUENCY_IMPRESSIONS_MAX = 100
RECENCY_MINUTES_MAX = 24 * 60


class Pacing(StrEnum):
    """asap: as fast as auctions are won; even: as traffic comes; front_loaded: half as fast again at first."""

    ASAP = "asap"
    EVEN = "even"
    FRONT_LOADED = "front_loaded"


class LineItemStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class DayParts:
    """When a line item runs: 42 hex digits with bit h for hour h of the week (0: Monday 00:00), and whose clocks."""

    hours: str
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class FrequencyCap:
    """At most `impressions` ads to one viewer within any `hours` hours of a UTC day."""

    impressions: int
    hours: int


@dataclass(frozen=True, slots=True)
class LineItemTerms:
    """All that the advertiser decides. `bid_micro_usdc` is the most one event of `bid_kind` may cost, for a sponsorship
    the price of an hour; caps are micro-USDC, None for none; a day is a UTC day. `recency_minutes`: at least so many
    between two ads to one viewer of a day."""

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
    day_parts: DayParts | None = None
    frequency_cap: FrequencyCap | None = None
    recency_minutes: int | None = None

    @property
    def sponsored_placement(self) -> int | None:
        """The placement that a sponsorship takes."""
        return self.targeting.placements[0] if self.bid_kind is BidKind.SPONSORSHIP else None


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

    Raises Unprocessable `bid_missing` (none or both given), `bid_kind_mismatch` (only impressions are sold by the
    thousand) or `bid_not_whole`.
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
    """Raises Unprocessable unless caps allow one event, dates and hours make sense, and targeting does."""
    for field, cap in (
        ("daily_cap_micro_usdc", terms.daily_cap_micro_usdc), ("total_cap_micro_usdc", terms.total_cap_micro_usdc),
    ):
        if cap is not None and cap < terms.bid_micro_usdc:
            raise Unprocessable("cap_below_bid", f"{field} is below the bid, so nothing could ever be bought")
    if not EARLIEST <= terms.starts_at < terms.ends_at <= LATEST:
        raise Unprocessable("dates_out_of_range", "ends_at must be after starts_at, both between 2020 and 2100")
    terms.targeting.check()
    _check_day_parts(terms.day_parts)
    _check_frequency(terms.frequency_cap)
    if terms.recency_minutes is not None and not 1 <= terms.recency_minutes <= RECENCY_MINUTES_MAX:
        raise Unprocessable("invalid_request", f"recency_minutes is 1 to {RECENCY_MINUTES_MAX}")
    if terms.bid_kind is BidKind.SPONSORSHIP:
        _check_sponsorship(terms)


def _check_day_parts(day_parts: DayParts | None) -> None:
    if day_parts is None:
        return
    try:
        hours = mask_of(day_parts.hours)
    except ValueError as error:
        raise Unprocessable("invalid_request", f"day_parts.hours: {error}") from error
    if hours == 0:
        raise Unprocessable("hours_empty", "day_parts.hours leaves no hour of the week")
    if not is_time_zone(day_parts.time_zone):
        raise Unprocessable("time_zone_unknown", f"{day_parts.time_zone!r} is no time zone of the IANA database")


def _check_frequency(cap: FrequencyCap | None) -> None:
    if cap is None:
        return
    if not (1 <= cap.impressions <= FREQUENCY_IMPRESSIONS_MAX and 1 <= cap.hours <= FREQUENCY_HOURS_MAX):
        raise Unprocessable(
            "invalid_request", f"a frequency cap is 1 to {FREQUENCY_IMPRESSIONS_MAX} impressions in 1 to 24 hours"
        )


def _check_sponsorship(terms: LineItemTerms) -> None:
    """Whole hours of one placement and nothing that would take some of its impressions away again."""
    if len(terms.targeting.placements) != 1:
        raise Unprocessable("sponsorship_placement", "targeting.placements must name exactly one placement")
    if replace(terms.targeting, placements=()) != Targeting():
        raise Unprocessable("sponsorship_exclusive", "a sponsorship takes its placement whole: no other targeting")
    limits = (
        terms.daily_cap_micro_usdc, terms.total_cap_micro_usdc, terms.day_parts, terms.frequency_cap,
        terms.recency_minutes,
    )
    if any(limit is not None for limit in limits):
        raise Unprocessable("sponsorship_exclusive", "a sponsorship has no caps and no hours of the week, only dates")
    if any(when != on_the_hour(when) for when in (terms.starts_at, terms.ends_at)):
        raise Unprocessable("sponsorship_hours", "a sponsorship starts and ends on a whole hour (UTC)")
    if terms.ends_at - terms.starts_at > timedelta(days=SPONSORED_DAYS_MAX):
        raise Unprocessable("sponsorship_hours", f"a sponsorship lasts at most {SPONSORED_DAYS_MAX} days")


def on_the_hour(when: datetime) -> datetime:
    """The UTC hour that `when` is in."""
    return when.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hours_left(starts_at: datetime, ends_at: datetime, now: datetime) -> int:
    """Whole hours of a sponsorship that have not begun yet, and the one that is running."""
    return max(0, (ends_at - max(starts_at, on_the_hour(now))) // timedelta(hours=1))


def check_hourly_floor(terms: LineItemTerms, floor_micro_usdc: int | None) -> None:
    """Raises Unprocessable `not_sold_by_the_hour` (no floor: the publisher wants none) or `below_hourly_floor`."""
    if floor_micro_usdc is None:
        raise Unprocessable("not_sold_by_the_hour", "the publisher of this placement sells no hours of it")
    if terms.bid_micro_usdc < floor_micro_usdc:
        raise Unprocessable(
            "below_hourly_floor", f"an hour of this placement costs at least {floor_micro_usdc} micro-USDC"
        )


def check_fixed(before: LineItemTerms, after: LineItemTerms, now: datetime) -> None:
    """Raises Unprocessable `sponsorship_running`: hours that have begun keep their price and their placement."""
    if before.bid_kind is not BidKind.SPONSORSHIP or now < before.starts_at:
        return
    if (before.bid_micro_usdc, before.targeting) != (after.bid_micro_usdc, after.targeting):
        raise Unprocessable("sponsorship_running", "a sponsorship that has begun keeps its price and its placement")
    if after.ends_at < min(before.ends_at, on_the_hour(now) + timedelta(hours=1)):
        raise Unprocessable("sponsorship_running", "hours that have begun cannot be taken back")


def check_not_over(terms: LineItemTerms, now: datetime) -> None:
    """Raises Unprocessable `line_item_over` when `ends_at` has passed."""
    if terms.ends_at <= now:
        raise Unprocessable("line_item_over", "ends_at is in the past")
