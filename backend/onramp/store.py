"""SQL of card money: books of campaigns in and out, with their ledger entries; payments, events of Stripe."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from backend.core.ids import Address
from backend.core.transfers import card_account
from backend.db.audit import record
from backend.db.ledger import LedgerUnbalanced, write_transfers
from backend.db.notices import notify
from backend.onramp.book import Book, transfers
from backend.onramp.payment import (
    Dispute,
    DisputeOutcome,
    Order,
    OrderStatus,
    Payment,
    Refund,
    RefundStatus,
    news,
)
from backend.onramp.tiers import History

CARDS_LOCK = 0x5167_4C09


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """What card money needs of a campaign."""

    id: int
    owner: Address
    name: str
    meta: str
    funder: str | None
    status: str


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment as its account sees it; the facts are in the book."""

    id: int
    account: Address
    campaign: int
    reference: str
    asked_cents: int
    tier: str
    session: str | None
    checkout_url: str | None
    payment_intent: str | None
    created_at: datetime


_ROW = "select id, account, campaign_id, reference, asked_cents, tier, session, checkout_url, payment_intent, " \
       "created_at from card_payment"


# ---- campaigns -----------------------------------------------------------------------------------------------------


def lock_campaign(connection: Connection, campaign: int) -> CampaignRow:
    """The campaign; until we commit nobody else changes its card money."""
    row = connection.execute(
        text("select id, owner, name, meta, funder, status from campaign where id = :id for update"), {"id": campaign}
    ).one()
    return CampaignRow(*row)


def owns(connection: Connection, owner: Address, campaign: int) -> bool:
    return bool(connection.execute(
        text("select exists (select from campaign where id = :id and owner = :owner)"),
        {"id": campaign, "owner": owner},
    ).scalar())


def has_own_deposit(connection: Connection, chain_id: int, campaign: CampaignRow) -> bool:
    """Whether the owner's wallet has opened the campaign's escrow account on chain."""
    if connection.execute(text("select to_regclass('chain_campaign')")).scalar() is None:
        return False
    return bool(connection.execute(
        text("select exists (select from chain_campaign where chain_id = :chain_id and owner = :owner "
             "and meta = :meta)"),
        {"chain_id": chain_id, "owner": campaign.owner, "meta": campaign.meta},
    ).scalar())


def set_funder(connection: Connection, campaign: int, funder: Address) -> None:
    connection.execute(
        text("update campaign set funder = :funder where id = :id"), {"funder": funder, "id": campaign}
    )


# ---- books ---------------------------------------------------------------------------------------------------------


def read_book(connection: Connection, campaign: int) -> Book:
    """All card money of a campaign. Whoever changes it has locked the campaign before."""
    rows = connection.execute(
        text("select * from card_payment where campaign_id = :campaign order by id"), {"campaign": campaign}
    ).all()
    refunds = _by_payment(connection, "card_refund", campaign)
    disputes = _by_payment(connection, "card_dispute", campaign)
    warnings = _by_payment(connection, "card_warning", campaign)
    orders = _by_payment(connection, "treasury_order", campaign)
    payments = {
        row.id: Payment(
            id=row.id, campaign=campaign, asked_cents=row.asked_cents, hold_seconds=row.hold_seconds,
            paid_cents=row.paid_cents, paid_at=row.paid_at, over=row.over, fee_cents=row.fee_cents,
            refunds={one.reference: Refund(one.cents, RefundStatus(one.status), one.stripe_id)
                     for one in refunds.get(row.id, ())},
            disputes={one.dispute: _dispute(one) for one in disputes.get(row.id, ())},
            warnings={one.warning: one.released for one in warnings.get(row.id, ())},
            orders={one.reference: Order(one.amount_micro_usdc, OrderStatus(one.status))
                    for one in orders.get(row.id, ())},
        )
        for row in rows
    }
    returned = connection.execute(
        text("select returned_micro_usdc from card_campaign where campaign_id = :campaign"), {"campaign": campaign}
    ).scalar()
    return Book(campaign, payments, returned or 0)


def _by_payment(connection: Connection, table: str, campaign: int) -> Mapping[int, list[Any]]:
    rows = connection.execute(
        text(f"select child.* from {table} child join card_payment on card_payment.id = child.payment_id "  # noqa: S608
             "where card_payment.campaign_id = :campaign order by child.created_at"),
        {"campaign": campaign},
    )
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.payment_id, []).append(row)
    return found


def _dispute(row: Any) -> Dispute:
    return Dispute(
        row.withdrawn_cents, row.reinstated_cents, row.fee_cents, row.fee_returned_cents,
        DisputeOutcome(row.outcome) if row.outcome else None,
    )


def change_book(connection: Connection, campaign: int, change: Callable[[Book], Book]) -> Book:
    """Lock a campaign, load its book, decide, save: the only way in which card money changes."""
    row = lock_campaign(connection, campaign)
    before = read_book(connection, campaign)
    after = change(before)
    save_book(connection, row.owner, before, after)
    return after


def save_book(connection: Connection, owner: Address, before: Book, after: Book) -> None:
    """Write what changed, its ledger entries, the freeze, the audit and the owner's notices, in this transaction.

    Raises LedgerUnbalanced when the campaign's account in the ledger is not what the book says.
    """
    for number, payment in after.payments.items():
        if payment != before.payments.get(number):
            _save_payment(connection, owner, before.payments.get(number), payment)
    if after.returned_micro_usdc != before.returned_micro_usdc:
        connection.execute(
            text("update card_campaign set returned_micro_usdc = :returned where campaign_id = :campaign"),
            {"returned": after.returned_micro_usdc, "campaign": after.campaign},
        )
    if after.frozen != before.frozen:
        connection.execute(
            text("update campaign set frozen = :frozen where id = :id"), {"frozen": after.frozen, "id": after.campaign}
        )
        record(connection, "campaign.freeze" if after.frozen else "campaign.unfreeze", f"campaign:{after.campaign}")
    moved = transfers(before, after)
    if moved:
        lock_accounts(connection)
        write_transfers(connection, moved)
        _check_account(connection, after)


def lock_accounts(connection: Connection) -> None:
    """Until we commit nobody else moves card money in the ledger: all campaigns share its accounts of Stripe, fees and
    the treasury, and a transaction that applies what was parked comes to them more than once.
    """
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": CARDS_LOCK})


def _check_account(connection: Connection, book: Book) -> None:
    """The same law from the other side: the ledger's account is the book's balance."""
    balance = connection.execute(
        text("select credits - debits from ledger_account where account = :account"),
        {"account": card_account(book.campaign)},
    ).scalar()
    if (balance or 0) != book.balance_micro_usdc:
        raise LedgerUnbalanced(f"card account of campaign {book.campaign}: {balance} is not {book.balance_micro_usdc}")


def _save_payment(connection: Connection, owner: Address, before: Payment | None, after: Payment) -> None:
    known = before or Payment(after.id, after.campaign, after.asked_cents, after.hold_seconds)
    connection.execute(
        text("""update card_payment
                   set paid_cents = :paid_cents, paid_at = :paid_at, hold_until = :hold_until, over = :over,
                       fee_cents = :fee_cents, status = :status
                 where id = :id"""),
        {"id": after.id, "paid_cents": after.paid_cents, "paid_at": after.paid_at, "hold_until": after.hold_until,
         "over": after.over, "fee_cents": after.fee_cents, "status": after.status.value},
    )
    _save_befallen(connection, after)
    _save_orders(connection, known, after)
    if after.status is not known.status:
        record(connection, "card_payment.change", f"card_payment:{after.id}", status=after.status.value)
        told = news(known.status, after.status)
        if told:
            notify(connection, owner, f"card_payment.{told}", payment=after.id, campaign=after.campaign)


def _save_befallen(connection: Connection, payment: Payment) -> None:
    """Refunds, disputes and warnings, which are only ever added to or joined."""
    for name, refund in payment.refunds.items():
        connection.execute(
            text("""insert into card_refund (reference, payment_id, cents, status, stripe_id)
                    values (:reference, :payment, :cents, :status, :stripe_id)
                        on conflict (reference) do update
                       set cents = excluded.cents, status = excluded.status, stripe_id = excluded.stripe_id"""),
            {"reference": name, "payment": payment.id, "cents": refund.cents, "status": refund.status.value,
             "stripe_id": refund.stripe_id},
        )
    for name, dispute in payment.disputes.items():
        connection.execute(
            text("""insert into card_dispute (dispute, payment_id, withdrawn_cents, reinstated_cents, fee_cents,
                                              fee_returned_cents, outcome)
                    values (:dispute, :payment, :withdrawn, :reinstated, :fee, :fee_returned, :outcome)
                        on conflict (dispute) do update
                       set withdrawn_cents = excluded.withdrawn_cents, reinstated_cents = excluded.reinstated_cents,
                           fee_cents = excluded.fee_cents, fee_returned_cents = excluded.fee_returned_cents,
                           outcome = excluded.outcome"""),
            {"dispute": name, "payment": payment.id, "withdrawn": dispute.withdrawn_cents,
             "reinstated": dispute.reinstated_cents, "fee": dispute.fee_cents,
             "fee_returned": dispute.fee_returned_cents, "outcome": dispute.outcome and dispute.outcome.value},
        )
    for name, is_released in payment.warnings.items():
        connection.execute(
            text("""insert into card_warning (warning, payment_id, released) values (:warning, :payment, :released)
                        on conflict (warning) do update set released = excluded.released"""),
            {"warning": name, "payment": payment.id, "released": is_released},
        )


def _save_orders(connection: Connection, before: Payment, after: Payment) -> None:
    called_off = [name for name in before.orders if name not in after.orders]
    if called_off:      # with transactions, if any, that can never be mined
        for statement in (
            "delete from treasury_transaction where order_reference = any(:names)",
            "delete from treasury_order where reference = any(:names) and status = 'waiting'",
        ):
            connection.execute(text(statement), {"names": called_off})
    for name, order in after.orders.items():
        if order != before.orders.get(name):
            connection.execute(
                text("""insert into treasury_order (reference, payment_id, amount_micro_usdc, status)
                        values (:reference, :payment, :amount, :status)
                            on conflict (reference) do update set status = excluded.status"""),
                {"reference": name, "payment": after.id, "amount": order.amount_micro_usdc,
                 "status": order.status.value},
            )


# ---- payments ------------------------------------------------------------------------------------------------------


def lock_account(connection: Connection, account: Address) -> None:
    """Until we commit no other payment of the account begins: the daily cap sees them one after the other."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('card account ' || :account, 0))"), {"account": account}
    )


def read_history(connection: Connection, account: Address, day_start: datetime) -> History:
    """What an account did with cards; today from `day_start` on."""
    row = connection.execute(
        text("""select min(paid_at) as first_paid_at,
                       coalesce(sum(asked_cents) filter (where created_at >= :day_start and status <> 'expired'), 0)
                         as today,
                       (select count(*) from card_dispute join card_payment p on p.id = payment_id
                         where p.account = :account)
                       + (select count(*) from card_warning join card_payment p on p.id = payment_id
                           where p.account = :account) as troubles
                  from card_payment where account = :account"""),
        {"account": account, "day_start": day_start},
    ).one()
    return History(row.first_paid_at, int(row.troubles), int(row.today))


def insert_payment(
    connection: Connection, campaign: CampaignRow, reference: str, cents: int, tier: str, hold_seconds: int,
    now: datetime,
) -> PaymentRow:
    connection.execute(
        text("insert into card_campaign (campaign_id) values (:campaign) on conflict do nothing"),
        {"campaign": campaign.id},
    )
    row = connection.execute(
        text("""insert into card_payment (account, campaign_id, reference, asked_cents, tier, hold_seconds, status,
                                          created_at)
                values (:account, :campaign, :reference, :cents, :tier, :hold_seconds, 'created', :now)
             returning id, account, campaign_id, reference, asked_cents, tier, session, checkout_url, payment_intent,
                       created_at"""),
        {"account": campaign.owner, "campaign": campaign.id, "reference": reference, "cents": cents, "tier": tier,
         "hold_seconds": hold_seconds, "now": now},
    ).one()
    return PaymentRow(*row)


def set_checkout(connection: Connection, payment: int, session: str, url: str) -> None:
    connection.execute(
        text("update card_payment set session = :session, checkout_url = :url where id = :id"),
        {"session": session, "url": url, "id": payment},
    )


def payment_of(connection: Connection, account: Address, payment: int) -> PaymentRow | None:
    row = connection.execute(
        text(_ROW + " where id = :id and account = :account"), {"id": payment, "account": account}
    ).one_or_none()
    return PaymentRow(*row) if row else None


def payment_by(connection: Connection, column: str, value: str | int) -> PaymentRow | None:
    """The payment with this `id`, `reference` or `payment_intent`, whoever it belongs to."""
    assert column in ("id", "reference", "payment_intent")
    row = connection.execute(text(f"{_ROW} where {column} = :value"), {"value": value}).one_or_none()
    return PaymentRow(*row) if row else None


def payments_of(connection: Connection, account: Address, campaign: int, after: int, limit: int) -> list[PaymentRow]:
    rows = connection.execute(
        text(_ROW + " where account = :account and campaign_id = :campaign and id > :after order by id limit :limit"),
        {"account": account, "campaign": campaign, "after": after, "limit": limit},
    )
    return [PaymentRow(*row) for row in rows]


def frozen_payments(connection: Connection, after: int, limit: int) -> list[PaymentRow]:
    """Payments that wait for a person, of all accounts."""
    rows = connection.execute(
        text(_ROW + " where status = 'frozen' and id > :after order by id limit :limit"),
        {"after": after, "limit": limit},
    )
    return [PaymentRow(*row) for row in rows]


def set_intent(connection: Connection, payment: int, payment_intent: str) -> None:
    connection.execute(
        text("update card_payment set payment_intent = :intent where id = :id and payment_intent is null"),
        {"intent": payment_intent, "id": payment},
    )


# ---- what the worker looks after ------------------------------------------------------------------------------------


def due_payments(connection: Connection, now: datetime, limit: int) -> list[tuple[int, int]]:
    """(payment, campaign) whose hold is over and whose campaign has something to deposit; the oldest first."""
    rows = connection.execute(
        text("""select p.id, p.campaign_id
                  from card_payment p join campaign on campaign.id = p.campaign_id
                  join ledger_account a on a.account = 'card:' || p.campaign_id
                 where p.status = 'held' and p.hold_until <= :now and not campaign.frozen and a.credits > a.debits
                 order by p.hold_until limit :limit"""),
        {"now": now, "limit": limit},
    )
    return [(row.id, row.campaign_id) for row in rows]


def asked_refunds(connection: Connection, before: datetime, limit: int) -> list[tuple[str, int]]:
    """(reference, payment) of refunds that Stripe may not have heard of."""
    rows = connection.execute(
        text("select reference, payment_id from card_refund where status = 'asked' and created_at < :before "
             "order by created_at limit :limit"),
        {"before": before, "limit": limit},
    )
    return [(row.reference, row.payment_id) for row in rows]


def stale_payments(connection: Connection, before: datetime, limit: int) -> list[PaymentRow]:
    """Payments whose Checkout should be over, and of which we heard nothing."""
    rows = connection.execute(
        text(_ROW + " where status = 'created' and created_at < :before order by created_at limit :limit"),
        {"before": before, "limit": limit},
    )
    return [PaymentRow(*row) for row in rows]


def payments_without_fee(
    connection: Connection, paid_since: datetime, paid_until: datetime, limit: int
) -> list[PaymentRow]:
    rows = connection.execute(
        text(_ROW + " where paid_cents > 0 and fee_cents is null and payment_intent is not null "
             "and paid_at between :since and :until order by id limit :limit"),
        {"since": paid_since, "until": paid_until, "limit": limit},
    )
    return [PaymentRow(*row) for row in rows]


def withdrawn_by_treasury(connection: Connection, chain_id: int, treasury: Address) -> list[tuple[int, int]]:
    """(campaign, micro-USDC) that came back to the treasury from escrow accounts and is confirmed, where it is news."""
    if connection.execute(text("select to_regclass('chain_withdrawn')")).scalar() is None:
        return []
    rows = connection.execute(
        text("""select c.campaign_id, sum(w.amount)::bigint as amount
                  from card_campaign c join chain_withdrawn w on w.campaign = c.chain_campaign
                  join chain_cursor cursor on cursor.chain_id = w.chain_id and w.number <= cursor.confirmed_number
                 where w.chain_id = :chain_id and w."to" = :treasury
                 group by c.campaign_id, c.returned_micro_usdc having sum(w.amount) > c.returned_micro_usdc"""),
        {"chain_id": chain_id, "treasury": treasury},
    )
    return [(row.campaign_id, row.amount) for row in rows]


# ---- events of Stripe ----------------------------------------------------------------------------------------------


def take_event(connection: Connection, event: str, kind: str, stripe_created: int) -> bool:
    """Whether this is the first time that we hear of an event; a second delivery waits here until the first commits."""
    return connection.execute(
        text("""insert into stripe_event (id, type, status, subject, stripe_created)
                values (:id, :type, 'ignored', '', :created) on conflict do nothing returning 1"""),
        {"id": event, "type": kind, "created": stripe_created},
    ).scalar() is not None


def mark_event(
    connection: Connection, event: str, status: str, subject: str, fact: Mapping[str, object] | None
) -> None:
    connection.execute(
        text("update stripe_event set status = :status, subject = :subject, fact = cast(:fact as jsonb) "
             "where id = :id"),
        {"id": event, "status": status, "subject": subject, "fact": None if fact is None else json.dumps(fact)},
    )


def lock_intent(connection: Connection, payment_intent: str) -> None:
    """Whoever parks an event about a payment, and whoever learns of that payment, come one after the other."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('payment intent ' || :intent, 0))"),
        {"intent": payment_intent},
    )


def parked_events(connection: Connection, subject: str) -> Sequence[tuple[str, Mapping[str, object]]]:
    """Events that waited for this subject: their ids and what was kept of them."""
    rows = connection.execute(
        text("select id, fact from stripe_event where status = 'parked' and subject = :subject "
             "order by stripe_created, id"),
        {"subject": subject},
    )
    return [(row.id, row.fact) for row in rows]
