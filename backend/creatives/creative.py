"""A creative: what a line item shows. Its asset is named by the hash that the SDK checks before it shows it (L55)."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from backend.core.errors import Conflict, Unprocessable
from backend.core.ids import Address, CampaignId, CreativeId, LineItemId
from backend.core.web_url import web_url
from backend.creatives.media.facts import AssetKind, MediaFacts
from backend.creatives.review import FINAL, Appeal, CreativeStatus, Standing

SIDE_PIXELS_MAX = 8_192
VERSIONS_MAX = 100
_SHA256 = re.compile(r"[0-9a-f]{64}")

CreativeKind = AssetKind


@dataclass(frozen=True, slots=True)
class CreativeTerms:
    """What is shown and where a click leads. Sizes are pixels, of a model millimetres; a sound has none (0).

    `asset_sha256` is 64 lowercase hex digits. `hosted`: the asset is one of ours, so its kind and size are known facts.
    """

    kind: CreativeKind
    width: int
    height: int
    asset_url: str
    asset_sha256: str
    click_url: str
    alt_text: str = ""
    duration_ms: int = 0
    hosted: bool = False


@dataclass(frozen=True, slots=True)
class Creative:
    """One version. All versions have the `lineage_id`, which is the id of the first."""

    id: CreativeId
    line_item_id: LineItemId
    lineage_id: CreativeId
    version: int
    terms: CreativeTerms
    standing: Standing
    created_at: datetime

    @property
    def status(self) -> CreativeStatus:
        return self.standing.status


@dataclass(frozen=True, slots=True)
class CreativeWish:
    """What the advertiser sends: `asset` names an upload, or the `asset_…` of another host come with kind and size."""

    click_url: str | None = None
    alt_text: str | None = None
    asset: str | None = None
    kind: CreativeKind | None = None
    width: int | None = None
    height: int | None = None
    asset_url: str | None = None
    asset_sha256: str | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether anything describes an asset on another host."""
        return any(value is not None for value in (self.asset_url, self.asset_sha256))


@dataclass(frozen=True, slots=True)
class Place:
    """The line item that a creative is for."""

    line_item: LineItemId
    campaign: CampaignId
    campaign_ended: bool


@dataclass(frozen=True, slots=True)
class OfferedCreative:
    """A creative as publishers see it, with whose it is."""

    creative: Creative
    advertiser: Address
    campaign: CampaignId
    category: str
    shown: bool


def terms_of(wish: CreativeWish, facts: MediaFacts | None, asset_url: str) -> CreativeTerms:
    """The terms of a first version. `facts` and `asset_url` are of the upload that `wish.asset` names.

    Raises Unprocessable `asset_missing`, `asset_contradicts`, `url_not_allowed` or `invalid_request`.
    """
    if wish.click_url is None:
        raise Unprocessable("invalid_request", "click_url: Field required")
    if (wish.asset is None) == (not wish.elsewhere):
        raise Unprocessable("asset_missing", "give either asset, or asset_url with asset_sha256, kind and size")
    terms = _hosted(wish, facts, asset_url) if wish.asset is not None else _elsewhere(wish)
    check(terms)
    return terms


def changed(terms: CreativeTerms, wish: CreativeWish, facts: MediaFacts | None, asset_url: str) -> CreativeTerms:
    """The terms of the next version; what `wish` leaves out stays as it is. Raises as `terms_of`."""
    merged = replace(
        wish, click_url=wish.click_url or terms.click_url,
        alt_text=terms.alt_text if wish.alt_text is None else wish.alt_text,
    )
    if wish.asset is None and not wish.elsewhere:
        if wish.kind or wish.width or wish.height:
            raise Unprocessable("asset_contradicts", "kind and size are those of the asset; send another asset")
        result = replace(terms, click_url=merged.click_url or "", alt_text=merged.alt_text or "")
        check(result)
    else:
        result = terms_of(merged, facts, asset_url)
    if result == terms:
        raise Unprocessable("nothing_changed", "the new version would be the same as the one before")
    return result


def _hosted(wish: CreativeWish, facts: MediaFacts | None, asset_url: str) -> CreativeTerms:
    assert facts is not None
    assert wish.asset is not None
    assert wish.click_url is not None
    for sent, known in ((wish.kind, facts.kind), (wish.width, facts.width), (wish.height, facts.height)):
        if sent is not None and sent != known:
            raise Unprocessable("asset_contradicts", "kind and size are those of the asset; leave them out")
    return CreativeTerms(
        kind=facts.kind, width=facts.width, height=facts.height, asset_url=asset_url, asset_sha256=wish.asset,
        click_url=wish.click_url, alt_text=wish.alt_text or "", duration_ms=facts.duration_ms, hosted=True,
    )


def _elsewhere(wish: CreativeWish) -> CreativeTerms:
    sound = wish.kind is CreativeKind.AUDIO
    if wish.kind is None or not wish.asset_url or not wish.asset_sha256 or not (sound or (wish.width and wish.height)):
        raise Unprocessable("asset_missing", "asset_url needs asset_sha256, kind, width and height")
    if sound and (wish.width or wish.height):
        raise Unprocessable("invalid_request", "a sound has no width and height")
    assert wish.click_url is not None
    return CreativeTerms(
        kind=wish.kind, width=wish.width or 0, height=wish.height or 0,
        asset_url=wish.asset_url, asset_sha256=wish.asset_sha256, click_url=wish.click_url,
        alt_text=wish.alt_text or "",
    )


def check(terms: CreativeTerms) -> None:
    """Raises Unprocessable `url_not_allowed` or `invalid_request`."""
    if not terms.hosted:
        web_url(terms.asset_url, "asset_url")
    web_url(terms.click_url, "click_url")
    if not _SHA256.fullmatch(terms.asset_sha256):
        raise Unprocessable("invalid_request", "asset_sha256 must be 64 lowercase hex digits")
    least, most = (0, 0) if terms.kind is CreativeKind.AUDIO else (1, SIDE_PIXELS_MAX)
    if terms.kind is CreativeKind.MODEL and terms.hosted:
        most = 2**31 - 1                  # millimetres, within the budgets of models
    if not (least <= terms.width <= most and least <= terms.height <= most):
        raise Unprocessable("invalid_request", f"width and height must be {least} to {most}")


def check_replaceable(latest: Creative, creative: CreativeId) -> None:
    """Raises Conflict when `creative` may have no further version: only the latest has, and not under appeal."""
    if latest.id != creative:
        raise Conflict("creative_not_latest", f"the latest version is creative {latest.id}")
    if latest.status in FINAL:
        raise Conflict("creative_final", f"the creative is {latest.status}")
    if latest.version >= VERSIONS_MAX:
        raise Conflict("creative_final", f"a creative has at most {VERSIONS_MAX} versions; make a new one")
    if latest.standing.appeal is Appeal.OPEN:
        raise Conflict("appeal_open", "wait for the decision about the appeal")
