"""What a bid request asks of us, impression by impression: on which placement, of which size, under whose rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from backend.core.exchange import Candidate
from backend.core.ruleset import Ruleset
from backend.openrtb.exchange import Exchange, Slot
from backend.openrtb.iab import (
    VAST_BY_PROTOCOL,
    MarkupType,
    NoBid,
    advertised_app,
    advertiser_domain,
    category_blocked,
    domain_listed,
    domains,
    identifier,
    listed,
    media_type,
    media_types,
    objects,
)
from backend.openrtb.native import Wanted, wanted_by
from backend.openrtb.prices import CPM_MAX, USD, floor_micro_usdc
from backend.openrtb.request import Banner, BidRequest, Channel, Deal, Device, DurFloor, Imp, Video
from backend.openrtb.schain import objection

TMAX_MS_MIN = 5
AGENT_MAX, ADDRESS_MAX = 1_024, 64      # characters that are looked at, and remembered by the lists for a while
FIRST_PRICE = 1
LINEAR = 1
PROGRESSIVE = 2
HTML = "text/html"
XHTML_BANNER = 2                # `btype` of ours: a picture in a link
SECONDS_MAX = 600               # of a video whose length the request leaves open
SECONDS_STEP, MINUTE_SECONDS = 5, 60
GPP_OF_STATES = 6               # sections of the IAB's GPP from here on are the US states', which we do not decode
NOWHERE = Channel()             # {}: an object that says nothing


@dataclass(frozen=True, slots=True)
class Way:
    """One way to fill an impression: a placement, the markup, and its size (0: that of the creative).

    `ratio` is the shape that was asked for instead of a size.
    """

    slot: Slot
    markup: MarkupType
    width: int = 0
    height: int = 0
    native: Wanted | None = None
    ratio: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Lengths:
    """What a video costs at least by its length: a floor for some lengths, and so much for each second."""

    floors: tuple[DurFloor, ...]
    per_second: Decimal | None

    def floor_micro_usdc(self, duration_ms: int) -> int:
        """The dearest of all that are for this length."""
        found = [floor_micro_usdc(one.bidfloor) for one in self.floors if _covers(one, duration_ms)]
        if self.per_second is not None:
            found.append(_of_seconds(self.per_second, duration_ms))
        return max(found, default=0)

    def steps(self, seconds_max: int) -> Iterator[int]:
        """The floors that there are, in micro-USDC; of those per second, each five seconds' of a minute, and the last.
        """
        yield from (floor_micro_usdc(one.bidfloor) for one in self.floors)
        if self.per_second is not None:
            for seconds in (*range(SECONDS_STEP, min(seconds_max, MINUTE_SECONDS), SECONDS_STEP), seconds_max):
                yield _of_seconds(self.per_second, seconds * 1_000)


def _covers(one: DurFloor, duration_ms: int) -> bool:
    return (one.mindur or 0) * 1_000 <= duration_ms and (one.maxdur is None or duration_ms <= one.maxdur * 1_000)


def _of_seconds(per_second: Decimal, duration_ms: int) -> int:
    if per_second.is_finite() and per_second <= CPM_MAX:
        return floor_micro_usdc(per_second * duration_ms / 1_000)
    return floor_micro_usdc(per_second)


@dataclass(frozen=True, slots=True)
class Terms:
    """For how much, and to whom: everybody, or those of one deal of ours. `lengths` are floors of videos by length."""

    floor_micro_usdc: int
    pays_bid: bool
    deal: int | None = None
    advertisers: frozenset[str] = field(default=frozenset())    # a deal may name the domains that it is for
    lengths: Lengths | None = None


class Known(Protocol):
    """Who is known for traffic that no person makes: the published lists of backend/traffic/lists.py."""

    def data_centre(self, ip: str, publisher: int | None = None) -> bool: ...
    def crawler(self, user_agent: str) -> bool: ...


def refusal(request: BidRequest, exchange: Exchange, known: Known | None = None) -> NoBid | None:
    """Why the whole request is not answered with bids, if one of the specification's reasons fits."""
    if sum(one not in (None, NOWHERE) for one in (request.site, request.app, request.dooh)) > 1:
        return NoBid.INVALID_REQUEST
    if request.tmax and request.tmax < TMAX_MS_MIN:          # 0 is what many send for "not given"
        return NoBid.INSUFFICIENT_TIME
    return _not_a_person(request.device, exchange, known) or objection(
        request.chain(), exchange.domain, needed=exchange.needs_schain
    )


def _not_a_person(device: Device | None, exchange: Exchange, known: Known | None) -> NoBid | None:
    """What the implementation notes (§7.1) want bidders to refuse: nobody sees what a program asks for (L86)."""
    if device is None or known is None:
        return None
    if device.ua and known.crawler(device.ua[:AGENT_MAX]):
        return NoBid.KNOWN_CRAWLER
    addresses = [ip for ip in (device.ip, device.ipv6) if ip and len(ip) <= ADDRESS_MAX]
    return NoBid.DATA_CENTRE if any(known.data_centre(ip, exchange.publisher) for ip in addresses) else None


def not_for_us(request: BidRequest, exchange: Exchange) -> bool:
    """Whether nothing in the request is for us: other seats, other money, a test that nobody would pay for, or only
    creatives in certain languages, since nobody tells us that of a picture.
    """
    seat = exchange.seat
    return (
        (bool(request.wseat) and seat not in request.wseat) or seat in request.bseat
        or (bool(request.cur) and USD not in {code.upper() for code in request.cur}) or request.test == 1
        or bool(request.wlang or request.wlangb)
    )


def terms_of(imp: Imp, request: BidRequest, exchange: Exchange) -> Iterator[Terms]:
    """The deals that are for us, as they come, then the open auction unless it is closed."""
    pmp = imp.pmp
    for deal in pmp.deals if pmp else ():
        number = deal_number(deal.id)
        if number is None or (deal.wseat and exchange.seat not in deal.wseat) or not _in_dollars(deal.bidfloorcur):
            continue
        at = deal.at or request.at
        terms = Terms(floor_micro_usdc(deal.bidfloor), at != FIRST_PRICE, number, domains(deal.wadomain))
        yield from _by_length(terms, imp, _lengths(deal) or _lengths(imp.video))
    if not (pmp and pmp.private_auction == 1) and _in_dollars(imp.bidfloorcur):
        terms = Terms(floor_micro_usdc(imp.bidfloor), request.at != FIRST_PRICE)
        yield from _by_length(terms, imp, _lengths(imp.video))


def _lengths(of: Deal | Video | None) -> Lengths | None:
    if of is None or not (of.durfloors or of.mincpmpersec is not None):
        return None
    return Lengths(tuple(of.durfloors), of.mincpmpersec)


def _by_length(terms: Terms, imp: Imp, lengths: Lengths | None) -> Iterator[Terms]:
    """The terms at each of their floors, from the lowest: a video may be bid at those that its length allows."""
    yield replace(terms, lengths=lengths)
    if lengths is not None and imp.video is not None:
        steps = set(lengths.steps(imp.video.maxduration or SECONDS_MAX))
        for floor in sorted(step for step in steps if step > terms.floor_micro_usdc):
            yield replace(terms, floor_micro_usdc=floor, lengths=lengths)


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
    many = imp.qty.multiplier if imp.qty else None
    if many is not None and not (many.is_finite() and many == 1):
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
    if banner is None or XHTML_BANNER in banner.btype:
        return
    slots = exchange.slots_of("image", imp.tagid)
    for width, height in _positive([*((size.w, size.h) for size in banner.format), (banner.w, banner.h)]):
        yield from (Way(slot, MarkupType.BANNER, width, height) for slot in slots if slot.has_shape(width, height))
    for ratio in _positive((size.wratio, size.hratio) for size in banner.format):
        yield from (Way(slot, MarkupType.BANNER, ratio=ratio) for slot in slots if slot.has_shape(*ratio))
    if not _sized(banner):
        yield from (Way(slot, MarkupType.BANNER) for slot in slots)


def _sized(banner: Banner) -> bool:
    """Whether it says anything of its size: half of a size fits nothing, none at all fits everything."""
    named = [side for size in banner.format for side in (size.w, size.h, size.wratio, size.hratio)]
    return any([*named, banner.w, banner.h])


def _videos(imp: Imp, exchange: Exchange) -> Iterator[Way]:
    video = imp.video
    if video is None or (video.linearity or LINEAR) != LINEAR or vast_version(imp) is None:
        return
    if video.delivery and PROGRESSIVE not in video.delivery:
        return
    slots = exchange.slots_of("video", imp.tagid)
    if not (video.w and video.h and video.w > 0 and video.h > 0):
        yield from (Way(slot, MarkupType.VIDEO) for slot in slots)
        return
    yield from (Way(slot, MarkupType.VIDEO, video.w, video.h) for slot in slots if slot.has_shape(video.w, video.h))
    if video.boxingallowed != 0:                # players fit a film in, whose own size is then the bid's
        yield from (
            Way(slot, MarkupType.VIDEO) for slot in slots
            if not slot.has_shape(video.w, video.h) and slot.fits_boxed(video.w, video.h)
        )


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


@dataclass(frozen=True, slots=True)
class Blocks:
    """What a request blocks or allows, prepared once: lists of exchanges have thousands of entries."""

    categories: frozenset[str]
    only_categories: frozenset[str]
    taxonomy: int | None
    advertisers: frozenset[str]
    apps: frozenset[str]

    @classmethod
    def of(cls, request: BidRequest) -> "Blocks":
        return cls(
            listed(request.bcat), listed(request.acat), request.cattax, domains(request.badv), listed(request.bapp)
        )

    def admit(self, one: Candidate) -> bool:
        """Whether nothing of it is blocked."""
        return not (
            category_blocked(one.category, self.categories, self.only_categories, self.taxonomy)
            or domain_listed(advertiser_domain(one.click_url), self.advertisers)
            or (advertised_app(one.click_url) or "").lower() in self.apps
        )


def admits(
    blocks: Blocks, imp: Imp, way: Way, terms: Terms, media: Mapping[int, str], *, secure_links: bool
) -> Callable[[Candidate], bool]:
    """The exchange's own rules for what is shown. `media`: types of assets whose addresses do not tell them."""
    lengths = terms.lengths
    checks: list[Callable[[Candidate], bool]] = [blocks.admit]
    if terms.advertisers:
        checks.append(lambda one: domain_listed(advertiser_domain(one.click_url), terms.advertisers))
    if imp.secure == 1:
        checks.append(lambda one: secure_links and one.asset_url.startswith("https://"))
    mimes, required = _mimes(imp, way)
    if mimes or required:
        checks.append(lambda one: (media.get(one.creative) or media_type(one.asset_url) or "") in mimes)
    if way.markup is MarkupType.VIDEO:
        checks.append(lambda one: _lasts(imp, one.duration_ms))
    if way.markup is MarkupType.VIDEO and lengths is not None:
        checks.append(lambda one: lengths.floor_micro_usdc(one.duration_ms) <= terms.floor_micro_usdc)
    return lambda one: all(check(one) for check in checks)


def _mimes(imp: Imp, way: Way) -> tuple[frozenset[str], bool]:
    """Media types that it takes, and whether an empty list means none. HTML without any type of picture takes all."""
    if way.markup is MarkupType.VIDEO and imp.video:
        return media_types(imp.video.mimes), True
    if way.markup is MarkupType.BANNER and imp.banner:
        types = media_types(imp.banner.mimes)
        pictures = frozenset(one for one in types if one.startswith("image/"))
        return pictures, bool(types) and HTML not in types
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
        or (regs is not None and _of_a_state(regs.gpp_sid))
        or (ext is not None and (ext.gpc == 1 or objects(ext.us_privacy) or _of_a_state(ext.gpp_sid)))
    )
    tcf = (user.consent or (user.ext.consent if user.ext else None)) if user else None
    known = identifier(user.id if user else None) or identifier(device.ifa if device else None)
    key = f"{exchange.id}:{known}" if known and not objection else f"{exchange.id}:request:{request.id}"
    return Signals(objection or not known, tcf, key)


def _of_a_state(sections: Sequence[int]) -> bool:
    return any(section >= GPP_OF_STATES for section in sections)
