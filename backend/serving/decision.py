"""From an ad request to a sale: who may compete on a placement, and what the answer says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

import msgspec

from backend.core.decision_token import DecisionToken, facts_of, token_of
from backend.core.events import BidKind
from backend.core.house_creative import house_creative
from backend.core.reasons import NoBidReason
from backend.serving.catalogue import NOTHING_SPENT, Catalogue, Creative, Frequency, Placement, Spending, day_of
from backend.serving.eligibility import (
    NOBODY_KNOWN,
    Offer,
    Viewer,
    offer_at,
    refusal,
    refusal_now,
    refusal_of_sponsor,
    refusal_of_viewer,
)

VIEWER_BYTES = 8
_encode = msgspec.json.Encoder().encode


class AdRequest(msgspec.Struct, frozen=True):
    """`viewer_key` is made by the SDK and lives for a day at most; it never leaves this process.

    `gpc` and `tcf` are what the viewer says about privacy (Sec-GPC, an IAB consent string). `client` and `origin` say
    coarsely who asked: see core/client_class.py.
    """

    placement_id: int
    viewer_key: str
    country: str | None = None
    language: str | None = None
    device: str | None = None
    gpc: bool = False
    tcf: str | None = None
    client: int = 0
    origin: int = 0


class Decision(msgspec.Struct, eq=False):
    """An ad was chosen and its price is held.

    `body` is that of the token and `signed` the token, in ASCII; `opening` is how the answer begins. `creative` is what
    is shown, and `shown` the same as JSON for whoever answers. `version` is that of the terms that were decided by.
    `test`: the house creative is shown, for nothing.
    """

    body: bytes
    signed: bytes
    opening: bytes
    creative: Creative
    shown: bytes
    version: int
    video: bool
    test: bool = False

    @property
    def token(self) -> str:
        return self.signed.decode()

    @property
    def facts(self) -> DecisionToken:
        """What the token says, by name."""
        return token_of(facts_of(self.body))

    @property
    def decision_id(self) -> bytes:
        return facts_of(self.body)[1]


def opening_of(decision: bytes, signed: bytes, expires_ms: int) -> bytes:
    """How an answer with a token begins, up to the creative; kernel.c writes the same."""
    return b'{"decision_id":"%b","token":"%b","expires_at_ms":%d,"creative":' % (
        decision.hex().encode(), signed, expires_ms
    )


def shown_json(creative: Creative) -> bytes:
    """A creative as the SDK reads it."""
    return _encode({
        "id": creative.id, "kind": creative.kind, "width": creative.width, "height": creative.height,
        "asset_url": creative.asset_url, "asset_sha256": creative.asset_sha256, "click_url": creative.click_url,
        "alt_text": creative.alt_text,
    })


@dataclass(frozen=True, slots=True)
class NoBid:
    """Nobody was left: how many line items fell away for which reason."""

    reasons: Mapping[NoBidReason, int]
    version: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """Everybody who may compete on a placement, the highest bid first, and why the others may not.

    `sponsors` do not compete: while one of them runs, it has the placement. `capped`: frequency caps of the offers.
    """

    placement: Placement
    offers: tuple[Offer, ...]
    refused: Mapping[int, NoBidReason]
    sponsors: tuple[Offer, ...] = ()
    capped: Mapping[int, Frequency] = field(default_factory=dict)
    external: tuple[Offer, ...] = ()        # who would compete if its own server bid; only where the placement asks


def open_book(catalogue: Catalogue, placement: Placement) -> Book:
    """Run the standing checks of every line item against one placement."""
    offers: list[Offer] = []
    external: list[Offer] = []
    refused: dict[int, NoBidReason] = {}
    for item in catalogue.line_items:
        candidate = offer_at(item, placement, catalogue.rates)
        reason = refusal(candidate)
        if reason is None:
            offers.append(candidate)
        elif reason is NoBidReason.EXTERNAL and placement.external_demand:
            external.append(candidate)
        else:
            refused[item.id] = reason
    offers.sort(key=lambda candidate: (-candidate.bid.tier, -candidate.bid.score))
    sponsors = tuple(one for one in offers if one.line_item.bid_kind is BidKind.SPONSORSHIP)
    competing = tuple(one for one in offers if one.line_item.bid_kind is not BidKind.SPONSORSHIP)
    capped = {one.line_item.id: one.line_item.frequency for one in competing if one.line_item.frequency}
    capped |= {one.line_item.id: one.line_item.frequency for one in external if one.line_item.frequency}
    return Book(placement, competing, refused, sponsors, capped, tuple(external))


def sponsor(
    sponsors: Sequence[Offer], now_ms: int, blocked: Mapping[int, NoBidReason]
) -> tuple[Offer | None, dict[int, NoBidReason]]:
    """The sponsorship that runs on the placement now, if any, and why the others do not."""
    found: Offer | None = None
    refused: dict[int, NoBidReason] = {}
    for candidate in sponsors:
        item = candidate.line_item
        reason = blocked.get(item.id) or refusal_of_sponsor(item, now_ms)
        if reason is None and found is None:
            found = candidate
        else:
            refused[item.id] = reason or NoBidReason.SPONSORED
    return found, refused


def contenders(
    book: Book, spending: Mapping[int, Spending], now_ms: int, blocked: Mapping[int, NoBidReason],
    viewer: Viewer = NOBODY_KNOWN, asked_floor_micro_usdc: int = 0,
) -> tuple[list[Offer], dict[int, NoBidReason]]:
    """The offers that decide the auction, and whoever was refused on the way down to them.

    Those are all that share the highest score, and the best of another owner, who sets the price: nobody below matters,
    and nobody of the open auction while a private deal buys. `blocked` could not hold a moment ago. A soft floor may
    have made this request ask for more than the floor that everybody here reaches (`asked_floor_micro_usdc`).
    """
    found: list[Offer] = []
    refused: dict[int, NoBidReason] = {}
    for candidate in book.offers:
        item = candidate.line_item
        if found and _decided(found, candidate):
            break
        reason = blocked.get(item.id) or refusal_now(item, spending.get(item.id, NOTHING_SPENT), now_ms)
        if reason is None and item.narrow:
            reason = refusal_of_viewer(item, viewer, now_ms)
        if reason is None and not candidate.bid.reaches(asked_floor_micro_usdc):
            reason = NoBidReason.BELOW_SOFT_FLOOR
        if reason is None:
            found.append(candidate)
        else:
            refused[item.id] = reason
    return found, refused


def _decided(offers: Sequence[Offer], candidate: Offer) -> bool:
    """Whether neither the candidate nor anybody below can win or set the price."""
    best, bid = offers[0].bid, candidate.bid
    if bid.tier != best.tier:
        return True
    return bid.score < best.score and any(one.bid.owner != best.owner for one in offers)


def drawn(seed: int, creatives: int) -> int:
    """Which of so many creatives is shown. The lower half of the seed has drawn between equal bids: by the same bits,
    two equal line items would always show the same one of their two creatives.
    """
    return (seed >> 32) % creatives


def house(placement: Placement, public_url: str) -> Creative:
    """The creative of a test."""
    asset = house_creative(placement.kind, placement.width, placement.height)
    return Creative(
        0, asset.kind, asset.width, asset.height, f"{public_url}/house/{asset.name}", asset.sha256, f"{public_url}/"
    )


def viewer_bytes(viewer_key: str, key: bytes, now_ms: int) -> bytes:
    """8 bytes that are the same for a viewer during one UTC day and cannot be linked to the next (keyed BLAKE2b)."""
    hasher = _of_day(key, day_of(now_ms)).copy()
    hasher.update(viewer_key.encode())
    return hasher.digest()


@lru_cache(maxsize=8)
def _of_day(key: bytes, day: int) -> blake2b:
    """The key's block is hashed once for all viewers of a day."""
    salt = day.to_bytes(8, "big")
    return blake2b(digest_size=VIEWER_BYTES, key=key[:64], salt=salt, person=b"sightline-viewer")
