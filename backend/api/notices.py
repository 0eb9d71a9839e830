"""Notices over HTTP: what the account should know, without e-mail."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from backend.api.access import Access
from backend.api.fields import After, Body, Limit, PathId, RowId, next_after
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.core.ids import Address
from backend.operation.notices.service import Notice, NoticeService

Unread = Annotated[bool, Query(description="only what nobody of the account has read yet")]


class NoticeAnswer(BaseModel):
    """`kind` is one of docs/notices.md, which also tells what `content` has."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "id": 41, "kind": "creative.rejected", "content": {"creative": 7, "reason": "misleading"},
        "created_at": "2026-11-02T10:00:00Z", "read_at": None,
    }]})
    id: int
    kind: str
    content: dict[str, Any]
    created_at: datetime
    read_at: datetime | None


class NoticePage(BaseModel):
    items: list[NoticeAnswer]
    next_after: int | None
    unread: int = Field(description="of all notices of the account")


class ReadBody(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"up_to": 41}]})
    up_to: RowId


class ReadAnswer(BaseModel):
    """How many notices were unread until now."""

    marked: int


def router(service: NoticeService, access: Access) -> APIRouter:
    """Routes under /v1/notices."""
    api = APIRouter(prefix="/v1/notices", tags=["notices"])
    Reader = Annotated[Address, Depends(access.account(Permission.NOTICES_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.NOTICES_WRITE))]

    @api.get("", summary="What you were told, oldest first", responses=responses(401))
    def page(account: Reader, after: After = 0, limit: Limit = 50, unread: Unread = False) -> NoticePage:
        found, left = service.page(account, after=after, limit=limit, unread=unread)
        return NoticePage(
            items=[_notice(one) for one in found], next_after=next_after([one.id for one in found], limit), unread=left
        )

    @api.post("/read", summary="Mark everything up to a notice as read", responses=responses(401, 403))
    def mark_up_to(body: ReadBody, account: Writer) -> ReadAnswer:
        return ReadAnswer(marked=service.mark_read_up_to(account, body.up_to))

    @api.post("/{notice}/read", status_code=204, summary="Mark a notice as read", responses=responses(401, 403, 404))
    def mark(notice: PathId, account: Writer) -> None:
        service.mark_read(account, notice)

    return api


def _notice(notice: Notice) -> NoticeAnswer:
    return NoticeAnswer(
        id=notice.id, kind=notice.kind, content=notice.content, created_at=notice.created_at, read_at=notice.read_at
    )
