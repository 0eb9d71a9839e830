"""Webhooks, deliveries and attempts in SQL. Reads name the account: what is another's does not exist."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, text

from backend.core.ids import Address
from backend.operation.webhooks.webhook import (
    OWN_KINDS,
    Attempt,
    Delivery,
    DeliveryStatus,
    Outcome,
    Sending,
    Webhook,
    WebhookStatus,
)

_WEBHOOK = "select * from webhook where account = :account and id = :id"
_DELIVERY = """
select delivery.*, (select kind from notice where notice.id = delivery.notice_id) from webhook_delivery delivery
 where delivery.webhook_id = :webhook
"""


def lock_account(connection: Connection, account: Address) -> None:
    """Wait until nobody else adds a webhook to the account; held until we commit."""
    connection.execute(text("select pg_advisory_xact_lock(hashtextextended('webhook' || :account, 0))"),
                       {"account": account})


def count(connection: Connection, account: Address) -> int:
    return int(connection.execute(
        text("select count(*) from webhook where account = :account"), {"account": account}
    ).scalar_one())


def insert(connection: Connection, account: Address, url: str, kinds: list[str], nonce: str) -> Webhook:
    row = connection.execute(
        text("""insert into webhook (account, url, kinds, status, secret_nonce)
                values (:account, :url, to_jsonb(cast(:kinds as text[])), 'active', :nonce) returning *"""),
        {"account": account, "url": url, "kinds": kinds, "nonce": nonce},
    ).one()
    return _webhook(row)


def webhook_of(connection: Connection, account: Address, webhook: int, *, lock: bool = False) -> Webhook | None:
    row = connection.execute(
        text(_WEBHOOK + (" for update" if lock else "")),
        {"account": account, "id": webhook},
    ).one_or_none()
    return _webhook(row) if row else None


def webhooks_of(connection: Connection, account: Address, after: int, limit: int) -> list[Webhook]:
    rows = connection.execute(
        text("select * from webhook where account = :account and id > :after order by id limit :limit"),
        {"account": account, "after": after, "limit": limit},
    )
    return [_webhook(row) for row in rows]


def update(connection: Connection, webhook: Webhook) -> None:
    connection.execute(
        text("""update webhook
                   set url = :url, kinds = to_jsonb(cast(:kinds as text[])), status = :status, secret_nonce = :nonce,
                       old_secret_nonce = :old_nonce, old_secret_until = :old_until, failing_since = :failing_since
                 where id = :id"""),
        {"id": webhook.id, "url": webhook.url, "kinds": webhook.kinds, "status": webhook.status.value,
         "nonce": webhook.secret_nonce, "old_nonce": webhook.old_secret_nonce, "old_until": webhook.old_secret_until,
         "failing_since": webhook.failing_since},
    )


def delete(connection: Connection, webhook: int) -> None:
    """With its deliveries and attempts."""
    connection.execute(text("delete from webhook where id = :id"), {"id": webhook})


def deliveries_of(
    connection: Connection, webhook: int, status: DeliveryStatus | None, after: int, limit: int
) -> list[Delivery]:
    rows = connection.execute(
        text(_DELIVERY + """ and delivery.id > :after and (cast(:status as text) is null or delivery.status = :status)
                            order by delivery.id limit :limit"""),
        {"webhook": webhook, "status": status and status.value, "after": after, "limit": limit},
    )
    return [_delivery(row) for row in rows]


def delivery_of(connection: Connection, webhook: int, delivery: int) -> Delivery | None:
    row = connection.execute(
        text(_DELIVERY + " and delivery.id = :delivery"), {"webhook": webhook, "delivery": delivery}
    ).one_or_none()
    return _delivery(row) if row else None


def attempts_of(connection: Connection, delivery: int) -> list[Attempt]:
    rows = connection.execute(
        text("select * from webhook_attempt where delivery_id = :delivery order by id"), {"delivery": delivery}
    )
    return [Attempt(row.number, row.started_at, row.finished_at, row.response_code, row.error) for row in rows]


def insert_replay(connection: Connection, delivery: Delivery, now: datetime) -> int:
    return int(connection.execute(
        text("""insert into webhook_delivery (webhook_id, notice_id, replay_of, status, attempts, next_at, created_at)
                values (:webhook, :notice, :original, 'pending', 0, :now, :now) returning id"""),
        {"webhook": delivery.webhook_id, "notice": delivery.notice_id, "original": delivery.id, "now": now},
    ).scalar_one())


def fan_out(connection: Connection, now: datetime, limit: int) -> int:
    """Make the deliveries of notices that have none yet; how many notices were looked at."""
    return int(connection.execute(
        text("""
            with waiting as (
              select id, account, kind, created_at from notice where fanned_at is null
               order by id limit :limit for update skip locked
            ), made as (
              insert into webhook_delivery (webhook_id, notice_id, status, attempts, next_at, created_at)
              select webhook.id, waiting.id, 'pending', 0, :now, :now
                from waiting join webhook on webhook.account = waiting.account
               where webhook.status = 'active' and webhook.created_at <= waiting.created_at
                 and not starts_with(waiting.kind, :own)
                 and (webhook.kinds = '[]'::jsonb or webhook.kinds @> to_jsonb(waiting.kind))
              on conflict do nothing
            ), done as (
              update notice set fanned_at = :now from waiting where notice.id = waiting.id returning 1
            )
            select count(*) from done
        """),
        {"now": now, "limit": limit, "own": OWN_KINDS},
    ).scalar_one())


def start_attempts(
    connection: Connection, now: datetime, lease: timedelta, limit: int, each: int
) -> list[Sending]:
    """Take deliveries that are due, at most `each` of one webhook, and write down the attempts that now begin.

    Until `lease` is over nobody else takes them; when the process dies before it says how it ended, another tries.
    """
    rows = connection.execute(
        text("""
            with due as (
              select delivery.id,
                     row_number() over (partition by delivery.webhook_id order by delivery.next_at) as place
                from webhook_delivery delivery join webhook on webhook.id = delivery.webhook_id
               where delivery.status = 'pending' and delivery.next_at <= :now and webhook.status = 'active'
            ), taken as (
              select delivery.id from webhook_delivery delivery
               where delivery.id in (select id from due where place <= :each order by place limit :limit)
                 and delivery.status = 'pending' and delivery.next_at <= :now
                 for update skip locked
            ), started as (
              update webhook_delivery delivery set next_at = :until, attempts = attempts + 1
                from taken where delivery.id = taken.id
              returning delivery.id, delivery.webhook_id, delivery.notice_id, delivery.attempts, delivery.created_at
            ), attempt as (
              insert into webhook_attempt (delivery_id, number, started_at)
              select id, attempts, :now from started
            )
            select webhook.*, started.id as delivery_id, started.attempts, started.created_at as delivery_created_at,
                   notice.id as notice_id, notice.kind, notice.content, notice.created_at as noticed_at
              from started
              join webhook on webhook.id = started.webhook_id
              join notice on notice.id = started.notice_id
        """),
        {"now": now, "until": now + lease, "limit": limit, "each": each},
    )
    return [
        Sending(_webhook(row), row.delivery_id, row.attempts, row.delivery_created_at, row.notice_id, row.kind,
                row.content, row.noticed_at)
        for row in rows
    ]


def finish_attempt(connection: Connection, sending: Sending, outcome: Outcome, now: datetime) -> None:
    connection.execute(
        text("""update webhook_attempt set finished_at = :now, response_code = :code, error = :error
                 where delivery_id = :delivery and number = :number"""),
        {"now": now, "code": outcome.response_code, "error": outcome.error, "delivery": sending.delivery_id,
         "number": sending.attempt},
    )


def is_newest(connection: Connection, sending: Sending) -> bool:
    """Lock the delivery; False when somebody else is at a later attempt, has ended it, or it is gone.

    The webhook is locked first, as by whoever deletes it, so that the two never wait for each other.
    """
    connection.execute(text("select 1 from webhook where id = :id for update"), {"id": sending.webhook.id})
    return connection.execute(
        text("""select 1 from webhook_delivery
                 where id = :id and status = 'pending' and attempts = :number for update"""),
        {"id": sending.delivery_id, "number": sending.attempt},
    ).scalar() is not None


def settle(
    connection: Connection, sending: Sending, outcome: Outcome, status: DeliveryStatus, now: datetime,
    next_at: datetime | None,
) -> None:
    """How the delivery stands after its newest attempt."""
    connection.execute(
        text("""update webhook_delivery
                   set status = :status, response_code = :code, error = :error, next_at = coalesce(:next, next_at),
                       finished_at = :finished
                 where id = :id"""),
        {"id": sending.delivery_id, "status": status.value, "code": outcome.response_code, "error": outcome.error,
         "next": next_at, "finished": None if status is DeliveryStatus.PENDING else now},
    )


def clear_failing(connection: Connection, webhook: int) -> None:
    connection.execute(
        text("update webhook set failing_since = null where id = :id and failing_since is not null"), {"id": webhook}
    )


def mark_failing(connection: Connection, webhook: int, now: datetime) -> datetime:
    """Since when it has been failing, which may be now."""
    since: datetime = connection.execute(
        text("update webhook set failing_since = coalesce(failing_since, :now) where id = :id returning failing_since"),
        {"id": webhook, "now": now},
    ).scalar_one()
    return since


def disable(connection: Connection, webhook: int) -> bool:
    """False when it was not active any more."""
    return connection.execute(
        text("update webhook set status = 'disabled' where id = :id and status = 'active' returning 1"), {"id": webhook}
    ).scalar() is not None


def forget(connection: Connection, before: datetime, limit: int) -> int:
    """Delete deliveries that ended before a moment; not those that somebody else is deleting."""
    return connection.execute(
        text("""delete from webhook_delivery where id in (
                  select id from webhook_delivery where status <> 'pending' and finished_at < :before
                   limit :limit for update skip locked)"""),
        {"before": before, "limit": limit},
    ).rowcount


def _webhook(row: Row[tuple[object, ...]]) -> Webhook:
    return Webhook(
        row.id, row.account, row.url, row.kinds, WebhookStatus(row.status), row.secret_nonce, row.old_secret_nonce,
        row.old_secret_until, row.failing_since, row.created_at,
    )


def _delivery(row: Row[tuple[object, ...]]) -> Delivery:
    return Delivery(
        row.id, row.webhook_id, row.notice_id, row.kind, DeliveryStatus(row.status), row.attempts, row.next_at,
        row.response_code, row.error, row.replay_of, row.created_at, row.finished_at,
    )
