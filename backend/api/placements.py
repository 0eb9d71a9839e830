"""Publishers, their placements and what they block, over HTTP. Everything here is the signed-in publisher's own."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from backend.api.access import Access
from backend.api.fields import (
    AMOUNT_MICRO_USDC_MAX,
    PRICE_MICRO_USDC_MAX,
    After,
    Body,
    IdempotencyKey,
    Limit,
    Name,
    PathId,
    Pixels,
    RowId,
    next_after,
)
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.core.categories import CampaignCategory
from backend.core.errors import Unprocessable
from backend.core.ids import Address, PlacementId, WorldId, address
from backend.placements.blocks import Block, BlockKind, BlockTerms, block_value
from backend.placements.placement import (
    SHARES_MAX,
    Placement,
    PlacementKind,
    PlacementTerms,
    Share,
    floor_per_impression,
    in_order,
    soft_floor_per_impression,
)
from backend.placements.publisher import PayoutMode
from backend.placements.service import PaidPublisher, PlacementService
from backend.placements.world import ListingStatus

Floor = Annotated[
    StrictInt, Field(ge=0, le=PRICE_MICRO_USDC_MAX, description="micro-USDC for one viewable impression; 0: no floor")
]
FloorPerMille = Annotated[
    StrictInt,
    Field(ge=0, le=1_000 * PRICE_MICRO_USDC_MAX, description="micro-USDC for a thousand; a multiple of 1000"),
]
SoftFloor = Annotated[
    StrictInt,
    Field(gt=0, le=PRICE_MICRO_USDC_MAX, description="as the floor; each request asks for an amount between both"),
]
SoftFloorPerMille = Annotated[
    StrictInt, Field(gt=0, le=1_000 * PRICE_MICRO_USDC_MAX, description="the soft floor for a thousand"),
]
DealsOnly = Annotated[bool, Field(strict=True, description="only private deals and sponsorships buy here")]
HourlyFloor = Annotated[
    StrictInt,
    Field(gt=0, le=AMOUNT_MICRO_USDC_MAX, description="micro-USDC for an hour of a sponsorship; null: not sold so"),
]
Millimetres = Annotated[
    StrictInt, Field(gt=0, le=1_000_000, description="of the surface itself in its world; give both or neither")
]
Accepted = Annotated[
    frozenset[CampaignCategory], Field(description="categories of campaigns that may be shown; none: all of them")
]
TestMode = Annotated[bool, Field(strict=True, description="show the house creative for free")]


class ShareBody(Body):
    """Of 10,000 sales, `basis_points` pay this wallet, each of them in whole."""

    wallet: Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
    basis_points: Annotated[StrictInt, Field(ge=1, le=10_000)]


Shares = Annotated[
    tuple[ShareBody, ...],
    Field(max_length=SHARES_MAX, description="who is paid, 10,000 basis points in sum; none: you alone"),
]


def _shares(shares: tuple[ShareBody, ...]) -> tuple[Share, ...]:
    return in_order(Share(address(share.wallet), share.basis_points) for share in shares)


def _accepted(categories: frozenset[CampaignCategory]) -> tuple[CampaignCategory, ...]:
    return tuple(sorted(categories))


class PlacementBody(Body):
    """The floor is given per viewable impression (`floor_micro_usdc`) or per thousand (`floor_vcpm_micro_usdc`).

    `width` and `height` are pixels of the texture; audio has none, a model has the proportions of its front.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{
            "name": "Board at the gate", "kind": "image", "width": 1024, "height": 512,
            "floor_vcpm_micro_usdc": 1_500_000, "width_mm": 4_000, "height_mm": 2_000,
            "accepted_categories": ["games", "music"],
            "shares": [
                {"wallet": "0x" + "a1" * 20, "basis_points": 7_000},
                {"wallet": "0x" + "b2" * 20, "basis_points": 3_000},
            ],
        }]},
    )
    name: Name
    kind: PlacementKind
    width: Pixels | None = None
    height: Pixels | None = None
    floor_micro_usdc: Floor | None = None
    floor_vcpm_micro_usdc: FloorPerMille | None = None
    width_mm: Millimetres | None = None
    height_mm: Millimetres | None = None
    hourly_floor_micro_usdc: HourlyFloor | None = None
    accepted_categories: Accepted = frozenset()
    test_mode: TestMode = False
    shares: Shares = ()
    soft_floor_micro_usdc: SoftFloor | None = None
    soft_floor_vcpm_micro_usdc: SoftFloorPerMille | None = None
    deals_only: DealsOnly = False

    def terms(self) -> PlacementTerms:
        width, height = self._pixels()
        return PlacementTerms(
            self.name, self.kind, width, height,
            floor_per_impression(self.floor_micro_usdc, self.floor_vcpm_micro_usdc),
            width_mm=self.width_mm, height_mm=self.height_mm, hourly_floor_micro_usdc=self.hourly_floor_micro_usdc,
            accepted=_accepted(self.accepted_categories), test_mode=self.test_mode, shares=_shares(self.shares),
            soft_floor_micro_usdc=soft_floor_per_impression(
                self.soft_floor_micro_usdc, self.soft_floor_vcpm_micro_usdc
            ),
            deals_only=self.deals_only,
        )

    def _pixels(self) -> tuple[int, int]:
        """What is only heard is one pixel large, so that every sound fits it."""
        if self.kind is PlacementKind.AUDIO:
            return 1, 1
        if self.width is None or self.height is None:
            raise Unprocessable("size_incomplete", "give width and height")
        return self.width, self.height


NULLABLE = frozenset({"width_mm", "height_mm", "hourly_floor_micro_usdc"})
"""Fields of a change for which null is a value; for all others it is the same as leaving them out."""


class PlacementChange(Body):
    """What is left out stays as it is."""

    name: Name | None = None
    status: ListingStatus | None = None
    floor_micro_usdc: Floor | None = None
    floor_vcpm_micro_usdc: FloorPerMille | None = None
    width_mm: Millimetres | None = None
    height_mm: Millimetres | None = None
    hourly_floor_micro_usdc: HourlyFloor | None = None
    accepted_categories: Accepted | None = None
    test_mode: TestMode | None = None
    shares: Shares | None = None
    soft_floor_micro_usdc: SoftFloor | None = None
    soft_floor_vcpm_micro_usdc: SoftFloorPerMille | None = None
    deals_only: DealsOnly | None = None

    def applied(self, terms: PlacementTerms) -> PlacementTerms:
        floor_sent = not self.model_fields_set.isdisjoint({"floor_micro_usdc", "floor_vcpm_micro_usdc"})
        soft_sent = not self.model_fields_set.isdisjoint({"soft_floor_micro_usdc", "soft_floor_vcpm_micro_usdc"})
        return replace(
            terms, name=self.name or terms.name, status=self.status or terms.status,
            floor_micro_usdc=floor_per_impression(self.floor_micro_usdc, self.floor_vcpm_micro_usdc)
            if floor_sent else terms.floor_micro_usdc,
            **{name: getattr(self, name) for name in NULLABLE & self.model_fields_set},
            accepted=terms.accepted if self.accepted_categories is None else _accepted(self.accepted_categories),
            test_mode=terms.test_mode if self.test_mode is None else self.test_mode,
            shares=terms.shares if self.shares is None else _shares(self.shares),
            soft_floor_micro_usdc=soft_floor_per_impression(
                self.soft_floor_micro_usdc, self.soft_floor_vcpm_micro_usdc
            ) if soft_sent else terms.soft_floor_micro_usdc,
            deals_only=terms.deals_only if self.deals_only is None else self.deals_only,
        )


class PlacementAnswer(BaseModel):
    """A placement; `floor_micro_usdc` is for one viewable impression."""

    id: int
    world_id: int
    name: str
    kind: PlacementKind
    width: int
    height: int
    width_mm: int | None
    height_mm: int | None
    floor_micro_usdc: int
    soft_floor_micro_usdc: int | None
    deals_only: bool
    hourly_floor_micro_usdc: int | None
    accepted_categories: list[CampaignCategory]
    test_mode: bool
    shares: list[ShareBody]
    status: ListingStatus
    created_at: datetime


class PlacementPage(BaseModel):
    items: list[PlacementAnswer]
    next_after: int | None


class BlockBody(Body):
    """`value`: the wallet of an advertiser, a category of campaigns, or a creative's id. `world_id`: only there."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"kind": "category", "value": "finance"}]}
    )
    kind: BlockKind
    value: Annotated[str, Field(min_length=1, max_length=64)]
    world_id: RowId | None = None

    def terms(self) -> BlockTerms:
        world = None if self.world_id is None else WorldId(self.world_id)
        return BlockTerms(self.kind, block_value(self.kind, self.value), world)


class BlockAnswer(BaseModel):
    id: int
    kind: BlockKind
    value: str
    world_id: int | None
    created_at: datetime


class BlockPage(BaseModel):
    items: list[BlockAnswer]
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
    """Routes under /v1/publisher and /v1/placements."""
    api = APIRouter(prefix="/v1")
    _add_publisher(api, service, access)
    _add_blocks(api, service, access)
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


def _add_blocks(api: APIRouter, service: PlacementService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_WRITE))]

    @api.post("/publisher/blocks", status_code=201, tags=["publisher"],
              summary="Show an advertiser, a category or a creative no more", responses=responses(401, 403, 404, 409))
    def block(body: BlockBody, wallet: Writer, key: IdempotencyKey = None) -> BlockAnswer:
        return _block(service.block(wallet, body.terms(), key=key))

    @api.get("/publisher/blocks", tags=["publisher"], summary="What you do not show", responses=responses(401, 404))
    def blocks(wallet: Reader, after: After = 0, limit: Limit = 50) -> BlockPage:
        items = [_block(one) for one in service.blocks(wallet, after=after, limit=limit)]
        return BlockPage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.delete("/publisher/blocks/{block}", status_code=204, tags=["publisher"], summary="Show it again",
                responses=responses(401, 403, 404))
    def unblock(block: PathId, wallet: Writer) -> None:
        service.unblock(wallet, block)


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


def _placement(placement: Placement) -> PlacementAnswer:
    terms = placement.terms
    return PlacementAnswer(
        id=placement.id, world_id=placement.world_id, name=terms.name, kind=terms.kind, width=terms.width,
        height=terms.height, width_mm=terms.width_mm, height_mm=terms.height_mm,
        floor_micro_usdc=terms.floor_micro_usdc, hourly_floor_micro_usdc=terms.hourly_floor_micro_usdc,
        accepted_categories=list(terms.accepted), test_mode=terms.test_mode,
        shares=[ShareBody(wallet=share.wallet, basis_points=share.basis_points) for share in terms.shares],
        soft_floor_micro_usdc=terms.soft_floor_micro_usdc, deals_only=terms.deals_only,
        status=terms.status, created_at=placement.created_at,
    )


def _block(block: Block) -> BlockAnswer:
    terms = block.terms
    return BlockAnswer(
        id=block.id, kind=terms.kind, value=terms.value, world_id=terms.world, created_at=block.created_at
    )
