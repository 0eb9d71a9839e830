"""Moderators, admins and auditors over HTTP: admins say who they are."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from backend.api.access import Access
from backend.api.organisations import PathWallet
from backend.api.problems import responses
from backend.auth.permissions import Permission, PlatformRole
from backend.auth.platform.role import Granted
from backend.auth.platform.service import PlatformService
from backend.core.ids import Address, address


class RoleAnswer(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{
        "wallet": "0x" + "c3" * 20, "role": "moderator", "granted_by": "0x" + "a1" * 20,
        "created_at": "2026-11-02T10:00:00Z",
    }]})
    wallet: str
    role: PlatformRole
    granted_by: str
    created_at: datetime


class RoleList(BaseModel):
    items: list[RoleAnswer]


def router(service: PlatformService, access: Access) -> APIRouter:
    """Routes under /v1/admin/roles."""
    api = APIRouter(prefix="/v1/admin/roles", tags=["administration"])
    Reader = Annotated[Address, Depends(access.member(Permission.ADMIN_READ))]
    Admin = Annotated[Address, Depends(access.member(Permission.ADMIN_WRITE))]

    @api.get("", summary="Who has a role at the operator", responses=responses(401, 403))
    def roles(_: Reader) -> RoleList:
        return RoleList(items=[_answer(found) for found in service.roles()])

    @api.put("/{wallet}/{role}", summary="Give a wallet a role", responses=responses(401, 403, 409))
    def grant(wallet: PathWallet, role: PlatformRole, _: Admin) -> RoleAnswer:
        return _answer(service.grant(address(wallet), role))

    @api.delete("/{wallet}/{role}", status_code=204, summary="Take a role from a wallet",
                responses=responses(401, 403, 404, 409))
    def revoke(wallet: PathWallet, role: PlatformRole, _: Admin) -> None:
        service.revoke(address(wallet), role)

    return api


def _answer(found: Granted) -> RoleAnswer:
    return RoleAnswer(
        wallet=found.wallet, role=found.role, granted_by=found.granted_by, created_at=found.created_at
    )
