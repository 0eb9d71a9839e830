"""Where Stripe tells what happened. Public: the signature over the raw body is the proof."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from backend.api.problems import responses
from backend.core.errors import Unavailable
from backend.onramp.webhooks.service import WebhookService

Signature = Annotated[str, Header(alias="Stripe-Signature", description="t=<Unix seconds>,v1=<HMAC-SHA256 in hex>")]


class Heard(BaseModel):
    """applied, parked until its payment is known, ignored (a type that we do not need), or a duplicate."""

    standing: str


async def _raw(request: Request) -> bytes:
    """The body as it was signed."""
    return await request.body()


def router(service: WebhookService | None) -> APIRouter:
    """The route for Stripe; without a service it refuses everything."""
    api = APIRouter(prefix="/v1/stripe", tags=["cards"])

    @api.post("/webhooks", summary="Events of Stripe, signed by Stripe", responses=responses(400))
    async def hear(body: Annotated[bytes, Depends(_raw)], signature: Signature = "") -> Heard:
        if service is None:
            raise Unavailable("cards_not_available", "this operator has not set up Stripe")
        return Heard(standing=await run_in_threadpool(service.hear, body, signature))

    return api
