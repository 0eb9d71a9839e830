"""Uploads of assets, and the cookieless paths from which they are shown."""

import asyncio
import tempfile
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from backend.api.access import Access
from backend.api.byte_range import byte_range
from backend.api.conditional import matches
from backend.api.fields import After, Limit, next_after
from backend.api.problems import problem, responses
from backend.auth.permissions import Permission
from backend.core.ids import Address
from backend.creatives.assets.asset import Asset
from backend.creatives.assets.service import THUMBNAIL_TYPE, AssetService, ServedFile
from backend.creatives.media.facts import AssetKind
from backend.creatives.media.inspection import MEDIA_TYPES

INSPECTIONS_MAX = 2                    # at a time in one process: each may take 200 MB and a core
SPOOL_BYTES = 1024 * 1024
PREFLIGHT = {
    "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "range", "Access-Control-Max-Age": "86400",
}
SAFE = {                               # whatever a browser makes of the bytes, it runs nothing and belongs to nobody
    "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'",
    "Accept-Ranges": "bytes",
}
PUBLIC = SAFE | {
    "Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Expose-Headers": "content-range, etag",
    "Cache-Control": "public, max-age=31536000, immutable",
}
PRIVATE = SAFE | {"Cache-Control": "private, no-store", "Cross-Origin-Resource-Policy": "same-origin"}

Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the bytes that are served")]
RangeHeader = Annotated[str | None, Header(alias="Range", max_length=200)]


class AssetAnswer(BaseModel):
    """A stored asset. Images are encoded anew without metadata, so `sha256` is not that of what was sent."""

    id: int
    sha256: str
    kind: AssetKind
    media_type: str
    bytes: int
    width: int = Field(description="pixels; of a model millimetres of its front; 0 for a sound")
    height: int
    duration_ms: int
    triangles: int
    details: dict[str, int | str] = Field(description="codecs, textures and other facts for people")
    created_at: datetime


class AssetPage(BaseModel):
    items: list[AssetAnswer]
    next_after: int | None


Described = dict[int | str, dict[str, object]]
_BYTES: dict[str, object] = {"schema": {"type": "string", "format": "binary"}}
UPLOAD: dict[str, object] = {"requestBody": {"required": True, "content": dict.fromkeys(MEDIA_TYPES, _BYTES)}}
FILE: Described = {
    200: {"description": "The bytes", "content": dict.fromkeys(MEDIA_TYPES, _BYTES)},
    206: {"description": "A part of the bytes", "content": dict.fromkeys(MEDIA_TYPES, _BYTES)},
}
THUMBNAIL: Described = {200: {"description": "WebP of at most 256 pixels a side", "content": {THUMBNAIL_TYPE: _BYTES}}}
KNOWN: Described = {304: {"description": "You have it"}}


def router(service: AssetService, access: Access) -> APIRouter:
    """Routes under /v1/assets, and /a for everybody."""
    api = APIRouter()
    _add_uploads(api, service, access)
    _add_previews(api, service, access)
    _add_public(api, service)
    return api


def _add_uploads(api: APIRouter, service: AssetService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CREATIVES_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.CREATIVES_WRITE))]
    turns = asyncio.Semaphore(INSPECTIONS_MAX)

    @api.post("/v1/assets", status_code=201, tags=["assets"], summary="Upload an image, a film, a sound or a model",
              openapi_extra=UPLOAD, responses=responses(401, 403, 409, 413))
    async def create(request: Request, wallet: Writer) -> AssetAnswer:
        """The body is the file itself, with its Content-Type. The same file again gives the same asset."""
        with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as spool:
            async for chunk in request.stream():
                spool.write(chunk)
            async with turns:
                spool.seek(0)
                declared = request.headers.get("content-type", "")
                return _asset(await run_in_threadpool(service.upload, wallet, spool.read(), declared))

    @api.get("/v1/assets", tags=["assets"], summary="Your assets", responses=responses(401))
    def page(wallet: Reader, after: After = 0, limit: Limit = 50) -> AssetPage:
        items = [_asset(asset) for asset in service.assets(wallet, after=after, limit=limit)]
        return AssetPage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.get("/v1/assets/{sha256}", tags=["assets"], summary="One asset", responses=responses(401, 404))
    def read(sha256: Sha256, wallet: Reader) -> AssetAnswer:
        return _asset(service.asset(wallet, sha256))


def _add_previews(api: APIRouter, service: AssetService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CREATIVES_READ))]

    @api.get("/v1/assets/{sha256}/content", tags=["assets"], summary="The bytes of your asset, approved or not",
             response_class=Response, responses=FILE | responses(401, 404, 416))
    def content(request: Request, sha256: Sha256, wallet: Reader, wanted: RangeHeader = None) -> Response:
        return send(request, service.own_file(wallet, sha256), wanted, PRIVATE)

    @api.get("/v1/assets/{sha256}/thumbnail", tags=["assets"], summary="A small picture of your asset",
             response_class=Response, responses=THUMBNAIL | responses(401, 404))
    def thumbnail(sha256: Sha256, wallet: Reader) -> Response:
        return Response(service.own_thumbnail(wallet, sha256), media_type=THUMBNAIL_TYPE, headers=PRIVATE)


def _add_public(api: APIRouter, service: AssetService) -> None:
    """Guarded by nothing and reading no cookie: the address is the hash of the content, and never changes (L55)."""

    @api.head("/a/{sha256}", include_in_schema=False)
    @api.get("/a/{sha256}", tags=["ads"], summary="The asset of an approved ad", response_class=Response,
             responses=FILE | KNOWN | responses(404, 416))
    def asset(request: Request, sha256: Sha256, wanted: RangeHeader = None) -> Response:
        return _unless_known(
            request, f'"{sha256}"', lambda: send(request, service.public_file(sha256), wanted, PUBLIC)
        )

    @api.head("/a/{sha256}/thumbnail", include_in_schema=False)
    @api.get("/a/{sha256}/thumbnail", tags=["ads"], summary="A small picture of the asset of an approved ad",
             response_class=Response, responses=THUMBNAIL | KNOWN | responses(404))
    def asset_thumbnail(request: Request, sha256: Sha256) -> Response:
        etag = f'"{sha256}-thumbnail"'

        def answer() -> Response:
            picture = service.public_thumbnail(sha256)
            headers = PUBLIC | {"ETag": etag, "Content-Length": str(len(picture))}
            return Response(b"" if request.method == "HEAD" else picture, media_type=THUMBNAIL_TYPE, headers=headers)

        return _unless_known(request, etag, answer)

    @api.options("/a/{sha256}", include_in_schema=False)
    async def preflight() -> Response:
        return Response(status_code=204, headers=PREFLIGHT)


def _unless_known(request: Request, etag: str, answer: Callable[[], Response]) -> Response:
    """304 to who names the only ETag there can be, but not for what has been taken down meanwhile."""
    made = answer()
    if made.status_code < 300 and matches(request.headers.get("if-none-match", ""), etag, weak=True):
        return Response(status_code=304, headers=PUBLIC | {"ETag": etag})
    return made


def send(request: Request, file: ServedFile, wanted: str | None, headers: dict[str, str]) -> Response:
    """The file or the range of it that is `wanted`; `If-Range` with another ETag wants everything."""
    etag = f'"{file.sha256}"'
    if request.headers.get("if-range", etag) != etag:
        wanted = None
    found = byte_range(wanted, file.size)
    if found is None:
        return problem(request, 416, "range_not_satisfiable", f"the asset has {file.size} bytes",
                       headers={"Content-Range": f"bytes */{file.size}"})
    start, end = found
    partial = end - start < file.size
    sent = headers | {"ETag": etag, "Content-Length": str(end - start)}
    if partial:
        sent["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    status = 206 if partial else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=sent, media_type=file.media_type)
    return StreamingResponse(file.chunks(start, end), status, sent, file.media_type)


def _asset(asset: Asset) -> AssetAnswer:
    facts = asset.facts
    return AssetAnswer(
        id=asset.id, sha256=asset.sha256, kind=facts.kind, media_type=facts.media_type, bytes=asset.bytes,
        width=facts.width, height=facts.height, duration_ms=facts.duration_ms, triangles=facts.triangles,
        details=facts.details, created_at=asset.created_at,
    )
