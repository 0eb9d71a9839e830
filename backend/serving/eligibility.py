"""May this line item be shown on this placement now? A list of checks; the first that objects names the reason."""

from collections.abc import Callable
from dataclasses import dataclass

from backend.core.reasons import NoBidReason
from backend.serving.auction import Bid, floor_ecpm_nano_usdc, rate_of
from backend.serving.catalogue import MS_PER_DAY, Creative, LineItem, Placement, Spending, day_of
from backend.serving.pacing import allowed_micro_usdc, kept_back_micro_usdc

SHAPE_TOLERANCE_PERCENT = 2


@dataclass(frozen=True, slots=True)
class Offer:
    """A line item on one placement, with all that does not change until the next catalogue."""

    line_item: LineItem
    placement: Placement
    creatives: tuple[Creative, ...]
    bid: Bid


def offer(item: LineItem, placement: Placement, click_rate_ppm: int) -> Offer:
    """What the line item would show and pay on this placement, whether or not it may."""
    creatives = tuple(creative for creative in item.creatives if fits(creative, placement))
    bid = Bid(item.id, item.owner, item.bid_micro_usdc, rate_of(item.bid_kind, click_rate_ppm))
    return Offer(item, placement, creatives, bid)


def fits(creative: Creative, placement: Placement) -> bool:
    """Same kind, and the same shape within 2 %: a surface scales an asset, but must not distort it."""
    one, other = creative.width * placement.height, placement.width * creative.height
    return creative.kind == placement.kind and abs(one - other) * 100 <= SHAPE_TOLERANCE_PERCENT * other


Cap = tuple[int, int, int]
"""Micro-USDC, and from when to when they may be spent (ms)."""
StandingCheck = Callable[[Offer], NoBidReason | None]
MomentCheck = Callable[[LineItem, Spending, int], NoBidReason | None]


def campaign_inactive(one: Offer) -> NoBidReason | None:
    return None if one.line_item.campaign_active else NoBidReason.CAMPAIGN_INACTIVE


def line_item_paused(one: Offer) -> NoBidReason | None:
    return None if one.line_item.line_item_active else NoBidReason.LINE_ITEM_PAUSED


def own_campaign(one: Offer) -> NoBidReason | None:
    """Nobody may move an advertising budget to himself through his own world, or through his share of another's."""
    own = one.line_item.owner == one.placement.owner or one.line_item.owner in one.placement.paid
    return NoBidReason.OWN_CAMPAIGN if own else None


def targeting_world(one: Offer) -> NoBidReason | None:
    allowed = one.line_item.worlds.allows(one.placement.world)
    return None if allowed else NoBidReason.TARGETING_WORLD


def targeting_category(one: Offer) -> NoBidReason | None:
    allowed = one.line_item.categories.allows(one.placement.category)
    return None if allowed else NoBidReason.TARGETING_CATEGORY


def targeting_placement(one: Offer) -> NoBidReason | None:
    allowed = one.line_item.placements.allows(one.placement.id)
    return None if allowed else NoBidReason.TARGETING_PLACEMENT


def no_creative(one: Offer) -> NoBidReason | None:
    return None if one.creatives else NoBidReason.NO_CREATIVE


def below_floor(one: Offer) -> NoBidReason | None:
    reached = one.bid.ecpm_nano_usdc >= floor_ecpm_nano_usdc(one.placement.floor_micro_usdc)
    return None if reached else NoBidReason.BELOW_FLOOR


def funded(one: Offer) -> NoBidReason | None:
    return one.line_item.unfunded


def not_started(item: LineItem, _spending: Spending, now_ms: int) -> NoBidReason | None:
    return NoBidReason.NOT_STARTED if now_ms < item.starts_ms else None


def ended(item: LineItem, _spending: Spending, now_ms: int) -> NoBidReason | None:
    return NoBidReason.ENDED if now_ms >= item.ends_ms else None


def budget(_item: LineItem, spending: Spending, _now_ms: int) -> NoBidReason | None:
    return NoBidReason.BUDGET if spending.left_micro_usdc <= 0 else None


def total_cap(item: LineItem, spending: Spending, _now_ms: int) -> NoBidReason | None:
    cap = item.total_cap_micro_usdc
    return NoBidReason.TOTAL_CAP if cap is not None and spending.committed_total() >= cap else None


def daily_cap(item: LineItem, spending: Spending, now_ms: int) -> NoBidReason | None:
    cap = item.daily_cap_micro_usdc
    return NoBidReason.DAILY_CAP if cap is not None and spending.committed_on(day_of(now_ms)) >= cap else None


def pacing(item: LineItem, spending: Spending, now_ms: int) -> NoBidReason | None:
    """Even pacing releases caps over time; a line item without caps has nothing to pace."""
    if not item.even_pacing:
        return None
    committed = (spending.committed_total(), spending.committed_on(day_of(now_ms)))
    for cap, spent in zip(_caps(item, now_ms), committed, strict=True):
        if cap is not None and spent >= allowed_micro_usdc(*cap, now_ms, item.bid_micro_usdc):
            return NoBidReason.PACING
    return None


STANDING_CHECKS: tuple[StandingCheck, ...] = (
    campaign_inactive,
    line_item_paused,
    own_campaign,
    targeting_world,
    targeting_category,
    targeting_placement,
    no_creative,
    below_floor,
    funded,
)
"""The same while the catalogue has the same version, so they run once per placement and version."""

MOMENT_CHECKS: tuple[MomentCheck, ...] = (not_started, ended, budget, total_cap, daily_cap, pacing)
"""These depend on the moment of the ad request, and run from the highest bid down until the auction is decided."""


def refusal(one: Offer) -> NoBidReason | None:
    """The first standing objection, or None."""
    return next((reason for check in STANDING_CHECKS if (reason := check(one)) is not None), None)


def refusal_now(item: LineItem, spending: Spending, now_ms: int) -> NoBidReason | None:
    """The first objection of this moment, or None."""
    return next((reason for check in MOMENT_CHECKS if (reason := check(item, spending, now_ms)) is not None), None)


@dataclass(frozen=True, slots=True)
class KeptBack:
    """Micro-USDC that must stay in the cap's purse after a hold, by even pacing; None where there is no cap."""

    total: int | None
    day: int | None


def kept_back(item: LineItem, now_ms: int) -> KeptBack:
    """What the hold must leave untouched, so that pacing is exact however many processes decide at once."""
    total, day = (None if cap is None else _kept(item, cap, now_ms) for cap in _caps(item, now_ms))
    return KeptBack(total, day)


def _kept(item: LineItem, cap: Cap, now_ms: int) -> int:
    return kept_back_micro_usdc(*cap, now_ms, item.bid_micro_usdc) if item.even_pacing else 0


def _caps(item: LineItem, now_ms: int) -> tuple[Cap | None, Cap | None]:
    """The total cap over the flight, and the daily cap over its part of the day."""
    total, daily = item.total_cap_micro_usdc, item.daily_cap_micro_usdc
    day_ms = day_of(now_ms) * MS_PER_DAY
    return (
        None if total is None else (total, item.starts_ms, item.ends_ms),
        None if daily is None else (daily, max(day_ms, item.starts_ms), min(day_ms + MS_PER_DAY, item.ends_ms)),
    )
