"""Publishers, worlds and placements over HTTP. Everything here is the signed-in publisher's own."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from backend.api.access import Access
from backend.api.fields import (
    PRICE_MICRO_USDC_MAX,
    After,
    Body,
    IdempotencyKey,
    Limit,
    Name,
    PathId,
    Pixels,
    Url,
    next_after,
)
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.core.categories import WorldCategory, WorldEngine
from backend.core.ids import Address, PlacementId, WorldId
from backend.placements.placement import Placement, PlacementKind, PlacementTerms, floor_per_impression
from backend.placements.publisher import PayoutMode
from backend.placements.service import PaidPublisher, PlacementService
from backend.placements.world import ListingStatus, World, WorldTerms

Floor = Annotated[
    StrictInt, Field(ge=0, le=PRICE_MICRO_USDC_MAX, description="micro-USDC for one viewable impression; 0: no floor")
]
FloorPerMille = Annotated[
    StrictInt,
    Field(ge=0, le=1_000 * PRICE_MICRO_USDC_MAX, description="micro-USDC for a thousand; a multiple of 1000"),
]


class WorldBody(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{
            "name": "Harbour", "engine": "three", "category": "games", "url": "https://harbour.example/",
        }]},
    )
    name: Name
    engine: WorldEngine
    category: WorldCategory
    url: Url


class WorldChange(Body):
    """What is left out stays as it is."""

    name: Name | None = None
    category: WorldCategory | None = None
    url: Url | None = None
    status: ListingStatus | None = None

    def applied(self, terms: WorldTerms) -> WorldTerms:
        return replace(
            terms, name=self.name or terms.name, category=self.category or terms.category, url=self.url or terms.url,
            status=self.status or terms.status,
        )


class WorldAnswer(BaseModel):
    id: int
    publisher_index: int
    name: str
    engine: WorldEngine
    category: WorldCategory
    url: str
    status: ListingStatus
    created_at: datetime


class WorldPage(BaseModel):
    items: list[WorldAnswer]
    next_after: int | None


class PlacementBody(Body):
    """The floor is given per viewable impression (`floor_micro_usdc`) or per thousand (`floor_vcpm_micro_usdc`)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{
            "name": "Board at the gate", "kind": "image", "width": 1024, "height": 512,
            "floor_vcpm_micro_usdc": 1_500_000,
        }]},
    )
    name: Name
    kind: PlacementKind
    width: Pixels
    height: Pixels
    floor_micro_usdc: Floor | None = None
    floor_vcpm_micro_usdc: FloorPerMille | None = None

    def terms(self) -> PlacementTerms:
        floor = floor_per_impression(self.floor_micro_usdc, self.floor_vcpm_micro_usdc)
        return PlacementTerms(self.name, self.kind, self.width, self.height, floor)


class PlacementChange(Body):
    """What is left out stays as it is."""

    name: Name | None = None
    status: ListingStatus | None = None
    floor_micro_usdc: Floor | None = None
    floor_vcpm_micro_usdc: FloorPerMille | None = None

    def applied(self, terms: PlacementTerms) -> PlacementTerms:
        floor_sent = not self.model_fields_set.isdisjoint({"floor_micro_usdc", "floor_vcpm_micro_usdc"})
        return replace(
            terms, name=self.name or terms.name, status=self.status or terms.status,
            floor_micro_usdc=floor_per_impression(self.floor_micro_usdc, self.floor_vcpm_micro_usdc)
            if floor_sent else terms.floor_micro_usdc,
        )


class PlacementAnswer(BaseModel):
    """A placement; `floor_micro_usdc` is for one viewable impression."""

    id: int
    world_id: int
    name: str
    kind: PlacementKind
    width: int
    height: int
    floor_micro_usdc: int
    status: ListingStatus
    created_at: datetime


class PlacementPage(BaseModel):
    items: list[PlacementAnswer]
    next_after: int | None


class PublisherChange(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"payout_mode": "manual"}]})
    payout_mode: PayoutMode


class PublisherAnswer(BaseModel):
    """`earned` is in no epoch yet, before the fee; `payable` is settled and not sent yet; `paid` was sent on chain."""

    index: int = Field(description="place in the settlement tree, stable for life")
    wallet: str
    payout_mode: PayoutMode
    earned_micro_usdc: int
    payable_micro_usdc: int
    paid_micro_usdc: int


def router(service: PlacementService, access: Access) -> APIRouter:
    """Routes under /v1/publisher, /v1/worlds and /v1/placements."""
    api = APIRouter(prefix="/v1")
    _add_publisher(api, service, access)
    _add_worlds(api, service, access)
    _add_placements(api, service, access)
    return api


def _add_publisher(api: APIRouter, service: PlacementService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_WRITE))]

    @api.get("/publisher", tags=["publisher"], summary="Your place in the settlement tree and your earnings",
             responses=responses(401, 404))
    def read(wallet: Reader) -> PublisherAnswer:
        return _publisher(service.publisher(wallet))

    @api.patch("/publisher", tags=["publisher"], summary="Be paid after each epoch (auto) or claim yourself (manual)",
               responses=responses(401, 403, 404))
    def change(body: PublisherChange, wallet: Writer) -> PublisherAnswer:
        return _publisher(service.set_payout_mode(wallet, body.payout_mode))


def _add_worlds(api: APIRouter, service: PlacementService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_WRITE))]

    @api.post("/worlds", status_code=201, tags=["worlds"], summary="Add a world; your first makes you a publisher",
              responses=responses(401, 403, 409))
    def create(body: WorldBody, wallet: Writer, key: IdempotencyKey = None) -> WorldAnswer:
        terms = WorldTerms(body.name, body.engine, body.category, body.url)
        return _world(service.create_world(wallet, terms, key=key))

    @api.get("/worlds", tags=["worlds"], summary="Your worlds", responses=responses(401))
    def page(wallet: Reader, after: After = 0, limit: Limit = 50) -> WorldPage:
        items = [_world(world) for world in service.worlds(wallet, after=after, limit=limit)]
        return WorldPage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.get("/worlds/{world}", tags=["worlds"], summary="One world", responses=responses(401, 404))
    def read(world: PathId, wallet: Reader) -> WorldAnswer:
        return _world(service.world(wallet, WorldId(world)))

    @api.patch("/worlds/{world}", tags=["worlds"], summary="Rename, move, pause or resume a world",
               responses=responses(401, 403, 404))
    def change(world: PathId, body: WorldChange, wallet: Writer) -> WorldAnswer:
        return _world(service.change_world(wallet, WorldId(world), body.applied))


def _add_placements(api: APIRouter, service: PlacementService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_WRITE))]

    @api.post("/worlds/{world}/placements", status_code=201, tags=["placements"], summary="Add a surface to sell",
              responses=responses(401, 403, 404, 409))
    def create(world: PathId, body: PlacementBody, wallet: Writer, key: IdempotencyKey = None) -> PlacementAnswer:
        return _placement(service.create_placement(wallet, WorldId(world), body.terms(), key=key))

    @api.get("/worlds/{world}/placements", tags=["placements"], summary="Placements of a world",
             responses=responses(401, 404))
    def page(world: PathId, wallet: Reader, after: After = 0, limit: Limit = 50) -> PlacementPage:
        found = service.placements(wallet, WorldId(world), after=after, limit=limit)
        items = [_placement(placement) for placement in found]
        return PlacementPage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.get("/placements/{placement}", tags=["placements"], summary="One placement", responses=responses(401, 404))
    def read(placement: PathId, wallet: Reader) -> PlacementAnswer:
        return _placement(service.placement(wallet, PlacementId(placement)))

    @api.patch("/placements/{placement}", tags=["placements"], summary="Rename, reprice, pause or resume a placement",
               responses=responses(401, 403, 404))
    def change(placement: PathId, body: PlacementChange, wallet: Writer) -> PlacementAnswer:
        return _placement(service.change_placement(wallet, PlacementId(placement), body.applied))


def _publisher(paid: PaidPublisher) -> PublisherAnswer:
    return PublisherAnswer(
        index=paid.publisher.index, wallet=paid.publisher.wallet, payout_mode=paid.publisher.payout_mode,
        earned_micro_usdc=paid.earnings.earned_micro_usdc, payable_micro_usdc=paid.earnings.payable_micro_usdc,
        paid_micro_usdc=paid.earnings.paid_micro_usdc,
    )


def _world(world: World) -> WorldAnswer:
    terms = world.terms
    return WorldAnswer(
        id=world.id, publisher_index=world.publisher_index, name=terms.name, engine=terms.engine,
        category=terms.category, url=terms.url, status=terms.status, created_at=world.created_at,
    )


def _placement(placement: Placement) -> PlacementAnswer:
    terms = placement.terms
    return PlacementAnswer(
        id=placement.id, world_id=placement.world_id, name=terms.name, kind=terms.kind, width=terms.width,
        height=terms.height, floor_micro_usdc=terms.floor_micro_usdc, status=terms.status,
        created_at=placement.created_at,
    )
