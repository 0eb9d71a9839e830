"""What a bid request asks of us, impression by impression: on which placement, of which size, under whose rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from backend.core.exchange import Candidate
from backend.core.ruleset import Ruleset
from backend.openrtb.exchange import Exchange, Slot
from backend.openrtb.iab import (
    VAST_BY_PROTOCOL,
    MarkupType,
    NoBid,
    advertiser_domain,
    category_blocked,
    domain_listed,
    media_type,
    objects,
)
from backend.openrtb.native import Wanted, wanted_by
from backend.openrtb.prices import USD, floor_micro_usdc
from backend.openrtb.request import BidRequest, Imp
from backend.openrtb.schain import objection

TMAX_MS_MIN = 5
FIRST_PRICE = 1
LINEAR = 1
PROGRESSIVE = 2
GPP_OF_STATES = 6               # sections of the IAB's GPP from here on are the US states', which we do not decode


@dataclass(frozen=True, slots=True)
class Way:
    """One way to fill an impression: a placement, the markup, and its size (0: that of the creative)."""

    slot: Slot
    markup: MarkupType
    width: int = 0
    height: int = 0
    native: Wanted | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """For how much, and to whom: everybody, or those of one deal of ours."""

    floor_micro_usdc: int
    pays_bid: bool
    deal: int | None = None
    advertisers: tuple[str, ...] = field(default=())        # a deal may name the domains that it is for


def refusal(request: BidRequest, exchange: Exchange) -> NoBid | None:
    """Why the whole request is not answered with bids, if one of the specification's reasons fits."""
    if sum(one is not None for one in (request.site, request.app, request.dooh)) > 1:
        return NoBid.INVALID_REQUEST
    if request.tmax is not None and request.tmax < TMAX_MS_MIN:
        return NoBid.INSUFFICIENT_TIME
    return objection(request.chain(), exchange.domain, needed=exchange.needs_schain)


def not_for_us(request: BidRequest, exchange: Exchange) -> bool:
    """Whether nothing in the request is for us: other seats, other money, a test that nobody would pay for."""
    seat = exchange.seat
    return (
        (bool(request.wseat) and seat not in request.wseat) or seat in request.bseat
        or (bool(request.cur) and USD not in {code.upper() for code in request.cur}) or request.test == 1
    )


def terms_of(imp: Imp, request: BidRequest, exchange: Exchange) -> Iterator[Terms]:
    """The deals that are for us, as they come, then the open auction unless it is closed."""
    pmp = imp.pmp
    for deal in pmp.deals if pmp else ():
        number = deal_number(deal.id)
        if number is None or (deal.wseat and exchange.seat not in deal.wseat) or not _in_dollars(deal.bidfloorcur):
            continue
        at = deal.at if deal.at is not None else request.at
        yield Terms(floor_micro_usdc(deal.bidfloor), at != FIRST_PRICE, number, tuple(deal.wadomain))
    if not (pmp and pmp.private_auction == 1) and _in_dollars(imp.bidfloorcur):
        yield Terms(floor_micro_usdc(imp.bidfloor), request.at != FIRST_PRICE)



def deal_number(text: str) -> int | None:
    """Which of our deals it is: exchanges call them by our number. None: none of ours."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _in_dollars(currency: str | None) -> bool:
    return (currency or USD).upper() == USD


def ways(imp: Imp, exchange: Exchange, rules: Ruleset) -> list[Way]:
    """How the impression could be filled, in the order in which it names its formats; none: not by us."""
    if not worth_looking_at(imp, rules):
        return []
    found = [*_banners(imp, exchange), *_videos(imp, exchange), *_natives(imp, exchange)]
    return list(dict.fromkeys(found))


def worth_looking_at(imp: Imp, rules: Ruleset) -> bool:
    """Whether it counts once, and by its own geometry could be seen well enough: nothing else is ever charged."""
    if imp.qty and imp.qty.multiplier is not None and imp.qty.multiplier != 1:
        return False                            # one of our impressions is one person's
    shape = imp.ext.sightline3d if imp.ext else None
    if shape is None:
        return True
    return (
        (shape.visible_bp is None or shape.visible_bp >= rules.visible_bp_min)
        and (shape.screen_bp is None or shape.screen_bp >= rules.screen_bp_min)
        and (shape.angle_cdeg is None or shape.angle_cdeg < rules.angle_cdeg_below)
    )


def _banners(imp: Imp, exchange: Exchange) -> Iterator[Way]:
    banner = imp.banner
    if banner is None:
        return
    slots = exchange.slots_of("image", imp.tagid)
    sizes = [(size.w, size.h) for size in banner.format] + [(banner.w, banner.h)]
    sizes = [size for size in sizes if all(size)]
    for width, height in _positive(sizes):
        yield from (Way(slot, MarkupType.BANNER, width, height) for slot in slots if slot.has_shape(width, height))
    if not sizes:
        yield from (Way(slot, MarkupType.BANNER) for slot in slots)


def _videos(imp: Imp, exchange: Exchange) -> Iterator[Way]:
    video = imp.video
    if video is None or (video.linearity or LINEAR) != LINEAR or vast_version(imp) is None:
        return
    if video.delivery and PROGRESSIVE not in video.delivery:
        return
    slots = exchange.slots_of("video", imp.tagid)
    for slot in slots:
        if not (video.w and video.h and video.w > 0 and video.h > 0):
            yield Way(slot, MarkupType.VIDEO)
        elif slot.has_shape(video.w, video.h):
            yield Way(slot, MarkupType.VIDEO, video.w, video.h)


def _natives(imp: Imp, exchange: Exchange) -> Iterator[Way]:
    wanted = wanted_by(imp.native.request) if imp.native else None
    if wanted is None:
        return
    for slot in exchange.slots_of("image", imp.tagid):
        if wanted.takes(slot.width, slot.height):
            yield Way(slot, MarkupType.NATIVE, native=wanted)


def _positive(sizes: Iterable[tuple[int | None, int | None]]) -> Iterator[tuple[int, int]]:
    return ((width, height) for width, height in sizes if width and height and width > 0 and height > 0)


def vast_version(imp: Imp) -> str | None:
    """The newest version that the player reads; 4.2 when it does not say; None when it reads none of ours."""
    protocols = imp.video.protocols if imp.video else []
    known = [VAST_BY_PROTOCOL[protocol] for protocol in protocols if protocol in VAST_BY_PROTOCOL]
    return max(known, default=None) if protocols else "4.2"


def admits(
    request: BidRequest, imp: Imp, way: Way, terms: Terms, media: Mapping[int, str], *, secure_links: bool
) -> Callable[[Candidate], bool]:
    """The exchange's own rules for what is shown. `media`: types of assets whose addresses do not tell them."""
    blocked, allowed, taxonomy = request.bcat, request.acat, request.cattax
    checks: list[Callable[[Candidate], bool]] = [
        lambda one: not category_blocked(one.category, blocked, allowed, taxonomy),
        lambda one: not domain_listed(advertiser_domain(one.click_url), request.badv),
    ]
    if terms.advertisers:
        checks.append(lambda one: domain_listed(advertiser_domain(one.click_url), terms.advertisers))
    if imp.secure == 1:
        checks.append(lambda one: secure_links and one.asset_url.startswith("https://"))
    mimes, required = _mimes(imp, way)
    if mimes or required:
        checks.append(lambda one: (media.get(one.creative) or media_type(one.asset_url) or "") in mimes)
    if way.markup is MarkupType.VIDEO:
        checks.append(lambda one: _lasts(imp, one.duration_ms))
    return lambda one: all(check(one) for check in checks)


def _mimes(imp: Imp, way: Way) -> tuple[frozenset[str], bool]:
    """Media types that it takes, and whether an empty list means none."""
    if way.markup is MarkupType.VIDEO and imp.video:
        return frozenset(mime.lower() for mime in imp.video.mimes), True
    if way.markup is MarkupType.BANNER and imp.banner:
        return frozenset(mime.lower() for mime in imp.banner.mimes), False
    return (way.native.mimes if way.native else frozenset()), False


def _lasts(imp: Imp, duration_ms: int) -> bool:
    """Whether a video has a length that is allowed; exact ones within half of a second."""
    video = imp.video
    assert video is not None
    if duration_ms <= 0:
        return False
    if video.rqddurs:
        return any(abs(duration_ms - 1_000 * seconds) <= 500 for seconds in video.rqddurs)
    return (video.minduration or 0) * 1_000 <= duration_ms and (
        video.maxduration is None or duration_ms <= video.maxduration * 1_000
    )


def headset(imp: Imp) -> bool:
    """Whether the impression says that it is seen through a headset."""
    return bool(imp.ext and imp.ext.sightline3d and imp.ext.sightline3d.headset)


@dataclass(frozen=True, slots=True)
class Signals:
    """What the request says of privacy. `key`: by what a viewer could be counted, where that is allowed."""

    gpc: bool
    tcf: str | None
    key: str


def signals(request: BidRequest, exchange: Exchange) -> Signals:
    """Anything that reads like an objection, and everything about children, is one; then there is no key either."""
    device, user, regs = request.device, request.user, request.regs
    ext = regs.ext if regs else None
    objection = (
        (device is not None and 1 in (device.dnt, device.lmt))
        or (regs is not None and (regs.coppa == 1 or objects(regs.us_privacy)))
        or (regs is not None and any(section >= GPP_OF_STATES for section in regs.gpp_sid))
        or (ext is not None and (ext.gpc == 1 or objects(ext.us_privacy)))
    )
    tcf = (user.consent or (user.ext.consent if user.ext else None)) if user else None
    known = (user.id if user else None) or (device.ifa if device else None)
    key = f"{exchange.id}:{known}" if known and not objection else f"{exchange.id}:request:{request.id}"
    return Signals(objection or not known, tcf, key)
