"""What owners do with their webhooks, and the sender that delivers to them at least once (L68)."""

import logging
import random
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from backend.core.errors import Conflict, NotFound, Unprocessable
from backend.core.ids import Address
from backend.core.notice_kinds import KINDS
from backend.db.audit import record
from backend.db.engine import Connection, Engine
from backend.db.idempotency import once
from backend.db.notices import notify
from backend.net.addresses import FetchRefused, check_addresses, literal, target_of
from backend.net.client import SafeFetcher
from backend.operation.webhooks import store
from backend.operation.webhooks.retry import Again, after_failure, is_hopeless
from backend.operation.webhooks.signature import HEADER, secret_of, signature
from backend.operation.webhooks.webhook import (
    WEBHOOKS_MAX,
    Attempt,
    Delivery,
    DeliveryStatus,
    Outcome,
    Sending,
    Webhook,
    WebhookStatus,
    body_of,
    event_id,
)

__all__ = ["Opened", "WebhookSender", "WebhookService"]

log = logging.getLogger("sightline.webhooks")

ANSWER_SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 65_536
LEASE = timedelta(seconds=60)            # longer than an attempt can take
AT_ONCE = 16
AT_ONCE_EACH = 2                         # of one webhook: a slow receiver does not hold up the others
NOTICES_AT_ONCE = 500
KEPT = timedelta(days=30)
FORGOTTEN_AT_ONCE = 1_000
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Opened:
    """A webhook with the secret that is told now and not again."""

    webhook: Webhook
    secret: str


class WebhookService:
    """`key` is derived from the master key; `local` lets http and loopback through. `clock` gives Unix seconds.

    Whatever is not the account's own raises NotFound, so that ids cannot be probed.
    """

    def __init__(self, engine: Engine, key: bytes, *, local: bool, clock: Clock) -> None:
        self._engine = engine
        self._key = key
        self._local = local
        self._clock = clock

    def create(self, account: Address, url: str, kinds: Sequence[str], *, idempotency: str | None = None) -> Opened:
        """Raises Unprocessable `webhook_url_refused`, `notice_kind_unknown`; Conflict `too_many_webhooks`."""
        def create() -> Webhook:
            self._check(url, kinds)
            store.lock_account(connection, account)
            if store.count(connection, account) >= WEBHOOKS_MAX:
                raise Conflict("too_many_webhooks", f"an account has at most {WEBHOOKS_MAX} webhooks")
            made = store.insert(connection, account, url, sorted(set(kinds)), secrets.token_hex(16))
            record(connection, "webhook.create", f"webhook:{made.id}", kinds=made.kinds)
            return made

        with self._engine.begin() as connection:
            request = ("webhook", url, sorted(set(kinds)))
            made = once(connection, account, idempotency, request, Webhook, create)
            return self._opened(made)

    def webhook(self, account: Address, webhook: int) -> Webhook:
        with self._engine.begin() as connection:
            return _own(connection, account, webhook)

    def webhooks(self, account: Address, *, after: int, limit: int) -> list[Webhook]:
        with self._engine.begin() as connection:
            return store.webhooks_of(connection, account, after, limit)

    def change(
        self, account: Address, webhook: int, *, url: str | None, kinds: Sequence[str] | None,
        status: WebhookStatus | None,
    ) -> Webhook:
        """What is None stays. To switch on again forgets how long it failed; what waits is then sent."""
        with self._engine.begin() as connection:
            found = _own(connection, account, webhook, lock=True)
            changed = replace(
                found, url=url or found.url, kinds=found.kinds if kinds is None else sorted(set(kinds)),
                status=status or found.status,
                failing_since=None if status is WebhookStatus.ACTIVE else found.failing_since,
            )
            self._check(changed.url, changed.kinds)
            store.update(connection, changed)
            record(connection, "webhook.change", f"webhook:{webhook}", kinds=changed.kinds,
                   status=changed.status.value)
            return changed

    def rotate(self, account: Address, webhook: int, overlap_seconds: int) -> Opened:
        """A new secret; deliveries are signed with the old one too until the overlap ends."""
        with self._engine.begin() as connection:
            found = _own(connection, account, webhook, lock=True)
            changed = replace(
                found, secret_nonce=secrets.token_hex(16), old_secret_nonce=found.secret_nonce,
                old_secret_until=self._now() + timedelta(seconds=overlap_seconds),
            )
            store.update(connection, changed)
            record(connection, "webhook.rotate", f"webhook:{webhook}", overlap_seconds=overlap_seconds)
            return self._opened(changed)

    def delete(self, account: Address, webhook: int) -> None:
        """With everything that was and would have been sent to it."""
        with self._engine.begin() as connection:
            _own(connection, account, webhook, lock=True)
            store.delete(connection, webhook)
            record(connection, "webhook.delete", f"webhook:{webhook}")

    def deliveries(
        self, account: Address, webhook: int, status: DeliveryStatus | None, *, after: int, limit: int
    ) -> list[Delivery]:
        with self._engine.begin() as connection:
            _own(connection, account, webhook)
            return store.deliveries_of(connection, webhook, status, after, limit)

    def delivery(self, account: Address, webhook: int, delivery: int) -> tuple[Delivery, list[Attempt]]:
        with self._engine.begin() as connection:
            _own(connection, account, webhook)
            return _delivery(connection, webhook, delivery), store.attempts_of(connection, delivery)

    def replay(self, account: Address, webhook: int, delivery: int, *, idempotency: str | None = None) -> Delivery:
        """A new delivery of the same event. Raises Conflict `webhook_delivery_pending` while the first is tried."""
        def create() -> Delivery:
            _own(connection, account, webhook, lock=True)       # nobody deletes it meanwhile
            found = _delivery(connection, webhook, delivery)
            if found.status is DeliveryStatus.PENDING:
                raise Conflict("webhook_delivery_pending", f"delivery {delivery} is still being tried")
            made = store.insert_replay(connection, found, self._now())
            record(connection, "webhook.replay", f"webhook:{webhook}", delivery=delivery)
            return _delivery(connection, webhook, made)

        with self._engine.begin() as connection:
            return once(connection, account, idempotency, ("webhook replay", webhook, delivery), Delivery, create)

    def _check(self, url: str, kinds: Sequence[str]) -> None:
        try:
            host = target_of(url, allow_local=self._local).host
            if address := literal(host):
                check_addresses([address], allow_local=self._local)
        except FetchRefused as refused:
            raise Unprocessable("webhook_url_refused", f"url: {refused.detail}", field="url") from refused
        unknown = sorted(set(kinds) - KINDS.keys())
        if unknown:
            raise Unprocessable("notice_kind_unknown", "docs/notices.md lists all kinds", field="kinds")

    def _opened(self, webhook: Webhook) -> Opened:
        return Opened(webhook, secret_of(self._key, webhook.id, webhook.secret_nonce))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


class WebhookSender:
    """Sends what is due. Safe in several processes, and to be killed at any moment: then it is sent again."""

    def __init__(
        self, engine: Engine, fetcher: SafeFetcher, key: bytes, *, clock: Clock,
        seconds_max: float = ANSWER_SECONDS_MAX, chance: Callable[[], float] = random.random,
    ) -> None:
        self._engine = engine
        self._fetcher = fetcher
        self._key = key
        self._clock = clock
        self._seconds_max = seconds_max
        self._chance = chance

    def step(self) -> bool:
        """Make deliveries of new notices, then send what is due; True when there may be more."""
        with self._engine.begin() as connection:
            noticed = store.fan_out(connection, self._now(), NOTICES_AT_ONCE)
        with self._engine.begin() as connection:
            taken = store.start_attempts(connection, self._now(), LEASE, AT_ONCE, AT_ONCE_EACH)
        if taken:
            with ThreadPoolExecutor(AT_ONCE, "webhook") as threads:
                list(threads.map(self._deliver, taken))
        return bool(taken) or noticed == NOTICES_AT_ONCE

    def forget(self) -> bool:
        """Delete the history of deliveries that ended a month ago; True when there may be more."""
        with self._engine.begin() as connection:
            return store.forget(connection, self._now() - KEPT, FORGOTTEN_AT_ONCE) == FORGOTTEN_AT_ONCE

    def _deliver(self, sending: Sending) -> None:
        outcome = self._send(sending)
        with self._engine.begin() as connection:
            self._finish(connection, sending, outcome, self._now())

    def _send(self, sending: Sending) -> Outcome:
        body, at = body_of(sending), self._now()
        known = [secret_of(self._key, sending.webhook.id, nonce) for nonce in sending.webhook.nonces(at)]
        headers = {
            "Content-Type": "application/json", HEADER: signature(known, int(at.timestamp()), body),
            "Sightline-Event": event_id(sending.notice_id), "Sightline-Delivery": str(sending.delivery_id),
            "Sightline-Attempt": str(sending.attempt),
        }
        try:
            answer = self._fetcher.fetch(
                "POST", sending.webhook.url, headers=headers, body=body, bytes_max=ANSWER_BYTES_MAX,
                seconds_max=self._seconds_max,
            )
        except FetchRefused as refused:
            return Outcome(None, refused.reason.value)
        return Outcome(answer.status, None)

    def _finish(self, connection: Connection, sending: Sending, outcome: Outcome, now: datetime) -> None:
        newest = store.is_newest(connection, sending)
        store.finish_attempt(connection, sending, outcome, now)
        if not newest:
            return
        if outcome.delivered:
            store.settle(connection, sending, outcome, DeliveryStatus.DELIVERED, now, None)
            store.clear_failing(connection, sending.webhook.id)
            return
        self._failed(connection, sending, outcome, now)

    def _failed(self, connection: Connection, sending: Sending, outcome: Outcome, now: datetime) -> None:
        webhook, account = sending.webhook.id, Address(sending.webhook.account)
        since = store.mark_failing(connection, webhook, now)
        match after_failure(sending.created_at, sending.attempt, now, self._chance()):
            case Again(at):
                store.settle(connection, sending, outcome, DeliveryStatus.PENDING, now, at)
            case _:
                store.settle(connection, sending, outcome, DeliveryStatus.DEAD, now, None)
                notify(connection, account, "webhook.delivery_failed", webhook=webhook, delivery=sending.delivery_id,
                       event=event_id(sending.notice_id))
        if is_hopeless(since, now) and store.disable(connection, webhook):
            log.warning("webhook %d has failed since %s and is switched off", webhook, since)
            notify(connection, account, "webhook.disabled", webhook=webhook, failing_since=since)
            record(connection, "webhook.disable", f"webhook:{webhook}", failing_since=since)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _own(connection: Connection, account: Address, webhook: int, *, lock: bool = False) -> Webhook:
    found = store.webhook_of(connection, account, webhook, lock=lock)
    if found is None:
        raise NotFound("webhook_unknown", f"you have no webhook {webhook}")
    return found


def _delivery(connection: Connection, webhook: int, delivery: int) -> Delivery:
    found = store.delivery_of(connection, webhook, delivery)
    if found is None:
        raise NotFound("webhook_delivery_unknown", f"webhook {webhook} has no delivery {delivery}")
    return found
