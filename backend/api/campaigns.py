"""Campaigns, line items and creatives over HTTP. Everything here is the signed-in advertiser's own."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.api.access import Access
from backend.api.fields import (
    After,
    Amount,
    Body,
    IdempotencyKey,
    Limit,
    Name,
    PathId,
    Pixels,
    Price,
    PricePerMille,
    RowId,
    Time,
    Url,
    next_after,
)
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.campaigns.campaign import CampaignMoney, CampaignStatus
from backend.campaigns.creative import Creative, CreativeKind, CreativeTerms
from backend.campaigns.line_item import LineItem, LineItemStatus, LineItemTerms, Pacing, bid_per_event
from backend.campaigns.service import CampaignService, FundedCampaign
from backend.campaigns.targeting import LIST_LENGTH_MAX, Targeting
from backend.core.categories import CampaignCategory, WorldCategory
from backend.core.events import BidKind
from backend.core.ids import Address, CampaignId, LineItemId

Value = TypeVar("Value", int, WorldCategory)
Ids = Annotated[tuple[RowId, ...], Field(max_length=LIST_LENGTH_MAX)]
Categories = Annotated[tuple[WorldCategory, ...], Field(max_length=LIST_LENGTH_MAX)]


class CampaignBody(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Autumn launch", "category": "games"}]}
    )
    name: Name
    category: CampaignCategory


class CampaignChange(Body):
    """What is left out stays as it is. `ended` is final."""

    name: Name | None = None
    status: CampaignStatus | None = None


class HowToFund(BaseModel):
    """The contract call that gives the campaign money; `amount` (micro-USDC) is the advertiser's choice. Approve the
    escrow for USDC first, or call `open_campaign_with_permit` with the same arguments and an EIP-2612 permit."""

    chain_id: int
    escrow: str
    function: str = "open_campaign(address,uint256,bytes32)"
    args: dict[str, str | None]


class CampaignAnswer(BaseModel):
    """A campaign and its money. `chain_campaign` is null until a deposit is seen on chain."""

    id: int
    owner: str
    name: str
    category: CampaignCategory
    status: CampaignStatus
    meta: str = Field(description="bytes32 that ties the escrow account to this campaign")
    created_at: datetime
    money: CampaignMoney
    how_to_fund: HowToFund


class CampaignPage(BaseModel):
    items: list[CampaignAnswer]
    next_after: int | None


class TargetingBody(Body):
    """Empty lists want everything; several lists must all agree; an exclusion always wins."""

    worlds: Ids = ()
    categories: Categories = ()
    placements: Ids = ()
    exclude_worlds: Ids = ()
    exclude_categories: Categories = ()
    exclude_placements: Ids = ()

    def targeting(self) -> Targeting:
        """Each list sorted and without repetitions, so that equal wishes are equal."""
        return Targeting(
            _ordered(self.worlds), _ordered(self.categories), _ordered(self.placements),
            _ordered(self.exclude_worlds), _ordered(self.exclude_categories), _ordered(self.exclude_placements),
        )


class LineItemBody(Body):
    """The bid is given per event (`bid_micro_usdc`) or, for vcpm, per thousand (`bid_vcpm_micro_usdc`)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{
            "name": "Boards in game worlds", "bid_kind": "vcpm", "bid_vcpm_micro_usdc": 4_000_000,
            "daily_cap_micro_usdc": 50_000_000, "pacing": "even", "starts_at": "2026-11-02T00:00:00Z",
            "ends_at": "2026-12-02T00:00:00Z", "targeting": {"categories": ["games"], "exclude_worlds": [7]},
        }]},
    )
    name: Name
    bid_kind: BidKind
    bid_micro_usdc: Price | None = None
    bid_vcpm_micro_usdc: PricePerMille | None = None
    daily_cap_micro_usdc: Amount | None = None
    total_cap_micro_usdc: Amount | None = None
    pacing: Pacing = Pacing.EVEN
    starts_at: Time
    ends_at: Time
    targeting: TargetingBody = TargetingBody()

    def terms(self) -> LineItemTerms:
        return LineItemTerms(
            name=self.name, bid_kind=self.bid_kind,
            bid_micro_usdc=bid_per_event(self.bid_kind, self.bid_micro_usdc, self.bid_vcpm_micro_usdc),
            daily_cap_micro_usdc=self.daily_cap_micro_usdc, total_cap_micro_usdc=self.total_cap_micro_usdc,
            pacing=self.pacing, starts_at=self.starts_at, ends_at=self.ends_at, targeting=self.targeting.targeting(),
        )


class LineItemChange(Body):
    """What is left out stays as it is; a cap of null takes the cap away."""

    name: Name | None = None
    status: LineItemStatus | None = None
    bid_micro_usdc: Price | None = None
    bid_vcpm_micro_usdc: PricePerMille | None = None
    daily_cap_micro_usdc: Amount | None = None
    total_cap_micro_usdc: Amount | None = None
    pacing: Pacing | None = None
    ends_at: Time | None = None
    targeting: TargetingBody | None = None

    def applied(self, terms: LineItemTerms) -> LineItemTerms:
        sent = self.model_fields_set
        bid_sent = not sent.isdisjoint({"bid_micro_usdc", "bid_vcpm_micro_usdc"})
        return replace(
            terms,
            name=self.name or terms.name, status=self.status or terms.status, pacing=self.pacing or terms.pacing,
            ends_at=self.ends_at or terms.ends_at,
            bid_micro_usdc=bid_per_event(terms.bid_kind, self.bid_micro_usdc, self.bid_vcpm_micro_usdc)
            if bid_sent else terms.bid_micro_usdc,
            daily_cap_micro_usdc=self.daily_cap_micro_usdc
            if "daily_cap_micro_usdc" in sent else terms.daily_cap_micro_usdc,
            total_cap_micro_usdc=self.total_cap_micro_usdc
            if "total_cap_micro_usdc" in sent else terms.total_cap_micro_usdc,
            targeting=self.targeting.targeting() if self.targeting else terms.targeting,
        )


class LineItemAnswer(BaseModel):
    """A line item; `bid_micro_usdc` is for one event, `spent_micro_usdc` is what it was charged so far."""

    id: int
    campaign_id: int
    name: str
    bid_kind: BidKind
    bid_micro_usdc: int
    daily_cap_micro_usdc: int | None
    total_cap_micro_usdc: int | None
    pacing: Pacing
    starts_at: datetime
    ends_at: datetime
    targeting: Targeting
    status: LineItemStatus
    spent_micro_usdc: int
    created_at: datetime


class LineItemPage(BaseModel):
    items: list[LineItemAnswer]
    next_after: int | None


class CreativeBody(Body):
    """`asset_sha256` is checked by the SDK before the asset is shown."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{
            "kind": "image", "width": 1024, "height": 512, "asset_url": "https://assets.example/board.png",
            "asset_sha256": "9f" * 32, "click_url": "https://shop.example/autumn",
        }]},
    )
    kind: CreativeKind
    width: Pixels
    height: Pixels
    asset_url: Url
    asset_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    click_url: Url


class CreativeAnswer(BaseModel):
    id: int
    line_item_id: int
    kind: CreativeKind
    width: int
    height: int
    asset_url: str
    asset_sha256: str
    click_url: str
    status: str = Field(description="pending, approved or rejected")
    created_at: datetime


class CreativePage(BaseModel):
    items: list[CreativeAnswer]
    next_after: int | None


def router(service: CampaignService, access: Access, *, chain_id: int, escrow: str) -> APIRouter:
    """Routes under /v1/campaigns and /v1/line-items; `escrow` is the address of CampaignEscrow."""
    api = APIRouter(prefix="/v1")
    _add_campaigns(api, service, access, chain_id, escrow)
    _add_line_items(api, service, access)
    _add_creatives(api, service, access)
    return api


def _add_campaigns(api: APIRouter, service: CampaignService, access: Access, chain_id: int, escrow: str) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_WRITE))]

    @api.post("/campaigns", status_code=201, tags=["campaigns"], summary="Describe a campaign, then fund it on chain",
              responses=responses(401, 403, 409))
    def create(body: CampaignBody, wallet: Writer, key: IdempotencyKey = None) -> CampaignAnswer:
        campaign = service.create_campaign(wallet, body.name, body.category, key=key)
        return _campaign(FundedCampaign(campaign, CampaignMoney()), chain_id, escrow)

    @api.get("/campaigns", tags=["campaigns"], summary="Your campaigns with their money", responses=responses(401))
    def page(wallet: Reader, after: After = 0, limit: Limit = 50) -> CampaignPage:
        found = service.campaigns(wallet, after=after, limit=limit)
        items = [_campaign(funded, chain_id, escrow) for funded in found]
        return CampaignPage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.get("/campaigns/{campaign}", tags=["campaigns"], summary="One campaign with its money",
             responses=responses(401, 404))
    def read(campaign: PathId, wallet: Reader) -> CampaignAnswer:
        return _campaign(service.campaign(wallet, CampaignId(campaign)), chain_id, escrow)

    @api.patch("/campaigns/{campaign}", tags=["campaigns"], summary="Rename, pause, resume or end a campaign",
               responses=responses(401, 403, 404, 409))
    def change(campaign: PathId, body: CampaignChange, wallet: Writer) -> CampaignAnswer:
        changed = service.change_campaign(wallet, CampaignId(campaign), name=body.name, status=body.status)
        return _campaign(changed, chain_id, escrow)


def _add_line_items(api: APIRouter, service: CampaignService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_WRITE))]

    @api.post("/campaigns/{campaign}/line-items", status_code=201, tags=["line items"], summary="Add a line item",
              responses=responses(401, 403, 404, 409))
    def create(campaign: PathId, body: LineItemBody, wallet: Writer, key: IdempotencyKey = None) -> LineItemAnswer:
        return _line_item(service.create_line_item(wallet, CampaignId(campaign), body.terms(), key=key))

    @api.get("/campaigns/{campaign}/line-items", tags=["line items"], summary="Line items of a campaign",
             responses=responses(401, 404))
    def page(campaign: PathId, wallet: Reader, after: After = 0, limit: Limit = 50) -> LineItemPage:
        found = service.line_items(wallet, CampaignId(campaign), after=after, limit=limit)
        items = [_line_item(item) for item in found]
        return LineItemPage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.get("/line-items/{line_item}", tags=["line items"], summary="One line item", responses=responses(401, 404))
    def read(line_item: PathId, wallet: Reader) -> LineItemAnswer:
        return _line_item(service.line_item(wallet, LineItemId(line_item)))

    @api.patch("/line-items/{line_item}", tags=["line items"], summary="Pause, resume, or change bid, caps, targeting",
               responses=responses(401, 403, 404, 409))
    def change(line_item: PathId, body: LineItemChange, wallet: Writer) -> LineItemAnswer:
        return _line_item(service.change_line_item(wallet, LineItemId(line_item), body.applied))


def _add_creatives(api: APIRouter, service: CampaignService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_WRITE))]

    @api.post("/line-items/{line_item}/creatives", status_code=201, tags=["creatives"], summary="Add a creative",
              responses=responses(401, 403, 404, 409))
    def create(line_item: PathId, body: CreativeBody, wallet: Writer, key: IdempotencyKey = None) -> CreativeAnswer:
        terms = CreativeTerms(**body.model_dump())
        return _creative(service.create_creative(wallet, LineItemId(line_item), terms, key=key))

    @api.get("/line-items/{line_item}/creatives", tags=["creatives"], summary="Creatives of a line item",
             responses=responses(401, 404))
    def page(line_item: PathId, wallet: Reader, after: After = 0, limit: Limit = 50) -> CreativePage:
        found = service.creatives(wallet, LineItemId(line_item), after=after, limit=limit)
        items = [_creative(creative) for creative in found]
        return CreativePage(items=items, next_after=next_after([item.id for item in items], limit))


def _ordered(values: tuple[Value, ...]) -> tuple[Value, ...]:
    return tuple(sorted(set(values)))


def _campaign(funded: FundedCampaign, chain_id: int, escrow: str) -> CampaignAnswer:
    campaign = funded.campaign
    args = {"owner": str(campaign.owner), "amount": None, "meta": campaign.meta}
    return CampaignAnswer(
        id=campaign.id, owner=campaign.owner, name=campaign.name, category=campaign.category, status=campaign.status,
        meta=campaign.meta, created_at=campaign.created_at, money=funded.money,
        how_to_fund=HowToFund(chain_id=chain_id, escrow=escrow, args=args),
    )


def _line_item(item: LineItem) -> LineItemAnswer:
    terms = item.terms
    return LineItemAnswer(
        id=item.id, campaign_id=item.campaign_id, name=terms.name, bid_kind=terms.bid_kind,
        bid_micro_usdc=terms.bid_micro_usdc, daily_cap_micro_usdc=terms.daily_cap_micro_usdc,
        total_cap_micro_usdc=terms.total_cap_micro_usdc, pacing=terms.pacing, starts_at=terms.starts_at,
        ends_at=terms.ends_at, targeting=terms.targeting, status=terms.status,
        spent_micro_usdc=item.spent_micro_usdc, created_at=item.created_at,
    )


def _creative(creative: Creative) -> CreativeAnswer:
    terms = creative.terms
    return CreativeAnswer(
        id=creative.id, line_item_id=creative.line_item_id, kind=terms.kind, width=terms.width, height=terms.height,
        asset_url=terms.asset_url, asset_sha256=terms.asset_sha256, click_url=terms.click_url, status=creative.status,
        created_at=creative.created_at,
    )
