"""The audit log over HTTP: auditors read all of it, accounts what was done for them, anybody its head."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from backend.api.access import Access
from backend.api.fields import After, Limit, next_after
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.core.audit_chain import Entry
from backend.core.ids import Address
from backend.operation.audit.service import AuditService, Filters

FILTER_CHARACTERS_MAX = 100
Filter = Annotated[str | None, Query(min_length=1, max_length=FILTER_CHARACTERS_MAX, pattern=r"^[\x21-\x7e ]+$")]
ActionFilter = Annotated[
    str | None,
    Query(min_length=1, max_length=FILTER_CHARACTERS_MAX, pattern=r"^[a-z_]+\.[a-z_]*$",
          description="`campaign.create`, or `campaign.` for all that is done to campaigns"),
]
_HASH_EXAMPLE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class EntryAnswer(BaseModel):
    """One act. `hash` covers the entry and the hash of the entry before; see docs/operating.md."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "sequence": 12, "at": "2026-11-02T10:00:00Z", "actor": "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "account": "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266", "action": "campaign.create", "subject": "campaign:7",
        "details": {"name": "Autumn"}, "entry": 12, "hash": _HASH_EXAMPLE,
    }]})
    sequence: int = Field(description="place in the chain, without gaps")
    at: datetime
    actor: str = Field(description="a wallet, `key:<prefix>`, `anonymous` or `system`")
    account: str
    action: str
    subject: str
    details: dict[str, Any]
    entry: int
    hash: str


class EntryPage(BaseModel):
    items: list[EntryAnswer]
    next_after: int | None = Field(description="`after` of the next page: a place in the chain")


class HeadAnswer(BaseModel):
    """Note it where the operator cannot change it: `sightline audit verify --expect` compares with it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "sequence": 12, "hash": _HASH_EXAMPLE, "head": f"12:{_HASH_EXAMPLE}",
    }]})
    sequence: int
    hash: str
    head: str


def router(service: AuditService, access: Access) -> APIRouter:
    """Routes under /v1/audit."""
    api = APIRouter(prefix="/v1/audit", tags=["audit"])
    Owner = Annotated[Address, Depends(access.account(Permission.AUDIT_READ))]
    everything = [Depends(access.may(Permission.ADMIN_READ))]

    @api.get("", summary="What was done, by whom, for whom", responses=responses(401, 403), dependencies=everything)
    def page(
        after: After = 0, limit: Limit = 50, account: Filter = None, actor: Filter = None,
        action: ActionFilter = None, subject: Filter = None,
    ) -> EntryPage:
        filters = Filters(account and account.lower(), actor and actor.lower(), action, subject)
        return _page(service.page(filters, after=after, limit=limit), limit)

    @api.get("/mine", summary="What was done for your account", responses=responses(401, 403))
    def mine(
        owner: Owner, after: After = 0, limit: Limit = 50, actor: Filter = None, action: ActionFilter = None,
        subject: Filter = None,
    ) -> EntryPage:
        filters = Filters(None, actor and actor.lower(), action, subject)
        return _page(service.page_of(owner, filters, after=after, limit=limit), limit)

    @api.get("/head", summary="The newest place in the chain and its hash (public)", responses=responses())
    def head() -> HeadAnswer:
        found = service.head()
        return HeadAnswer(sequence=found.sequence, hash=found.hash, head=str(found))

    return api


def _page(entries: list[Entry], limit: int) -> EntryPage:
    return EntryPage(
        items=[_entry(entry) for entry in entries], next_after=next_after([entry.sequence for entry in entries], limit)
    )


def _entry(entry: Entry) -> EntryAnswer:
    assert entry.id is not None
    return EntryAnswer(
        sequence=entry.sequence, at=entry.created_at, actor=entry.actor, account=entry.account, action=entry.action,
        subject=entry.subject, details=dict(entry.details or {}), entry=entry.id, hash=entry.hash,
    )
