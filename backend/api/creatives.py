"""Creatives over HTTP: the advertiser's own, and what publishers may see of others'."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.api.access import Access
from backend.api.fields import After, Body, IdempotencyKey, Limit, PathId, Pixels, Url, next_after
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.core.ids import Address, CreativeId, LineItemId
from backend.creatives.creative import Creative, CreativeKind, CreativeWish, OfferedCreative
from backend.creatives.review import Appeal, CreativeStatus, RejectionReason
from backend.creatives.service import CreativeService

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
AltText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
LongText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000,
                           pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]+$")
]


class CreativeBody(Body):
    """Either `asset`, the hash of an upload, or the `asset_…` of another host with kind and size.

    The SDK checks the hash before it shows the asset.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [
            {"asset": "9f" * 32, "click_url": "https://shop.example/autumn", "alt_text": "Autumn sale at Shop"},
            {"kind": "image", "width": 1024, "height": 512, "asset_url": "https://assets.example/board.png",
             "asset_sha256": "9f" * 32, "click_url": "https://shop.example/autumn"},
        ]},
    )
    click_url: Url
    alt_text: AltText = Field("", description="what the ad says, for who cannot see or hear it")
    asset: Sha256 | None = None
    kind: CreativeKind | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    asset_url: Url | None = None
    asset_sha256: Sha256 | None = None

    def wish(self) -> CreativeWish:
        return CreativeWish(**self.model_dump())


class CreativeChange(Body):
    """What is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"click_url": "https://shop.example/winter"}]}
    )
    click_url: Url | None = None
    alt_text: AltText | None = None
    asset: Sha256 | None = None
    kind: CreativeKind | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    asset_url: Url | None = None
    asset_sha256: Sha256 | None = None

    def wish(self) -> CreativeWish:
        return CreativeWish(**self.model_dump())


class AppealBody(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"text": "The price is on the page that the ad leads to."}]}
    )
    text: LongText


class CreativeAnswer(BaseModel):
    """One version of a creative. `reasons` and `note` say why it was rejected or taken down."""

    id: int
    line_item_id: int
    lineage_id: int = Field(description="id of the first version, the same in all")
    version: int
    kind: CreativeKind
    width: int
    height: int
    duration_ms: int
    asset_url: str
    asset_sha256: str
    hosted: bool = Field(description="the asset was uploaded here")
    click_url: str
    alt_text: str
    status: CreativeStatus
    reasons: list[RejectionReason]
    note: str | None
    decided_at: datetime | None
    appeal: Appeal | None
    created_at: datetime


class CreativePage(BaseModel):
    items: list[CreativeAnswer]
    next_after: int | None


class CreativeVersions(BaseModel):
    """Oldest first."""

    items: list[CreativeAnswer]


class OfferedAnswer(BaseModel):
    """A creative of an advertiser; `shown` says that its line item was shown on your worlds."""

    id: int
    advertiser: str
    campaign_id: int
    line_item_id: int
    category: str
    kind: CreativeKind
    width: int
    height: int
    asset_url: str
    thumbnail_url: str | None
    alt_text: str
    status: CreativeStatus
    shown: bool


class OfferedPage(BaseModel):
    items: list[OfferedAnswer]
    next_after: int | None


def router(service: CreativeService, access: Access) -> APIRouter:
    """Routes under /v1/line-items/…/creatives, /v1/creatives and /v1/publisher/creatives."""
    api = APIRouter(prefix="/v1")
    _add_creatives(api, service, access)
    _add_versions(api, service, access)
    _add_offered(api, service, access)
    return api


def _add_creatives(api: APIRouter, service: CreativeService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CREATIVES_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.CREATIVES_WRITE))]

    @api.post("/line-items/{line_item}/creatives", status_code=201, tags=["creatives"], summary="Add a creative",
              responses=responses(401, 403, 404, 409))
    def create(line_item: PathId, body: CreativeBody, wallet: Writer, key: IdempotencyKey = None) -> CreativeAnswer:
        return answer(service.create(wallet, LineItemId(line_item), body.wish(), key=key))

    @api.get("/line-items/{line_item}/creatives", tags=["creatives"], summary="Creatives of a line item",
             responses=responses(401, 404))
    def page(line_item: PathId, wallet: Reader, after: After = 0, limit: Limit = 50) -> CreativePage:
        found = service.creatives(wallet, LineItemId(line_item), after=after, limit=limit)
        items = [answer(creative) for creative in found]
        return CreativePage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.get("/creatives/{creative}", tags=["creatives"], summary="One version of a creative, and what became of it",
             responses=responses(401, 404))
    def read(creative: PathId, wallet: Reader) -> CreativeAnswer:
        return answer(service.creative(wallet, CreativeId(creative)))


def _add_versions(api: APIRouter, service: CreativeService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CREATIVES_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.CREATIVES_WRITE))]

    @api.get("/creatives/{creative}/versions", tags=["creatives"], summary="All versions of a creative",
             responses=responses(401, 404))
    def versions(creative: PathId, wallet: Reader) -> CreativeVersions:
        return CreativeVersions(items=[answer(one) for one in service.versions(wallet, CreativeId(creative))])

    @api.post("/creatives/{creative}/versions", status_code=201, tags=["creatives"],
              summary="Change a creative: a new version, which must be approved again",
              responses=responses(401, 403, 404, 409))
    def change(creative: PathId, body: CreativeChange, wallet: Writer, key: IdempotencyKey = None) -> CreativeAnswer:
        return answer(service.change(wallet, CreativeId(creative), body.wish(), key=key))

    @api.post("/creatives/{creative}/withdraw", tags=["creatives"], summary="Stop showing a creative, for good",
              responses=responses(401, 403, 404, 409))
    def withdraw(creative: PathId, wallet: Writer) -> CreativeAnswer:
        return answer(service.withdraw(wallet, CreativeId(creative)))

    @api.post("/creatives/{creative}/appeal", tags=["creatives"], summary="Appeal against a refusal, once",
              responses=responses(401, 403, 404, 409))
    def appeal(creative: PathId, body: AppealBody, wallet: Writer) -> CreativeAnswer:
        return answer(service.appeal(wallet, CreativeId(creative), body.text))


def _add_offered(api: APIRouter, service: CreativeService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_READ))]

    @api.get("/publisher/creatives", tags=["publisher"], summary="Ads that may be shown, or were shown, on your worlds",
             responses=responses(401))
    def creatives(wallet: Reader, after: After = 0, limit: Limit = 50) -> OfferedPage:
        items = [_offered(one) for one in service.offered(wallet, after=after, limit=limit)]
        return OfferedPage(items=items, next_after=next_after([item.id for item in items], limit))


def answer(creative: Creative) -> CreativeAnswer:
    """As its owner sees it; who decided stays with us."""
    terms, standing = creative.terms, creative.standing
    return CreativeAnswer(
        id=creative.id, line_item_id=creative.line_item_id, lineage_id=creative.lineage_id, version=creative.version,
        kind=terms.kind, width=terms.width, height=terms.height, duration_ms=terms.duration_ms,
        asset_url=terms.asset_url, asset_sha256=terms.asset_sha256, hosted=terms.hosted, click_url=terms.click_url,
        alt_text=terms.alt_text, status=standing.status, reasons=list(standing.reasons), note=standing.note,
        decided_at=standing.decided_at, appeal=standing.appeal, created_at=creative.created_at,
    )


def _offered(one: OfferedCreative) -> OfferedAnswer:
    creative, terms = one.creative, one.creative.terms
    return OfferedAnswer(
        id=creative.id, advertiser=one.advertiser, campaign_id=one.campaign, line_item_id=creative.line_item_id,
        category=one.category, kind=terms.kind, width=terms.width, height=terms.height, asset_url=terms.asset_url,
        thumbnail_url=f"{terms.asset_url}/thumbnail" if terms.hosted else None, alt_text=terms.alt_text,
        status=creative.status, shown=one.shown,
    )
