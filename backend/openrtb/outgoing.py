"""The bid request that external bidders get for an ad request of ours, and what their answer must be."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from backend.core.categories import CampaignCategory, DeviceClass, WorldCategory
from backend.core.exchange import DemandBid, DemandOffer, DemandRequest
from backend.openrtb.bidder import Bidder, Outcome, WorldNames
from backend.openrtb.countries import ALPHA_3
from backend.openrtb.iab import CATEGORY_TAXONOMY, DEVICE_TYPES, IAB_BY_CATEGORY, IAB_BY_WORLD
from backend.openrtb.prices import USD, cpm, floor_micro_usdc
from backend.openrtb.reading import read_lenient
from backend.openrtb.schain import chain_of

IMP_ID = "1"
SECOND_PRICE = 2
GEOMETRY_VERSION = 1
IMAGE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"]
VIDEO_TYPES = ["video/mp4", "video/webm"]
VAST_4_2 = 13
SECONDS_MAX = 600
KINDS = ("image", "video")
"""Of placements that bidders are asked for; OpenRTB has no words for the others."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def request_of(
    asked: DemandRequest, offer: DemandOffer, bidder: Bidder, domain: str, seconds: int, named: WorldNames | None = None
) -> bytes:
    """The request for one bidder. It names no viewer: no id, no address, no user agent.

    `domain` is ours; `seconds`: how long a bid must be good for; `named`: what may be said of the world.
    """
    request: dict[str, object] = {
        "id": asked.request_id, "at": SECOND_PRICE, "tmax": bidder.timeout_ms, "cur": [USD], "wseat": [bidder.seat],
        "imp": [_imp(asked, offer, seconds)], "app": _app(asked, named), "device": _device(asked),
        "source": {"fd": 0, "tid": asked.request_id, "schain": chain_of(domain, asked.publisher, asked.request_id)},
    }
    if asked.gpc:
        request["regs"] = {"ext": {"gpc": "1"}}         # the text that the header Sec-GPC has, or nothing
    if asked.tcf is not None:
        request["user"] = {"consent": asked.tcf}
    if asked.blocked_categories:
        request |= {"cattax": CATEGORY_TAXONOMY, "bcat": sorted(
            {IAB_BY_CATEGORY[CampaignCategory(name)] for name in asked.blocked_categories}
        )}
    return _encode(request)


def _app(asked: DemandRequest, named: WorldNames | None) -> dict[str, object]:
    """The world and its publisher: by their numbers in sellers.json, and by name where they agree to be named there."""
    publisher: dict[str, object] = {"id": str(asked.publisher)}
    app: dict[str, object] = {
        "id": str(asked.world), "cat": [IAB_BY_WORLD[WorldCategory(asked.world_category)]],
        "cattax": CATEGORY_TAXONOMY, "publisher": publisher,
    }
    if named is not None:
        publisher |= {"name": named.publisher_name, "domain": named.publisher_domain}
        app |= {"name": named.name} | ({"domain": named.domain} if named.domain else {})
    return app


def _imp(asked: DemandRequest, offer: DemandOffer, seconds: int) -> dict[str, object]:
    geometry: dict[str, object] = {"v": GEOMETRY_VERSION, "engine": asked.engine}
    if asked.width_mm is not None and asked.height_mm is not None:
        geometry |= {"width_mm": asked.width_mm, "height_mm": asked.height_mm}
    if asked.device == DeviceClass.VR:
        geometry["headset"] = True
    size = {"w": asked.width, "h": asked.height}
    format_ = {"video": {"mimes": VIDEO_TYPES, "minduration": 1, "maxduration": SECONDS_MAX, "protocols": [VAST_4_2],
                         "linearity": 1, **size}} if asked.kind == "video" else {
        "banner": {"format": [size], "mimes": IMAGE_TYPES, **size}
    }
    return {
        "id": IMP_ID, "tagid": str(asked.placement), "bidfloor": cpm(asked.floor_micro_usdc), "bidfloorcur": USD,
        "secure": 1, "exp": seconds, "ext": {"sightline3d": geometry, "crids": [str(one) for one in offer.creatives]},
        **format_,
    }


def _device(asked: DemandRequest) -> dict[str, object]:
    device: dict[str, object] = {"lmt": int(asked.gpc)}
    if asked.country in ALPHA_3:
        device["geo"] = {"country": ALPHA_3[asked.country]}
    if asked.language is not None:
        device["language"] = asked.language
    if asked.device is not None:
        device["devicetype"] = DEVICE_TYPES[DeviceClass(asked.device)]
    return device


# ---- the answer -----------------------------------------------------------------------------------------------------


class _Bid(msgspec.Struct):
    """What we read of a bid. Its markup is not: only approved creatives are shown, as we have them."""

    impid: str = ""
    price: Decimal | None = None
    crid: str = ""
    exp: int | None = None


class _SeatBid(msgspec.Struct):
    bid: list[_Bid] = []


class _Answer(msgspec.Struct):
    id: str = ""
    cur: str = USD
    seatbid: list[_SeatBid] = []


def bid_in(body: bytes, asked: DemandRequest, offer: DemandOffer, seconds: int) -> DemandBid | Outcome:
    """The best bid of an answer that we may take, or what is wrong with the first. Nothing, {} and no seat are no bids
    (implementation notes, §7.1). `seconds`: how long a bid must be good for.

    Raises BadRequest when it is not JSON. A price is rounded down to whole micro-USDC, and must reach the floor then.
    """
    if not body.strip():
        return Outcome.NO_BID
    answer = read_lenient(body, _Answer)
    if answer is None:
        return Outcome.MALFORMED
    if not any(_bids(answer)):
        return Outcome.NO_BID
    if answer.id != asked.request_id:
        return Outcome.MALFORMED
    if answer.cur.upper() != USD:
        return Outcome.WRONG_CURRENCY
    judged = [_judged(bid, asked, offer, seconds) for bid in _bids(answer)]
    good = [bid for bid in judged if isinstance(bid, DemandBid)]
    return max(good, key=lambda bid: bid.bid_micro_usdc) if good else judged[0]


def _bids(answer: _Answer) -> Iterator[_Bid]:
    return (bid for seat in answer.seatbid for bid in seat.bid)


def _judged(bid: _Bid, asked: DemandRequest, offer: DemandOffer, seconds: int) -> DemandBid | Outcome:
    if bid.impid != IMP_ID or bid.price is None or not bid.price.is_finite() or bid.price <= 0:
        return Outcome.MALFORMED
    up = floor_micro_usdc(bid.price)
    price = up if cpm(up) == bid.price else up - 1
    if price < asked.floor_micro_usdc or price < 1:
        return Outcome.BELOW_FLOOR
    if price > offer.bid_max_micro_usdc:
        return Outcome.ABOVE_MAXIMUM
    if bid.exp is not None and 0 < bid.exp < seconds:
        return Outcome.TOO_SHORT
    if bid.crid not in {str(one) for one in offer.creatives}:
        return Outcome.UNKNOWN_CREATIVE
    return DemandBid(offer.line_item, int(bid.crid), price)
