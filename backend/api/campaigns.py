"""Campaigns and their terms over HTTP. Everything here is the signed-in advertiser's own."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from backend.api.access import Access
from backend.api.fields import (
    After,
    Body,
    IdempotencyKey,
    Limit,
    Name,
    PathId,
    next_after,
)
from backend.api.line_items import LineItemBody
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.campaigns.campaign import CampaignMoney, CampaignStatus
from backend.campaigns.service import CampaignService, FundedCampaign
from backend.core.categories import CampaignCategory
from backend.core.ids import Address, CampaignId

LINE_ITEMS_AT_ONCE = 50


class CampaignBody(Body):
    """`line_items` become part of the terms whose hash is `meta` on chain; more can be added at any time."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Autumn launch", "category": "games"}]}
    )
    name: Name
    category: CampaignCategory
    line_items: Annotated[tuple[LineItemBody, ...], Field(max_length=LINE_ITEMS_AT_ONCE)] = ()


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


class TermsAnswer(BaseModel):
    """A document of the campaign's terms, byte for byte: `sha256` is over its UTF-8 bytes.

    The hash of version 1 is `meta`; every later document names the hash of the one before as `previous`.
    """

    version: int
    sha256: str
    document: str = Field(
        description="canonical JSON (RFC 8785)",
        examples=['{"category":"games","chain_id":31337,"line_items":[],"name":"Autumn launch","owner":"0xa1…",'
                  '"salt":"00…","version":1}'],
    )
    created_at: datetime


class TermsPage(BaseModel):
    items: list[TermsAnswer]
    next_after: int | None


def router(service: CampaignService, access: Access, *, chain_id: int, escrow: str) -> APIRouter:
    """Routes under /v1/campaigns; `escrow` is the address of CampaignEscrow."""
    api = APIRouter(prefix="/v1")
    _add_campaigns(api, service, access, chain_id, escrow)
    _add_terms(api, service, access)
    return api


def _add_campaigns(api: APIRouter, service: CampaignService, access: Access, chain_id: int, escrow: str) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_WRITE))]

    @api.post("/campaigns", status_code=201, tags=["campaigns"], summary="Describe a campaign, then fund it on chain",
              responses=responses(401, 403, 409))
    def create(body: CampaignBody, wallet: Writer, key: IdempotencyKey = None) -> CampaignAnswer:
        items = tuple(item.terms() for item in body.line_items)
        campaign = service.create_campaign(wallet, body.name, body.category, items, key=key)
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


def _add_terms(api: APIRouter, service: CampaignService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_READ))]

    @api.get("/campaigns/{campaign}/terms", tags=["campaigns"], summary="What was agreed, from the hash on chain on",
             responses=responses(401, 404))
    def terms(campaign: PathId, wallet: Reader, after: After = 0, limit: Limit = 50) -> TermsPage:
        found = service.terms(wallet, CampaignId(campaign), after=after, limit=limit)
        items = [TermsAnswer(**asdict(document)) for document in found]
        return TermsPage(items=items, next_after=next_after([item.version for item in items], limit))


def _campaign(funded: FundedCampaign, chain_id: int, escrow: str) -> CampaignAnswer:
    campaign = funded.campaign
    args = {"owner": str(campaign.owner), "amount": None, "meta": campaign.meta}
    return CampaignAnswer(
        id=campaign.id, owner=campaign.owner, name=campaign.name, category=campaign.category, status=campaign.status,
        meta=campaign.meta, created_at=campaign.created_at, money=funded.money,
        how_to_fund=HowToFund(chain_id=chain_id, escrow=escrow, args=args),
    )
