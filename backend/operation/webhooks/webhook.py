"""A webhook, its deliveries, and what a delivery carries."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

WEBHOOKS_MAX = 10                       # of one account
OVERLAP_SECONDS_DEFAULT = 24 * 3_600
OVERLAP_SECONDS_MAX = 7 * 24 * 3_600
OWN_KINDS = "webhook."                  # not sent by webhook: they tell that webhooks do not work


class WebhookStatus(StrEnum):
    """`paused` by its owner, `disabled` by us after long failure; both get nothing."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where an account is told what. No `kinds` means all."""

    id: int
    account: str
    url: str
    kinds: list[str]
    status: WebhookStatus
    secret_nonce: str
    old_secret_nonce: str | None
    old_secret_until: datetime | None
    failing_since: datetime | None
    created_at: datetime

    def nonces(self, now: datetime) -> list[str]:
        """Of the secrets that are good now, the newest first."""
        old_is_good = self.old_secret_until is not None and now < self.old_secret_until
        return [self.secret_nonce, *([self.old_secret_nonce] if self.old_secret_nonce and old_is_good else [])]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice on its way to one webhook. `response_code` and `error` are of the newest finished attempt."""

    id: int
    webhook_id: int
    notice_id: int
    kind: str
    status: DeliveryStatus
    attempts: int
    next_at: datetime
    response_code: int | None
    error: str | None
    replay_of: int | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try; without `finished_at` it is running, or the process died and nobody knows whether it arrived."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    response_code: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Sending:
    """An attempt that was written down and is to be made now."""

    webhook: Webhook
    delivery_id: int
    attempt: int
    created_at: datetime
    notice_id: int
    kind: str
    content: dict[str, Any]
    noticed_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt: the receiver's status code, or why there is none."""

    response_code: int | None
    error: str | None

    @property
    def delivered(self) -> bool:
        return self.response_code is not None and 200 <= self.response_code < 300


def event_id(notice: int) -> str:
    """The same for every attempt and replay: receivers drop what they have seen."""
    return f"evt_{notice}"


def body_of(sending: Sending) -> bytes:
    """The JSON that is sent; the same bytes at every attempt."""
    return json.dumps(
        {
            "id": event_id(sending.notice_id), "kind": sending.kind, "account": sending.webhook.account,
            "created_at": sending.noticed_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "content": sending.content,
        },
        separators=(",", ":"), sort_keys=True,
    ).encode()
