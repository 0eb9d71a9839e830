"""Public files: sellers.json, ads.txt, world-ads.txt, and the assets of the house creative."""

import re
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.access import Access
from backend.api.conditional import etag_of, matches
from backend.api.fields import Body, Name, PathId
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.core.errors import NotFound
from backend.core.house_creative import SIDE_MAX, HouseCreative, house_creative, picture
from backend.core.ids import Address, WorldId
from backend.placements.listings.lists import Seller
from backend.placements.listings.service import ListingService

CACHED = {"Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*"}
FOR_EVER = {
    "Cache-Control": "public, max-age=31536000, immutable", "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin", "X-Content-Type-Options": "nosniff",
}
_PICTURE = re.compile(r"([1-9]\d{0,2})x([1-9]\d{0,2})\.png", re.ASCII)
Domain = Annotated[str, Field(
    min_length=4, max_length=253, pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$",
    examples=["harbour.example"],
)]


class ListingBody(Body):
    """How you agree to be named in sellers.json. The domain must be the host of a world of yours that is verified."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Harbour Worlds", "domain": "harbour.example"}]}
    )
    name: Name
    domain: Domain


class ListingAnswer(BaseModel):
    """Without a name you are listed as confidential, by your number alone."""

    seller_id: str
    name: str | None
    domain: str | None


class SellerEntry(BaseModel):
    """IAB sellers.json 1.0, object Seller. Confidential ones have neither name nor domain."""

    seller_id: str
    seller_type: str
    is_confidential: int | None = None
    name: str | None = None
    domain: str | None = None


class SellersAnswer(BaseModel):
    """IAB sellers.json 1.0."""

    version: str
    contact_email: str | None = None
    sellers: list[SellerEntry]


def router(service: ListingService, access: Access) -> APIRouter:
    """Everything but /v1/publisher/listing is public."""
    api = APIRouter()
    _add_files(api, service)
    _add_listing(api, service, access)
    _add_house(api)
    return api


def _add_files(api: APIRouter, service: ListingService) -> None:
    @api.get("/sellers.json", tags=["public files"], summary="Who sells through us (IAB sellers.json)",
             response_model=SellersAnswer, responses=responses())
    def sellers(request: Request) -> Response:
        return _file(request, msgspec.json.encode(service.sellers_json()), "application/json")

    @api.get("/ads.txt", tags=["public files"], summary="Who sells space on this site (IAB ads.txt): nobody",
             response_class=Response, responses=responses() | _TEXT)
    def ads(request: Request) -> Response:
        return _file(request, service.ads_txt().encode(), "text/plain; charset=utf-8")

    @api.get("/v1/worlds/{world}/world-ads.txt", tags=["public files"],
             summary="What a publisher puts at /world-ads.txt on the world's host",
             response_class=Response, responses=responses(404) | _TEXT)
    def world_ads(world: PathId, request: Request) -> Response:
        return _file(request, service.world_ads_txt(WorldId(world)).encode(), "text/plain; charset=utf-8")


def _add_listing(api: APIRouter, service: ListingService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_WRITE))]

    @api.get("/v1/publisher/listing", tags=["publisher"], summary="How you are named in sellers.json",
             responses=responses(401, 404))
    def listing(wallet: Reader) -> ListingAnswer:
        return _listing(service.listing(wallet))

    @api.put("/v1/publisher/listing", tags=["publisher"], summary="Agree to be named in sellers.json",
             responses=responses(401, 403, 404, 409))
    def agree(body: ListingBody, wallet: Writer) -> ListingAnswer:
        return _listing(service.agree(wallet, body.name, body.domain))

    @api.delete("/v1/publisher/listing", status_code=204, tags=["publisher"], summary="Be named no more",
                responses=responses(401, 403, 404))
    def withdraw(wallet: Writer) -> None:
        service.withdraw(wallet)


def _add_house(api: APIRouter) -> None:
    @api.get("/house/{name}", tags=["public files"], summary="An asset of the house creative, for tests",
             response_class=Response, responses=responses(404) | _ASSET)
    def house(name: Annotated[str, Path(max_length=32)]) -> Response:
        asset = _asset(name)
        if asset is None:
            raise NotFound("not_found", "there is no such asset")
        return Response(asset.content, media_type=asset.media_type, headers=FOR_EVER)


def _asset(name: str) -> HouseCreative | None:
    match = _PICTURE.fullmatch(name)
    if match and max(int(match[1]), int(match[2])) <= SIDE_MAX:
        return picture(int(match[1]), int(match[2]))
    return next((asset for asset in (house_creative("audio", 1, 1), house_creative("model", 1, 1))
                 if asset.name == name), None)


def _file(request: Request, content: bytes, media_type: str) -> Response:
    """A file with its ETag; 304 when the reader has it."""
    headers = CACHED | {"ETag": etag_of(content)}
    if matches(request.headers.get("if-none-match", ""), headers["ETag"], weak=True):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _listing(seller: Seller) -> ListingAnswer:
    return ListingAnswer(seller_id=str(seller.index), name=seller.name, domain=seller.domain)


_TEXT: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "sightline.example, 12, DIRECT, 7"}}},
}
_ASSET: dict[int | str, dict[str, object]] = {
    200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}}
                      for kind in ("image/png", "audio/wav", "model/gltf-binary")}},
}
