"""The parts of an OpenRTB 2.6 bid request that we read. Everything else, and every `ext` we do not know, is ignored.

Names are those of the specification (§3.2). Prices are US dollars per thousand impressions.
"""

from decimal import Decimal

import msgspec


class Format(msgspec.Struct):
    """An allowed size of a banner, in pixels that do not depend on the device, or its shape alone (a "flex ad")."""

    w: int | None = None
    h: int | None = None
    wratio: int | None = None
    hratio: int | None = None


class Banner(msgspec.Struct):
    format: list[Format] = []
    w: int | None = None
    h: int | None = None
    btype: list[int] = []
    battr: list[int] = []
    mimes: list[str] = []


class DurFloor(msgspec.Struct):
    """A floor for videos of some lengths, in seconds; both ends belong to it, and may be open."""

    mindur: int | None = None
    maxdur: int | None = None
    bidfloor: Decimal | None = None


class Video(msgspec.Struct):
    """Durations are seconds. `protocols` are numbers of AdCOM's list of audio and video subtypes."""

    mimes: list[str] = []
    minduration: int | None = None
    maxduration: int | None = None
    rqddurs: list[int] = []
    protocols: list[int] = []
    w: int | None = None
    h: int | None = None
    plcmt: int | None = None
    linearity: int | None = None
    boxingallowed: int | None = None
    delivery: list[int] = []
    battr: list[int] = []
    mincpmpersec: Decimal | None = None
    durfloors: list[DurFloor] = []


class Native(msgspec.Struct):
    """`request` is the text of a native request of its own (Native Ads 1.2)."""

    request: str = ""
    ver: str | None = None
    battr: list[int] = []


class Deal(msgspec.Struct):
    id: str
    bidfloor: Decimal | None = None
    bidfloorcur: str | None = None
    at: int | None = None
    wseat: list[str] = []
    wadomain: list[str] = []
    mincpmpersec: Decimal | None = None
    durfloors: list[DurFloor] = []


class Pmp(msgspec.Struct):
    private_auction: int | None = None
    deals: list[Deal] = []


class Qty(msgspec.Struct):
    multiplier: Decimal | None = None


class Geometry(msgspec.Struct):
    """`imp.ext.sightline3d`: where and how large the surface is in its world (docs/openrtb.md)."""

    v: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    position_mm: list[int] = []
    normal: list[Decimal] = []
    curvature: Decimal | None = None
    visible_bp: int | None = None
    screen_bp: int | None = None
    angle_cdeg: int | None = None
    dwell_ms: int | None = None
    headset: bool | None = None
    engine: str | None = None


class ImpExt(msgspec.Struct):
    sightline3d: Geometry | None = None


class Imp(msgspec.Struct):
    id: str
    banner: Banner | None = None
    video: Video | None = None
    native: Native | None = None
    pmp: Pmp | None = None
    tagid: str | None = None
    bidfloor: Decimal | None = None
    bidfloorcur: str | None = None
    secure: int | None = None
    exp: int | None = None
    qty: Qty | None = None
    ext: ImpExt | None = None


class Seller(msgspec.Struct):
    """The publisher of a site, an app or a screen."""

    id: str | None = None
    name: str | None = None
    domain: str | None = None


class Channel(msgspec.Struct):
    """A site, an app or digital out-of-home screen: a request has at most one of them."""

    id: str | None = None
    name: str | None = None
    domain: str | None = None
    page: str | None = None
    bundle: str | None = None
    publisher: Seller | None = None


class Geo(msgspec.Struct):
    country: str | None = None


class Device(msgspec.Struct):
    ua: str | None = None
    ip: str | None = None
    ipv6: str | None = None
    geo: Geo | None = None
    devicetype: int | None = None
    language: str | None = None
    langb: str | None = None
    dnt: int | None = None
    lmt: int | None = None
    ifa: str | None = None


class UserExt(msgspec.Struct):
    """Where OpenRTB 2.5 had it."""

    consent: str | None = None


class User(msgspec.Struct):
    id: str | None = None
    buyeruid: str | None = None
    consent: str | None = None
    ext: UserExt | None = None


class RegsExt(msgspec.Struct):
    """Where OpenRTB 2.5 had it, and Global Privacy Control."""

    gdpr: int | None = None
    us_privacy: str | None = None
    gpc: int | None = None
    gpp_sid: list[int] = []


class Regs(msgspec.Struct):
    coppa: int | None = None
    gdpr: int | None = None
    us_privacy: str | None = None
    gpp: str | None = None
    gpp_sid: list[int] = []
    ext: RegsExt | None = None


class Node(msgspec.Struct):
    """Somebody who handles the payment: a node of the supply chain."""

    asi: str | None = None
    sid: str | None = None
    hp: int | None = None


class SupplyChain(msgspec.Struct):
    complete: int | None = None
    ver: str | None = None
    nodes: list[Node] = []


class SourceExt(msgspec.Struct):
    """Where OpenRTB 2.5 had it."""

    schain: SupplyChain | None = None


class Source(msgspec.Struct):
    tid: str | None = None
    schain: SupplyChain | None = None
    ext: SourceExt | None = None


class BidRequest(msgspec.Struct):
    id: str
    imp: list[Imp]
    site: Channel | None = None
    app: Channel | None = None
    dooh: Channel | None = None
    device: Device | None = None
    user: User | None = None
    test: int | None = None
    at: int | None = None
    tmax: int | None = None
    wseat: list[str] = []
    bseat: list[str] = []
    cur: list[str] = []
    wlang: list[str] = []
    wlangb: list[str] = []
    acat: list[str] = []
    bcat: list[str] = []
    cattax: int | None = None
    badv: list[str] = []
    bapp: list[str] = []
    source: Source | None = None
    regs: Regs | None = None

    def chain(self) -> SupplyChain | None:
        """The supply chain, wherever it is."""
        if self.source is None:
            return None
        return self.source.schain or (self.source.ext.schain if self.source.ext else None)

