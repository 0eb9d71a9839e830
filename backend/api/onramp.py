"""Buying USDC from Stripe for one's own wallet over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.access import Access
from backend.api.fields import After, Amount, Body, IdempotencyKey, Limit, PathId, next_after
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.core.ids import Address
from backend.onramp.onramp_session import OnrampSession, OnrampStatus
from backend.onramp.purchases.service import OnrampService


class OnrampBody(Body):
    """`amount_micro_usdc` is a proposal; the buyer may choose another amount at Stripe."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount_micro_usdc": 100_000_000}]})
    amount_micro_usdc: Amount | None = None


class OnrampAnswer(BaseModel):
    """A session. `transaction_details` are what Stripe says was sent to the wallet, for information: a campaign has
    money when the wallet has deposited it and the chain shows it."""

    id: int
    status: OnrampStatus
    wallet: str
    network: str
    asked_micro_usdc: int | None
    transaction_details: Mapping[str, str]
    created_at: datetime


class OpenedOnrampAnswer(OnrampAnswer):
    client_secret: str = Field(description="opens the session in Stripe's widget; told once, never log it")


class OnrampPage(BaseModel):
    items: list[OnrampAnswer]
    next_after: int | None


def router(service: OnrampService, access: Access) -> APIRouter:
    """Routes under /v1/onramp-sessions."""
    api = APIRouter(prefix="/v1/onramp-sessions", tags=["onramp"])
    Reader = Annotated[Address, Depends(access.account(Permission.CARDS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.CARDS_WRITE))]

    @api.post("", status_code=201, summary="Buy USDC from Stripe, paid out to your own wallet only",
              responses=responses(401, 403, 409))
    def create(
        body: OnrampBody, account: Writer, response: Response, key: IdempotencyKey = None
    ) -> OpenedOnrampAnswer:
        response.headers["Cache-Control"] = "no-store"
        opened = service.open(account, body.amount_micro_usdc, key=key)
        return OpenedOnrampAnswer(**_answer(opened.session).model_dump(), client_secret=opened.client_secret)

    @api.get("", summary="Your onramp sessions", responses=responses(401, 403))
    def page(account: Reader, after: After = 0, limit: Limit = 50) -> OnrampPage:
        items = [_answer(session) for session in service.sessions(account, after=after, limit=limit)]
        return OnrampPage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.get("/{session}", summary="One onramp session", responses=responses(401, 403, 404))
    def read(session: PathId, account: Reader) -> OnrampAnswer:
        return _answer(service.session(account, session))

    return api


def _answer(session: OnrampSession) -> OnrampAnswer:
    return OnrampAnswer(
        id=session.id, status=session.status, wallet=session.account, network=session.network,
        asked_micro_usdc=session.asked_micro_usdc, transaction_details=session.details,
        created_at=session.created_at,
    )
