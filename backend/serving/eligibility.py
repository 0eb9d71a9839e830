"""May this line item be shown on this placement now? A list of checks; the first that objects names the reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from backend.core.events import BidKind
from backend.core.reasons import NoBidReason
from backend.core.week import EVERY_HOUR, hour_of_week
from backend.pctr.rate import Rates
from backend.serving.auction import CONVERSIONS_PER_CLICK_PPM, QUALITY_NEUTRAL, Bid, rate_of
from backend.serving.catalogue import MS_PER_DAY, NOTHING_SPENT, Creative, LineItem, Placement, Spending, day_of
from backend.serving.pacing.curve import Span
from backend.serving.pacing.release import allowed_micro_usdc, kept_back_micro_usdc, lead_micro_usdc

SHAPE_TOLERANCE_PERCENT = 2
SHAPELESS = ("audio", "model")


@dataclass(frozen=True, slots=True)
class Offer:
    """A line item on one placement, with all that does not change until the next catalogue."""

    line_item: LineItem
    placement: Placement
    creatives: tuple[Creative, ...]
    bid: Bid


def offer_at(item: LineItem, placement: Placement, rates: Rates) -> Offer:
    """What the line item would show and pay on this placement, by what is known of it there."""
    return offer(
        item, placement, rates.ppm(item.id, placement.id), rates.conversion_ppm(item.id),
        rates.quality(item.id, placement.id),
    )


def offer(
    item: LineItem, placement: Placement, click_rate_ppm: int,
    conversions_per_click_ppm: int = CONVERSIONS_PER_CLICK_PPM, quality_permille: int = QUALITY_NEUTRAL,
) -> Offer:
    """What the line item would show and pay on this placement at these rates, whether or not it may."""
    blocked = placement.blocks.creatives
    creatives = tuple(one for one in item.creatives if one.id not in blocked and fits(one, placement))
    rate = rate_of(item.bid_kind, click_rate_ppm, conversions_per_click_ppm)
    bid = Bid(item.id, item.owner, item.bid_micro_usdc, rate, quality_permille, placement.deal_of(item.id))
    return Offer(item, placement, creatives, bid)


def fits(creative: Creative, placement: Placement) -> bool:
    """Same kind, and the same shape within 2 %: a surface scales an asset, but must not distort it.

    Sounds have no shape, and a model's is that of its box.
    """
    if creative.kind != placement.kind:
        return False
    one, other = creative.width * placement.height, placement.width * creative.height
    return creative.kind in SHAPELESS or abs(one - other) * 100 <= SHAPE_TOLERANCE_PERCENT * other


Cap = tuple[int, Span]
"""Micro-USDC, and from when to when they may be spent."""
StandingCheck = Callable[[Offer], NoBidReason | None]
MomentCheck = Callable[[LineItem, Spending, int], NoBidReason | None]


def campaign_inactive(one: Offer) -> NoBidReason | None:
    return None if one.line_item.campaign_active else NoBidReason.CAMPAIGN_INACTIVE


def line_item_paused(one: Offer) -> NoBidReason | None:
    return None if one.line_item.line_item_active else NoBidReason.LINE_ITEM_PAUSED


def own_campaign(one: Offer) -> NoBidReason | None:
    """Nobody may move an advertising budget to himself: through a world of his own, through his share of another's, or
    through that of an account to which he belongs.
    """
    return NoBidReason.OWN_CAMPAIGN if one.line_item.owner in one.placement.own else None


def targeting_world(one: Offer) -> NoBidReason | None:
    allowed = one.line_item.wanted.worlds.allows(one.placement.world)
    return None if allowed else NoBidReason.TARGETING_WORLD


def targeting_category(one: Offer) -> NoBidReason | None:
    allowed = one.line_item.wanted.categories.allows(one.placement.category)
    return None if allowed else NoBidReason.TARGETING_CATEGORY


def targeting_placement(one: Offer) -> NoBidReason | None:
    allowed = one.line_item.wanted.placements.allows(one.placement.id)
    return None if allowed else NoBidReason.TARGETING_PLACEMENT


def targeting_publisher(one: Offer) -> NoBidReason | None:
    allowed = one.line_item.wanted.publishers.allows(one.placement.publisher)
    return None if allowed else NoBidReason.TARGETING_PUBLISHER


def targeting_format(one: Offer) -> NoBidReason | None:
    allowed = one.line_item.wanted.formats.allows(one.placement.kind)
    return None if allowed else NoBidReason.TARGETING_FORMAT


def targeting_engine(one: Offer) -> NoBidReason | None:
    allowed = one.line_item.wanted.engines.allows(one.placement.engine)
    return None if allowed else NoBidReason.TARGETING_ENGINE


def targeting_size(one: Offer) -> NoBidReason | None:
    wanted, surface = one.line_item.wanted, one.placement
    allowed = (
        wanted.width.allows(surface.width) and wanted.height.allows(surface.height)
        and wanted.width_mm.allows(surface.width_mm) and wanted.height_mm.allows(surface.height_mm)
    )
    return None if allowed else NoBidReason.TARGETING_SIZE


def blocked_by_publisher(one: Offer) -> NoBidReason | None:
    """The publisher's lists, and a line item of which only blocked creatives would fit."""
    item, surface = one.line_item, one.placement
    blocks = surface.blocks
    if item.owner in blocks.advertisers or item.category in blocks.categories:
        return NoBidReason.BLOCKED_BY_PUBLISHER
    if surface.accepts and item.category not in surface.accepts:
        return NoBidReason.BLOCKED_BY_PUBLISHER
    all_blocked = not one.creatives and any(fits(creative, surface) for creative in item.creatives)
    return NoBidReason.BLOCKED_BY_PUBLISHER if all_blocked else None


def no_creative(one: Offer) -> NoBidReason | None:
    return None if one.creatives else NoBidReason.NO_CREATIVE


def deal_only(one: Offer) -> NoBidReason | None:
    """An hour of a sponsorship is agreed on as well, so it needs no deal."""
    open_here = not one.placement.deals_only or one.line_item.bid_kind is BidKind.SPONSORSHIP
    return None if open_here or one.bid.deal else NoBidReason.DEAL_ONLY


def below_floor(one: Offer) -> NoBidReason | None:
    if one.line_item.bid_kind is BidKind.SPONSORSHIP:
        return None                             # its hour was compared with the hourly floor when it was booked
    return None if one.bid.reaches(one.placement.floor_micro_usdc) else NoBidReason.BELOW_FLOOR


def funded(one: Offer) -> NoBidReason | None:
    """A sponsorship's hour may have taken the last of the budget: whether it can be paid is asked hour by hour."""
    item = one.line_item
    if item.bid_kind is BidKind.SPONSORSHIP and item.chain_campaign is not None:
        return None
    return item.unfunded


def external(one: Offer) -> NoBidReason | None:
    """The last standing check: `decision.open_book` knows that whoever fails here passed all the others."""
    return NoBidReason.EXTERNAL if one.line_item.external else None


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
    """Pacing releases caps over time; a line item without caps has nothing to pace."""
    if not item.even_pacing:
        return None
    for cap, spent in zip(caps(item, now_ms), likely(item, spending, day_of(now_ms)), strict=True):
        if cap is not None and spent >= allowed_micro_usdc(*cap, now_ms, lead_micro_usdc(cap[0], item.bid_micro_usdc)):
            return NoBidReason.PACING
    return None


def likely(item: LineItem, spending: Spending, day: int) -> tuple[int, int]:
    """What pacing takes for spent, in all and on a day: holds are, where most of them are charged. A click is rare.

    Caps themselves count every hold, whatever becomes of it.
    """
    if item.bid_kind is BidKind.VCPM:
        return spending.committed_total(), spending.committed_on(day)
    return spending.spent_total_micro_usdc, spending.spent_by_day_micro_usdc.get(day, 0)


STANDING_CHECKS: tuple[StandingCheck, ...] = (
    campaign_inactive,
    line_item_paused,
    own_campaign,
    targeting_world,
    targeting_category,
    targeting_placement,
    targeting_publisher,
    targeting_format,
    targeting_engine,
    targeting_size,
    blocked_by_publisher,
    no_creative,
    deal_only,
    below_floor,
    funded,
    external,
)
"""The same while the catalogue has the same version, so they run once per placement and version."""

MOMENT_CHECKS: tuple[MomentCheck, ...] = (not_started, ended, budget, total_cap, daily_cap, pacing)
"""These depend on the moment of the ad request, and run from the highest bid down until the auction is decided."""


SPONSOR_CHECKS: tuple[MomentCheck, ...] = (not_started, ended)
"""A sponsorship has no caps; its budget is held hour by hour."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """What an ad request says about who looks; None: it does not. `seen_enough`: line items that a cap keeps from him.

    `countable`: whether views of this viewer may be counted.
    """

    country: str | None = None
    language: str | None = None
    device: str | None = None
    countable: bool = False
    seen_enough: Mapping[int, NoBidReason] = field(default_factory=dict)


NOBODY_KNOWN = Viewer()

RequestCheck = Callable[[LineItem, Viewer, int], NoBidReason | None]


def targeting_country(item: LineItem, viewer: Viewer, _now_ms: int) -> NoBidReason | None:
    return None if item.wanted.countries.allows(viewer.country) else NoBidReason.TARGETING_COUNTRY


def targeting_language(item: LineItem, viewer: Viewer, _now_ms: int) -> NoBidReason | None:
    return None if item.wanted.languages.allows(viewer.language) else NoBidReason.TARGETING_LANGUAGE


def targeting_device(item: LineItem, viewer: Viewer, _now_ms: int) -> NoBidReason | None:
    return None if item.wanted.devices.allows(viewer.device) else NoBidReason.TARGETING_DEVICE


def day_parts(item: LineItem, _viewer: Viewer, now_ms: int) -> NoBidReason | None:
    if item.hours == EVERY_HOUR:
        return None
    return None if item.hours >> hour_of_week(now_ms, item.time_zone) & 1 else NoBidReason.DAY_PARTS


def frequency(item: LineItem, viewer: Viewer, _now_ms: int) -> NoBidReason | None:
    """A cap that cannot be kept is a reason not to show the ad at all, never a reason to forget the cap."""
    if item.frequency is None:
        return None
    if not viewer.countable:
        return NoBidReason.NO_CONSENT
    return viewer.seen_enough.get(item.id)


REQUEST_CHECKS: tuple[RequestCheck, ...] = (
    targeting_country, targeting_language, targeting_device, day_parts, frequency
)
"""These differ from one ad request to the next, and are only asked of line items that are `narrow`."""


def refusal(one: Offer) -> NoBidReason | None:
    """The first standing objection, or None."""
    return next((reason for check in STANDING_CHECKS if (reason := check(one)) is not None), None)


def refusal_now(item: LineItem, spending: Spending, now_ms: int) -> NoBidReason | None:
    """The first objection of this moment, or None."""
    return next((reason for check in MOMENT_CHECKS if (reason := check(item, spending, now_ms)) is not None), None)


def refusal_of_caps(item: LineItem, spending: Spending, now_ms: int) -> NoBidReason | None:
    """The first of the objections of this moment that a line item's own caps make, or None."""
    checks = (total_cap, daily_cap, pacing)
    return next((reason for check in checks if (reason := check(item, spending, now_ms)) is not None), None)


def refusal_of_viewer(item: LineItem, viewer: Viewer, now_ms: int) -> NoBidReason | None:
    """The first objection to this ad request, or None."""
    if not item.narrow:
        return None
    return next((reason for check in REQUEST_CHECKS if (reason := check(item, viewer, now_ms)) is not None), None)


def refusal_of_sponsor(item: LineItem, now_ms: int) -> NoBidReason | None:
    """Why a sponsorship does not run at this moment, or None."""
    checks = SPONSOR_CHECKS
    return next((reason for check in checks if (reason := check(item, NOTHING_SPENT, now_ms)) is not None), None)


@dataclass(frozen=True, slots=True)
class KeptBack:
    """Micro-USDC that must stay in the cap's purse after a hold, by even pacing; None where there is no cap."""

    total: int | None
    day: int | None


def kept_back(item: LineItem, now_ms: int, spending: Spending = NOTHING_SPENT) -> KeptBack:
    """What the hold must leave untouched, so that pacing is exact however many processes decide at once.

    Where holds are hardly ever charged, those that `spending` knows of do not slow it down.
    """
    day = day_of(now_ms)
    unlikely = (0, 0) if item.bid_kind is BidKind.VCPM else (
        spending.held_total_micro_usdc, spending.held_by_day_micro_usdc.get(day, 0)
    )
    of_total, of_day = caps(item, now_ms)
    return KeptBack(_kept(item, of_total, now_ms, unlikely[0]), _kept(item, of_day, now_ms, unlikely[1]))


def _kept(item: LineItem, cap: Cap | None, now_ms: int, unlikely_micro_usdc: int) -> int | None:
    if cap is None or not item.even_pacing:
        return None if cap is None else 0
    lead = lead_micro_usdc(cap[0], item.bid_micro_usdc)
    return max(0, kept_back_micro_usdc(*cap, now_ms, lead) - unlikely_micro_usdc)


Caps = tuple[Cap | None, Cap | None]
_caps: dict[int, tuple[LineItem, int, Caps]] = {}
_CAPS_MAX = 131_072


def caps(item: LineItem, now_ms: int) -> Caps:
    """The total cap over the flight, and the daily cap over its part of the day; made once for an item and a day."""
    day = day_of(now_ms)
    found = _caps.get(item.id)
    if found is None or found[0] is not item or found[1] != day:
        if len(_caps) >= _CAPS_MAX:
            _caps.clear()
        found = _caps[item.id] = (item, day, _made_caps(item, day * MS_PER_DAY))
    return found[2]


def _made_caps(item: LineItem, day_ms: int) -> Caps:
    total, daily = item.total_cap_micro_usdc, item.daily_cap_micro_usdc
    return (
        None if total is None else (total, _span(item, item.starts_ms, item.ends_ms)),
        None if daily is None else (
            daily, _span(item, max(day_ms, item.starts_ms), min(day_ms + MS_PER_DAY, item.ends_ms))
        ),
    )


def _span(item: LineItem, start_ms: int, end_ms: int) -> Span:
    return Span(start_ms, end_ms, item.front_loaded, item.week, item.hours, item.time_zone)
