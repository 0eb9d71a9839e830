"""A bid as the exchange gets it: price, markup, and where it tells us what became of it (OpenRTB 2.6 §4.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from urllib.parse import quote

import msgspec

from backend.core.categories import CampaignCategory
from backend.core.exchange import SupplyBid
from backend.openrtb import native, vast
from backend.openrtb.asking import Way
from backend.openrtb.exchange import Exchange
from backend.openrtb.iab import (
    CATEGORY_TAXONOMY,
    IAB_BY_CATEGORY,
    MarkupType,
    advertised_app,
    advertiser_domain,
    media_type,
)
from backend.openrtb.prices import USD, cpm

CLICK_PATH = "openrtb2/click"
VAST_PROTOCOLS: Mapping[str, int] = {"2.0": 2, "3.0": 3, "4.0": 7, "4.1": 11, "4.2": 13}


class Bid(msgspec.Struct, omit_defaults=True):
    """Only what we send."""

    id: str
    impid: str
    price: Decimal
    adid: str
    crid: str
    cid: str
    adomain: list[str]
    cat: list[str]
    cattax: int
    mtype: int
    adm: str
    burl: str
    nurl: str
    lurl: str
    exp: int
    w: int
    h: int
    dealid: str = ""
    dur: int = 0
    protocol: int = 0
    iurl: str = ""
    bundle: str = ""
    wratio: int = 0
    hratio: int = 0


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of ours for one bid; the exchange puts prices and reasons where the macros are (§4.4)."""

    base: str
    token: str
    click_path: str = CLICK_PATH

    @property
    def burl(self) -> str:
        return f"{self._at('burl')}?price=${{AUCTION_PRICE}}"

    @property
    def nurl(self) -> str:
        return f"{self._at('nurl')}?price=${{AUCTION_PRICE}}"

    @property
    def lurl(self) -> str:
        return f"{self._at('lurl')}?loss=${{AUCTION_LOSS}}"

    @property
    def click(self) -> str:
        return f"{self.base}/{self.click_path}/{self.token}"

    def by_event(self) -> dict[str, str]:
        """Where a player tells of each event."""
        return {event: f"{self._at('track')}/{event}" for event in vast.EVENTS}

    def _at(self, what: str) -> str:
        return f"{self.base}/openrtb2/{what}/{self.token}"


def banner(won: SupplyBid, width: int, height: int, links: Links, click_macro: str) -> str:
    """HTML of a picture that leads to our click link, through the exchange's own when it has one."""
    target = f"{click_macro}{quote(links.click, safe='')}" if click_macro else links.click
    return (
        f'<a href="{escape(target)}" target="_blank" rel="noopener nofollow">'
        f'<img src="{escape(won.shown.asset_url)}" width="{width}" height="{height}"'
        f' alt="{escape(won.shown.alt_text)}" border="0"></a>'
    )


def video(won: SupplyBid, links: Links, media: str, version: str, expires_seconds: int) -> str:
    """The VAST document of a bid."""
    shown = won.shown
    return vast.document(
        vast.Video(
            serving_id=won.facts.decision_id.hex(), creative=shown.creative, asset_url=shown.asset_url,
            media_type=media, width=shown.width, height=shown.height, duration_ms=shown.duration_ms,
            advertiser=advertiser_domain(shown.click_url), category=IAB_BY_CATEGORY[CampaignCategory(shown.category)],
            click_url=links.click, links=links.by_event(), expires_seconds=expires_seconds,
        ),
        version,
    )


def bid_of(
    won: SupplyBid, imp_id: str, way: Way, deal: int | None, exchange: Exchange, links: Links, media: Mapping[int, str],
    version: str | None, now_ms: int,
) -> Bid:
    """The whole bid. `version` is that of VAST, for a video."""
    facts, shown = won.facts, won.shown
    width, height = way.width or shown.width, way.height or shown.height
    expires_seconds = max(1, (facts.expires_ms - now_ms) // 1_000)
    mime = media.get(shown.creative) or media_type(shown.asset_url) or ""
    domain = advertiser_domain(shown.click_url)
    if way.markup is MarkupType.VIDEO:
        markup = video(won, links, mime, version or "4.2", expires_seconds)
    elif way.native is not None:
        markup = native.answer(way.native, domain, shown.asset_url, shown.width, shown.height, links.click)
    else:
        markup = banner(won, width, height, links, exchange.click_macro)
    is_video = way.markup is MarkupType.VIDEO
    ratio = way.ratio or (0, 0)
    return Bid(
        id=facts.decision_id.hex(), impid=imp_id, price=cpm(facts.price_micro_usdc), adid=str(shown.creative),
        crid=str(shown.creative), cid=str(shown.campaign), adomain=[domain],
        cat=[IAB_BY_CATEGORY[CampaignCategory(shown.category)]], cattax=CATEGORY_TAXONOMY, mtype=int(way.markup),
        adm=markup, burl=links.burl, nurl=links.nurl, lurl=links.lurl, exp=expires_seconds, w=width, h=height,
        dealid="" if deal is None else str(deal), dur=max(1, round(shown.duration_ms / 1_000)) if is_video else 0,
        protocol=VAST_PROTOCOLS[version or "4.2"] if is_video else 0,
        iurl="" if is_video else shown.asset_url, bundle=advertised_app(shown.click_url) or "",
        wratio=ratio[0], hratio=ratio[1],
    )


class SeatBid(msgspec.Struct):
    bid: list[Bid]
    seat: str
    group: int = 0


class BidResponse(msgspec.Struct, omit_defaults=True):
    """With bids, or with the reason why there are none."""

    id: str
    seatbid: list[SeatBid] = []
    bidid: str = ""
    cur: str = ""
    nbr: int = -1


def response(request_id: str, seat: str, bids: list[Bid]) -> BidResponse:
    return BidResponse(request_id, [SeatBid(bids, seat)], bids[0].id, USD)


encode = msgspec.json.Encoder(decimal_format="number").encode
