"""Rights of accounts (GDPR art. 15, 17, 20): a copy of everything, and erasure."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field, StringConstraints

from backend.api.access import Access
from backend.api.fields import After, Body, IdempotencyKey, Limit, PathId, next_after
from backend.api.problems import responses
from backend.auth.caller import Caller
from backend.auth.permissions import Permission
from backend.core.ids import Address, address
from backend.privacy.erasure.request import ON_CHAIN, reasons
from backend.privacy.erasure.service import Erased, ErasureService
from backend.privacy.export.service import ExportService, Opened

NEVER_STORED = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
Wallet = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]


class ExportAnswer(BaseModel):
    """A copy of everything about the account. `download_url` is there while there is a file, good for a day."""

    id: int
    status: str = Field(description="waiting, ready or deleted", examples=["ready"])
    bytes: int | None
    sha256: str | None = Field(description="of the archive, hex")
    requested_at: datetime
    ready_at: datetime | None
    download_url: str | None
    download_expires_at: datetime | None


class ExportPage(BaseModel):
    items: list[ExportAnswer]
    next_after: int | None


class ErasureBody(Body):
    """`confirm`: the wallet of the account, so that no request erases by mistake."""

    confirm: Annotated[Wallet, Field(examples=["0x70997970c51812dc3a010c7d01b50e0d17dc79c8"])]


class ErasureAnswer(BaseModel):
    """What was done. Rows by table; `kept_because` says why what is left is kept."""

    id: int
    account: str
    erased_at: datetime
    deleted: dict[str, int]
    blanked: dict[str, int] = Field(description="rows that stay without what was personal in them")
    kept: dict[str, int]
    kept_because: dict[str, str]
    keys_deleted: int = Field(description="keys with which personal data was sealed, in backups too")
    on_chain: str


def router(exports: ExportService, erasures: ErasureService, access: Access) -> APIRouter:
    """Routes under /v1/privacy."""
    api = APIRouter(prefix="/v1/privacy", tags=["privacy"])
    _add_exports(api, exports, access)
    _add_erasures(api, erasures, access)
    return api


def _add_exports(api: APIRouter, exports: ExportService, access: Access) -> None:
    @api.post(
        "/exports", status_code=202, summary="Ask for a copy of everything about the account",
        responses=responses(401, 403, 409),
    )
    def ask(
        account: Annotated[Address, Depends(access.account(Permission.PRIVACY_WRITE))], key: IdempotencyKey = None
    ) -> ExportAnswer:
        return _export(exports.ask(account, key))

    @api.get("/exports", summary="List the account's exports", responses=responses(401, 403))
    def listed(
        account: Annotated[Address, Depends(access.account(Permission.PRIVACY_READ))],
        after: After = 0, limit: Limit = 20,
    ) -> ExportPage:
        found = exports.exports(account, after, limit)
        return ExportPage(
            items=[_export(one) for one in found], next_after=next_after([one.export.id for one in found], limit)
        )

    @api.get("/exports/{export_id}", summary="Read an export, with a fresh link", responses=responses(401, 403, 404))
    def read(
        account: Annotated[Address, Depends(access.account(Permission.PRIVACY_READ))], export_id: PathId
    ) -> ExportAnswer:
        return _export(exports.export(account, export_id))

    @api.get(
        "/exports/{export_id}/download", summary="Fetch an export by its signed link", response_class=FileResponse,
        responses=responses(403, 404) | {200: {"content": {"application/zip": {}}, "description": "The archive"}},
    )
    def download(
        export_id: PathId,
        expires: Annotated[int, Query(ge=0, le=2**40, description="Unix seconds", examples=[1793700000])],
        signature: Annotated[str, Query(min_length=43, max_length=43, pattern=r"^[A-Za-z0-9_-]+$",
                                        examples=["A" * 43])],
    ) -> FileResponse:
        """Needs no session: whoever has the link may read the archive for a day, so treat it like a password."""
        path = exports.download(export_id, expires, signature)
        return FileResponse(
            path, media_type="application/zip", filename=f"sightline-export-{export_id}.zip", headers=NEVER_STORED
        )


def _add_erasures(api: APIRouter, erasures: ErasureService, access: Access) -> None:
    @api.post(
        "/erasures", status_code=201, summary="Erase the account for good",
        responses=responses(401, 403, 409),
    )
    def erase(
        body: ErasureBody,
        caller: Annotated[Caller, Depends(access.may(Permission.PRIVACY_WRITE))],
        token: Annotated[str, Depends(access.token(Permission.PRIVACY_WRITE))],
    ) -> ErasureAnswer:
        """Needs a sign-in of the last ten minutes by the account's own wallet, and nothing owed on either side.

        Money in a wallet's own escrow is no obstacle: it stays that wallet's and is withdrawn on chain.
        """
        session = access.service.session(token)
        return _erasure(erasures.erase(caller.account, caller.member, address(body.confirm), session.created_at))


def _export(opened: Opened) -> ExportAnswer:
    export = opened.export
    return ExportAnswer(
        id=export.id, status=export.status, bytes=export.bytes, sha256=export.sha256,
        requested_at=export.requested_at, ready_at=export.ready_at, download_url=opened.link,
        download_expires_at=opened.expires_at,
    )


def _erasure(erased: Erased) -> ErasureAnswer:
    done = erased.done
    return ErasureAnswer(
        id=erased.id, account=erased.account, erased_at=erased.erased_at, deleted=dict(done.deleted),
        blanked=dict(done.blanked), kept=dict(done.kept), kept_because=reasons(done), keys_deleted=done.keys,
        on_chain=ON_CHAIN,
    )
