"""Private deals over HTTP: publishers offer them and see them at /v1/publisher/deals, advertisers at /v1/deals."""

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
    Price,
    PricePerMille,
    RowId,
    next_after,
)
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.core.ids import Address, PlacementId, address
from backend.placements.deals.deal import Deal, DealStatus, DealTerms, Party, PriceKind, price_per_impression
from backend.placements.deals.service import DealService
from backend.placements.placement import PlacementKind

_ADVERTISER, _PUBLISHER = "0x" + "a1" * 20, "0x" + "b2" * 20


class DealBody(Body):
    """An offer to one advertiser. The price is given per viewable impression or per thousand, and never changes."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{
        "advertiser": _ADVERTISER, "name": "Autumn at the gate", "price_kind": "fixed",
        "price_vcpm_micro_usdc": 4_000_000,
    }]})
    advertiser: Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$", description="the account that may accept")]
    name: Name
    price_kind: PriceKind
    price_micro_usdc: Price | None = None
    price_vcpm_micro_usdc: PricePerMille | None = None

    def terms(self) -> DealTerms:
        price = price_per_impression(self.price_micro_usdc, self.price_vcpm_micro_usdc)
        return DealTerms(address(self.advertiser), self.name, self.price_kind, price)


class AcceptBody(Body):
    """The line item that buys by the deal from now on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"line_item_id": 12}]})
    line_item_id: RowId


class DealAnswer(BaseModel):
    """A deal as both sides see it; `price_micro_usdc` is for one viewable impression."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "id": 5, "placement_id": 7, "placement_name": "Board at the gate", "world_name": "Harbour", "kind": "image",
        "width": 1_024, "height": 512, "publisher": _PUBLISHER, "advertiser": _ADVERTISER, "name": "Autumn at the gate",
        "price_kind": "fixed", "price_micro_usdc": 4_000, "status": "accepted", "line_item_id": 12,
        "decided_at": "2026-11-02T10:00:00Z", "created_at": "2026-11-01T09:00:00Z",
    }]})
    id: int
    placement_id: int
    placement_name: str
    world_name: str
    kind: PlacementKind
    width: int
    height: int
    publisher: str
    advertiser: str
    name: str
    price_kind: PriceKind
    price_micro_usdc: int
    status: DealStatus
    line_item_id: int | None
    decided_at: datetime | None
    created_at: datetime


class DealPage(BaseModel):
    items: list[DealAnswer]
    next_after: int | None


def router(service: DealService, access: Access) -> APIRouter:
    """Both sides' routes."""
    api = APIRouter(prefix="/v1")
    _add_publishers(api, service, access)
    _add_advertisers(api, service, access)
    return api


def _add_publishers(api: APIRouter, service: DealService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_WRITE))]

    @api.post("/placements/{placement}/deals", status_code=201, tags=["deals"],
              summary="Offer a placement to one advertiser", responses=responses(401, 403, 404, 409))
    def offer(placement: PathId, body: DealBody, wallet: Writer, key: IdempotencyKey = None) -> DealAnswer:
        return _answer(service.offer(wallet, PlacementId(placement), body.terms(), key=key))

    @api.get("/publisher/deals", tags=["deals"], summary="Deals that you have offered", responses=responses(401))
    def offered(wallet: Reader, after: After = 0, limit: Limit = 50) -> DealPage:
        return _page(service.deals(Party.PUBLISHER, wallet, after=after, limit=limit), limit)

    @api.get("/publisher/deals/{deal}", tags=["deals"], summary="One deal that you have offered",
             responses=responses(401, 404))
    def read_offered(deal: PathId, wallet: Reader) -> DealAnswer:
        return _answer(service.deal(Party.PUBLISHER, wallet, deal))

    @api.delete("/publisher/deals/{deal}", status_code=204, tags=["deals"],
                summary="Withdraw an offer, or end a deal", responses=responses(401, 403, 404))
    def withdraw(deal: PathId, wallet: Writer) -> None:
        service.end(Party.PUBLISHER, wallet, deal)


def _add_advertisers(api: APIRouter, service: DealService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_WRITE))]

    @api.get("/deals", tags=["deals"], summary="Deals that you were offered", responses=responses(401))
    def page(wallet: Reader, after: After = 0, limit: Limit = 50) -> DealPage:
        return _page(service.deals(Party.ADVERTISER, wallet, after=after, limit=limit), limit)

    @api.get("/deals/{deal}", tags=["deals"], summary="One deal that you were offered", responses=responses(401, 404))
    def read(deal: PathId, wallet: Reader) -> DealAnswer:
        return _answer(service.deal(Party.ADVERTISER, wallet, deal))

    @api.post("/deals/{deal}/accept", tags=["deals"], summary="Let a line item buy by the deal",
              responses=responses(401, 403, 404, 409))
    def accept(deal: PathId, body: AcceptBody, wallet: Writer) -> DealAnswer:
        return _answer(service.accept(wallet, deal, body.line_item_id))

    @api.post("/deals/{deal}/decline", tags=["deals"], summary="Decline an offer",
              responses=responses(401, 403, 404, 409))
    def decline(deal: PathId, wallet: Writer) -> DealAnswer:
        return _answer(service.decline(wallet, deal))

    @api.delete("/deals/{deal}", status_code=204, tags=["deals"], summary="End a deal that you had accepted",
                responses=responses(401, 403, 404, 409))
    def end(deal: PathId, wallet: Writer) -> None:
        service.end(Party.ADVERTISER, wallet, deal)


def _page(deals: list[Deal], limit: int) -> DealPage:
    items = [_answer(deal) for deal in deals]
    return DealPage(items=items, next_after=next_after([item.id for item in items], limit))


def _answer(deal: Deal) -> DealAnswer:
    return DealAnswer(
        id=deal.id, placement_id=deal.surface.placement, placement_name=deal.surface.name,
        world_name=deal.surface.world_name, kind=PlacementKind(deal.surface.kind), width=deal.surface.width,
        height=deal.surface.height, publisher=deal.publisher, advertiser=deal.terms.advertiser,
        name=deal.terms.name, price_kind=deal.terms.price_kind, price_micro_usdc=deal.terms.price_micro_usdc,
        status=deal.status, line_item_id=deal.line_item, decided_at=deal.decided_at, created_at=deal.created_at,
    )
