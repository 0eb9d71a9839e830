"""API keys over HTTP: programs that act for an account, with some of what a member may do."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from backend.api.access import Access
from backend.api.fields import After, Body, IdempotencyKey, Limit, Name, PathId, Time, next_after
from backend.api.problems import responses
from backend.auth.caller import Caller
from backend.auth.keys.key import ApiKey
from backend.auth.keys.service import KeyService
from backend.auth.permissions import Permission
from backend.core.ids import Address

_KEY_EXAMPLE: JsonDict = {
    "id": 7, "name": "Nightly report", "prefix": "5f2b9c01a7de", "scopes": ["campaigns.read", "reports.read"],
    "created_by": "0x" + "c3" * 20, "created_at": "2026-11-02T10:00:00Z", "expires_at": "2027-11-02T10:00:00Z",
    "last_used_at": None, "revoked_at": None,
}


class KeyBody(Body):
    """What a key is for, what it may do, and how long. Without `expires_at` it lives until it is revoked."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"name": "Nightly report", "scopes": ["campaigns.read", "reports.read"], "expires_at": None}
    ]})
    name: Name
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=len(Permission))]
    expires_at: Time | None = None


class KeyAnswer(BaseModel):
    """A key without its secret; `prefix` is how it begins (`sl_<prefix>_…`)."""

    model_config = ConfigDict(json_schema_extra={"examples": [_KEY_EXAMPLE]})
    id: int
    name: str
    prefix: str
    scopes: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewKey(KeyAnswer):
    """A key with its text, which is shown this once."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {**_KEY_EXAMPLE, "key": "sl_5f2b9c01a7de_" + "9f" * 32}
    ]})
    key: str | None = Field(description="null when the request is repeated: then revoke it and make another")


class KeyPage(BaseModel):
    items: list[KeyAnswer]
    next_after: int | None


def router(service: KeyService, access: Access) -> APIRouter:
    """Routes under /v1/api-keys."""
    api = APIRouter(prefix="/v1/api-keys", tags=["API keys"])
    Reader = Annotated[Address, Depends(access.account(Permission.KEYS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.KEYS_WRITE))]
    Creator = Annotated[Caller, Depends(access.may(Permission.KEYS_WRITE))]

    @api.post("", status_code=201, summary="Make an API key", responses=responses(401, 403, 409))
    def create(body: KeyBody, caller: Creator, response: Response, key: IdempotencyKey = None) -> NewKey:
        response.headers["Cache-Control"] = "no-store"
        made = service.make(caller, body.name, tuple(body.scopes), body.expires_at, key=key)
        return NewKey(**_answer(made.key).model_dump(), key=made.text)

    @api.get("", summary="The account's API keys", responses=responses(401, 403))
    def page(account: Reader, after: After = 0, limit: Limit = 50) -> KeyPage:
        found = [_answer(key) for key in service.keys(account, after=after, limit=limit)]
        return KeyPage(items=found, next_after=next_after([item.id for item in found], limit))

    @api.delete("/{api_key}", summary="Revoke an API key at once and for good", responses=responses(401, 403, 404))
    def revoke(api_key: PathId, account: Writer) -> KeyAnswer:
        return _answer(service.revoke(account, api_key))

    return api


def _answer(key: ApiKey) -> KeyAnswer:
    return KeyAnswer(
        id=key.id, name=key.name, prefix=key.prefix, scopes=list(key.scopes), created_by=key.created_by,
        created_at=key.created_at, expires_at=key.expires_at, last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
    )
