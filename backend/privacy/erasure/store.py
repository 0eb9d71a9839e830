"""Erasures in SQL: what stands against one, the rows it changes, and those that a backup brought back."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from backend.core.ids import Address
from backend.core.money import MICRO_USDC_PER_CENT
from backend.db.sealed import shred
from backend.privacy.erasure.request import Done, Obligation
from backend.privacy.holdings import HOLDINGS, ROW_ID, Erase, Holding, belongs

ERASURE_LOCK = 0x5167_4205
# What requests of the account, or about it, have locked when they come to other rows of it: locked before those here
# too, and in the order in which they do it, so that nobody waits for us while we wait for him. The first one keeps
# payments by card from beginning; the organisations cannot lose their other owners.
_LOCKS = (
    "select pg_advisory_xact_lock(hashtextextended('card account ' || :account, 0))",
    "select 1 from subject_key where subject = :account and purpose = 'personal' for update",
    """select 1 from organisation
        where wallet in (select account from member where wallet = :account
                         union all select account from invitation where wallet = :account or invited_by = :account)
           or wallet = :account
        order by wallet for update""",
    "select 1 from notice where account = :account and fanned_at is null order by id for update",
    "select 1 from webhook where account = :account order by id for update",
    "select 1 from campaign where owner = :account order by id for update",
    "select 1 from deal where publisher = :account or advertiser = :account order by id for update",
    """select 1 from line_item where campaign_id in (select id from campaign where owner = :account)
        order by id for update""",
    """select 1 from creative where lineage_id is null and line_item_id in (
           select line_item.id from line_item join campaign on campaign.id = campaign_id where owner = :account)
        order by id for update""",
    "select 1 from publisher where wallet = :account for no key update",
)

_OPEN_PAYMENTS = text("""
select count(*) from card_payment where account = :account
   and status in ('created', 'held', 'cleared', 'depositing', 'frozen', 'disputed')
""")
_OPEN_REFUNDS = text("""
select count(*) from card_refund join card_payment on card_payment.id = card_refund.payment_id
 where card_payment.account = :account and card_refund.status in ('asked', 'pending', 'requires_action')
""")
_NUMBERED = "'erased-' || id"
_DELETE = 'delete from "{table}"'
# a cent is the least that a card can get back; what a withdrawal has reserved is not back with us yet
_UNSPENT = text("""
select count(*) from campaign join chain_campaign chain on chain.owner = campaign.funder and chain.meta = campaign.meta
 where campaign.owner = :account and campaign.funder is not null and chain.remaining + chain.reserved >= :cent
""").bindparams(cent=MICRO_USDC_PER_CENT)
_UNREFUNDED = text("""
select count(*) from campaign join ledger_account card on card.account = 'card:' || campaign.id
 where campaign.owner = :account and card.credits - card.debits >= :cent
""").bindparams(cent=MICRO_USDC_PER_CENT)
_LAST_OWNER = text("""
select count(*) from member mine
 where mine.wallet = :account and mine.account <> :account and mine.role = 'owner'
   and not exists (select from member other
                    where other.account = mine.account and other.role = 'owner' and other.wallet <> :account)
""")


@dataclass(frozen=True, slots=True)
class Erasure:
    id: int
    account: Address


def lock_account(connection: Connection, account: Address) -> None:
    """One erasure of an account at a time, and nothing that it could meet halfway."""
    connection.execute(
        text("select pg_advisory_xact_lock(:lock, hashtext(:account))"), {"lock": ERASURE_LOCK, "account": account}
    )
    for statement in _LOCKS:
        connection.execute(text(statement), {"account": account})


def erased_after(connection: Connection, account: Address, since: datetime) -> tuple[int, datetime, Done] | None:
    """The account's last erasure, with its id and time, when it was later than that."""
    row = connection.execute(
        text("select id, erased_at, done from erasure where account = :account and erased_at > :since "
             "order by id desc limit 1"),
        {"account": account, "since": since},
    ).one_or_none()
    return None if row is None else (row.id, row.erased_at, Done(**row.done))


def obligations(connection: Connection, account: Address) -> dict[Obligation, int]:
    """How many there are of each kind."""
    mirrored = connection.execute(text("select to_regclass('chain_campaign') is not null")).scalar()
    asked = {
        Obligation.CARD_PAYMENT_OPEN: _OPEN_PAYMENTS,
        Obligation.CARD_REFUND_OPEN: _OPEN_REFUNDS,
        **({Obligation.CARD_BUDGET_UNSPENT: _UNSPENT} if mirrored else {}),
        Obligation.CARD_MONEY_NOT_REFUNDED: _UNREFUNDED,
        Obligation.ORGANISATION_WITHOUT_OWNER: _LAST_OWNER,
    }
    return {
        obligation: int(connection.execute(query, {"account": account}).scalar_one())
        for obligation, query in asked.items()
    }


def erase(connection: Connection, account: Address) -> Done:
    """Delete, blank and count what the list of holdings says, and shred the account's key."""
    deleted, blanked, kept = {}, {}, {}
    for holding in HOLDINGS:
        if holding.of is None:
            continue
        if holding.erase is Erase.DELETE:
            deleted[holding.table] = _run(connection, _DELETE.format(table=holding.table), holding, account)
        elif holding.erase is Erase.BLANK:
            blanked[holding.table] = _run(connection, _blanking(holding), holding, account)
        else:
            kept[holding.table] = _count(connection, holding, account)
    return Done(deleted, blanked, kept, shred(connection, account))


def insert_erasure(connection: Connection, account: Address, done: Done, now: datetime) -> int:
    return int(connection.execute(
        text("""insert into erasure (account, done, erased_at) values (:account, cast(:done as jsonb), :now)
                returning id"""),
        {"account": account, "done": json.dumps(asdict(done)), "now": now},
    ).scalar_one())


def undone(connection: Connection) -> Erasure | None:
    """An erasure that these tables never saw: a backup older than it came back (its own row comes with the keys)."""
    row = connection.execute(text("""
        select id, account from erasure
         where not exists (select from audit_entry
                            where action = 'account.erase' and subject = 'erasure:' || erasure.id)
         order by id limit 1 for update skip locked""")).one_or_none()
    return Erasure(row.id, Address(row.account)) if row else None


def _run(connection: Connection, change: str, holding: Holding, account: Address) -> int:
    values = {f"value_{column}": value for column, value in holding.blank.items() if value != ROW_ID}
    return connection.execute(text(f"{change} where {belongs(holding)}"), {"account": account, **values}).rowcount


def _blanking(holding: Holding) -> str:
    """`update` with a parameter for each column, or the row's id where values must differ."""
    settings = ", ".join(
        f'"{column}" = ' + (_NUMBERED if value == ROW_ID else f":value_{column}")
        for column, value in holding.blank.items()
    )
    return f'update "{holding.table}" set {settings}'  # noqa: S608 -- constants of the list


def _count(connection: Connection, holding: Holding, account: Address) -> int:
    counted = connection.execute(
        text(f'select count(*) from "{holding.table}" where {belongs(holding)}'), {"account": account}  # noqa: S608
    )
    return int(counted.scalar_one())
