"""Webhooks over HTTP: where an account wants to be told, what was sent there, and how it went."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from backend.api.access import Access
from backend.api.fields import After, Body, IdempotencyKey, Limit, PathId, Url, next_after
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.core.ids import Address
from backend.operation.webhooks.service import Opened, WebhookService
from backend.operation.webhooks.webhook import (
    OVERLAP_SECONDS_DEFAULT,
    OVERLAP_SECONDS_MAX,
    Attempt,
    Delivery,
    DeliveryStatus,
    Webhook,
    WebhookStatus,
    event_id,
)

Kind = Annotated[str, StringConstraints(min_length=3, max_length=60, pattern=r"^[a-z_]+\.[a-z_]+$")]
Kinds = Annotated[list[Kind], Field(max_length=50, description="kinds of docs/notices.md; empty means all")]
_EXAMPLE: dict[str, Any] = {
    "id": 3, "url": "https://hooks.example/sightline", "kinds": ["creative.rejected"], "status": "active",
    "failing_since": None, "old_secret_until": None, "created_at": "2026-11-02T10:00:00Z",
}


class WebhookBody(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{
        "url": "https://hooks.example/sightline", "kinds": ["creative.rejected"],
    }]})
    url: Url
    kinds: Kinds = Field(default_factory=list)


class WebhookChange(Body):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"status": "paused"}]})
    url: Url | None = None
    kinds: Kinds | None = None
    status: Literal[WebhookStatus.ACTIVE, WebhookStatus.PAUSED] | None = None


class WebhookSecretBody(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overlap_seconds": 3600}]})
    overlap_seconds: Annotated[
        StrictInt, Field(ge=0, le=OVERLAP_SECONDS_MAX, description="how long the old secret signs too")
    ] = OVERLAP_SECONDS_DEFAULT


class WebhookAnswer(BaseModel):
    """`disabled` means: it failed for three days; set `status` to `active` when it works again."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})
    id: int
    url: str
    kinds: list[str]
    status: WebhookStatus
    failing_since: datetime | None
    old_secret_until: datetime | None
    created_at: datetime


class OpenedAnswer(WebhookAnswer):
    """`secret` checks the signature of deliveries; it is told now and not again."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        _EXAMPLE | {"secret": "whsec_x4V0yI1d3nB5lq0mJmFqV7a6Jb3xS2kQeZ8tYwHcRgU"},
    ]})
    secret: str


class WebhookPage(BaseModel):
    items: list[WebhookAnswer]
    next_after: int | None


class DeliveryAnswer(BaseModel):
    """`response_code` and `error` are of the newest attempt; `error` tells why there was no answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "id": 9, "event": "evt_41", "kind": "creative.rejected", "status": "pending", "attempts": 2,
        "next_at": "2026-11-02T10:00:30Z", "response_code": 500, "error": None, "replay_of": None,
        "created_at": "2026-11-02T10:00:00Z", "finished_at": None,
    }]})
    id: int
    event: str = Field(description="the `id` in the body; the same for every attempt and replay")
    kind: str
    status: DeliveryStatus
    attempts: int
    next_at: datetime | None = Field(description="when it is tried next; null when it is finished")
    response_code: int | None
    error: str | None
    replay_of: int | None
    created_at: datetime
    finished_at: datetime | None


class AttemptAnswer(BaseModel):
    """Without `finished_at` it is running, or was cut off and is repeated."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    response_code: int | None
    error: str | None


class DeliveryDetails(DeliveryAnswer):
    tries: list[AttemptAnswer]


class DeliveryPage(BaseModel):
    items: list[DeliveryAnswer]
    next_after: int | None


def router(service: WebhookService, access: Access) -> APIRouter:
    """Routes under /v1/webhooks."""
    api = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
    _add_webhooks(api, service, access)
    _add_deliveries(api, service, access)
    return api


def _add_webhooks(api: APIRouter, service: WebhookService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.WEBHOOKS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.WEBHOOKS_WRITE))]

    @api.post("", status_code=201, summary="Be told at a URL of yours", responses=responses(401, 403, 409))
    def create(body: WebhookBody, account: Writer, response: Response, key: IdempotencyKey = None) -> OpenedAnswer:
        response.headers["Cache-Control"] = "no-store"
        return _opened(service.create(account, body.url, body.kinds, idempotency=key))

    @api.get("", summary="Your webhooks", responses=responses(401))
    def page(account: Reader, after: After = 0, limit: Limit = 50) -> WebhookPage:
        items = [_webhook(one) for one in service.webhooks(account, after=after, limit=limit)]
        return WebhookPage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.get("/{webhook}", summary="One webhook", responses=responses(401, 404))
    def read(webhook: PathId, account: Reader) -> WebhookAnswer:
        return _webhook(service.webhook(account, webhook))

    @api.patch("/{webhook}", summary="Move, narrow, pause or resume a webhook", responses=responses(401, 403, 404))
    def change(webhook: PathId, body: WebhookChange, account: Writer) -> WebhookAnswer:
        return _webhook(service.change(account, webhook, url=body.url, kinds=body.kinds, status=body.status))

    @api.delete("/{webhook}", status_code=204, summary="Remove a webhook and its history",
                responses=responses(401, 403, 404))
    def delete(webhook: PathId, account: Writer) -> None:
        service.delete(account, webhook)

    @api.post("/{webhook}/rotate", summary="Replace the secret, with an overlap", responses=responses(401, 403, 404))
    def rotate(webhook: PathId, body: WebhookSecretBody, account: Writer, response: Response) -> OpenedAnswer:
        response.headers["Cache-Control"] = "no-store"
        return _opened(service.rotate(account, webhook, body.overlap_seconds))


def _add_deliveries(api: APIRouter, service: WebhookService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.WEBHOOKS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.WEBHOOKS_WRITE))]

    @api.get("/{webhook}/deliveries", summary="What was sent and how it went", responses=responses(401, 404))
    def deliveries(
        webhook: PathId, account: Reader, status: Annotated[DeliveryStatus | None, Query()] = None, after: After = 0,
        limit: Limit = 50,
    ) -> DeliveryPage:
        found = service.deliveries(account, webhook, status, after=after, limit=limit)
        return DeliveryPage(
            items=[_delivery(one) for one in found], next_after=next_after([one.id for one in found], limit)
        )

    @api.get("/{webhook}/deliveries/{delivery}", summary="One delivery with every attempt",
             responses=responses(401, 404))
    def delivery_details(webhook: PathId, delivery: PathId, account: Reader) -> DeliveryDetails:
        found, attempts = service.delivery(account, webhook, delivery)
        return DeliveryDetails(**_delivery(found).model_dump(), tries=[_attempt(one) for one in attempts])

    @api.post("/{webhook}/deliveries/{delivery}/replay", status_code=201, summary="Send an event again",
              responses=responses(401, 403, 404, 409))
    def replay(webhook: PathId, delivery: PathId, account: Writer, key: IdempotencyKey = None) -> DeliveryAnswer:
        return _delivery(service.replay(account, webhook, delivery, idempotency=key))


def _webhook(webhook: Webhook) -> WebhookAnswer:
    return WebhookAnswer(
        id=webhook.id, url=webhook.url, kinds=webhook.kinds, status=webhook.status,
        failing_since=webhook.failing_since, old_secret_until=webhook.old_secret_until, created_at=webhook.created_at,
    )


def _opened(opened: Opened) -> OpenedAnswer:
    return OpenedAnswer(**_webhook(opened.webhook).model_dump(), secret=opened.secret)


def _delivery(delivery: Delivery) -> DeliveryAnswer:
    return DeliveryAnswer(
        id=delivery.id, event=event_id(delivery.notice_id), kind=delivery.kind, status=delivery.status,
        attempts=delivery.attempts, next_at=delivery.next_at if delivery.status is DeliveryStatus.PENDING else None,
        response_code=delivery.response_code, error=delivery.error, replay_of=delivery.replay_of,
        created_at=delivery.created_at, finished_at=delivery.finished_at,
    )


def _attempt(attempt: Attempt) -> AttemptAnswer:
    return AttemptAnswer(
        number=attempt.number, started_at=attempt.started_at, finished_at=attempt.finished_at,
        response_code=attempt.response_code, error=attempt.error,
    )
