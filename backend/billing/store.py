"""Profiles, what is due, and issued documents in SQL."""

from collections.abc import Sequence
from datetime import date

import msgspec
from sqlalchemy import Connection, text

from backend.billing.account_statement import Movement
from backend.billing.document import Document, DocumentKind, Issued, decode, digest, encode
from backend.billing.due import CampaignDue, EpochEarned
from backend.billing.profile import UNKNOWN, BillingProfile
from backend.core.ids import Address
from backend.db.sealed import open_sealed, seal

BILLING_LOCK = 0x5167_4249
"""First half of the advisory lock of whoever issues documents; the second is the account."""
YEARS_KEPT = 10
"""Invoices are kept for ten years: § 14b UStG in Germany; nowhere in the EU is it longer for most businesses."""


# ---- profiles -------------------------------------------------------------------------------------------------------


def read_profile(connection: Connection, account: Address) -> BillingProfile | None:
    """None when there is none, or it was erased."""
    sealed = connection.execute(
        text("select sealed from billing_profile where account = :account"), {"account": account}
    ).scalar()
    opened = None if sealed is None else open_sealed(connection, account, sealed)
    return None if opened is None else msgspec.json.decode(opened, type=BillingProfile)


def write_profile(connection: Connection, account: Address, profile: BillingProfile) -> None:
    sealed = seal(connection, account, msgspec.json.encode(profile).decode())
    connection.execute(
        text("""insert into billing_profile (account, sealed) values (:account, :sealed)
                on conflict (account) do update set sealed = excluded.sealed, updated_at = now()"""),
        {"account": account, "sealed": sealed},
    )


# ---- what is due ----------------------------------------------------------------------------------------------------

_ADVERTISERS = text("""
select c.owner as account
  from (select l.campaign_id, sum(s.spent_micro_usdc) as charged
          from line_item_spend s join line_item l on l.id = s.line_item_id
         where s.day <= :to_day group by l.campaign_id) spent
  join campaign c on c.id = spent.campaign_id
  left join billed_campaign b on b.campaign_id = c.id
 where spent.charged <> coalesce(b.billed_micro_usdc, 0)
   and not exists (select 1 from billing_document d
                    where d.kind = 'invoice' and d.account = c.owner and d.to_day = :to_day)
 group by c.owner having sum(spent.charged - coalesce(b.billed_micro_usdc, 0)) > 0
 order by c.owner limit :most
""")

_CAMPAIGNS = text("""
select c.id, c.name, coalesce(sum(s.spent_micro_usdc), 0) as charged, coalesce(max(b.billed_micro_usdc), 0) as billed
  from campaign c
  join line_item l on l.campaign_id = c.id
  join line_item_spend s on s.line_item_id = l.id and s.day <= :to_day
  left join billed_campaign b on b.campaign_id = c.id
 where c.owner = :account
   and not exists (select from billing_document d
                    where d.kind = 'invoice' and d.account = c.owner and d.to_day = :to_day)
 group by c.id, c.name order by c.id
""")

# An epoch is final when the chain says so; each is in one document, since documents go on from the last one's epoch.
# What becomes due after a period's document waits for the next one: of an account and a period there is one at most.
_EARNED = """
select p.wallet, e.epoch, to_timestamp(e.to_ms / 1000.0)::date as day, ep.net_micro_usdc
  from epoch_publisher ep
  join epoch e on e.epoch = ep.epoch
  join publisher p on p.index = ep.publisher_index
  join chain_epoch ce on ce.chain_id = :chain_id and ce.epoch = e.epoch and ce.status = 'finalized'
 where ep.net_micro_usdc > 0 and to_timestamp(e.to_ms / 1000.0)::date <= :to_day
   and e.epoch > coalesce((select max(d.to_epoch) from billing_document d
                            where d.kind = 'self_billing' and d.account = p.wallet), 0)
   and not exists (select from billing_document d
                    where d.kind = 'self_billing' and d.account = p.wallet and d.to_day = :to_day)
"""
_PUBLISHERS = text(f"select distinct wallet from ({_EARNED}) due order by wallet limit :most")  # noqa: S608 -- constants
_EPOCHS = text(_EARNED + " and p.wallet = :account order by e.epoch")


def lock_account(connection: Connection, account: Address) -> bool:
    """Whether no other process issues a document to the account right now; until we commit it is ours."""
    return bool(connection.execute(
        text("select pg_try_advisory_xact_lock(:lock, hashtext(:account))"), {"lock": BILLING_LOCK, "account": account}
    ).scalar())


def advertisers_due(connection: Connection, to_day: date, most: int) -> list[Address]:
    """Accounts with charges up to the day that are in no invoice, and no invoice for the period yet."""
    rows = connection.execute(_ADVERTISERS, {"to_day": to_day, "most": most})
    return [Address(row.account) for row in rows]


def campaigns_due(connection: Connection, account: Address, to_day: date) -> list[CampaignDue]:
    """The account's campaigns with charges up to the day; none once it has an invoice for the period."""
    rows = connection.execute(_CAMPAIGNS, {"account": account, "to_day": to_day})
    return [CampaignDue(row.id, row.name, int(row.charged), int(row.billed)) for row in rows]


def publishers_due(connection: Connection, chain_id: int, to_day: date, most: int) -> list[Address]:
    """Publishers with final epochs up to the day that are in no document."""
    if not _has_chain(connection):
        return []
    rows = connection.execute(_PUBLISHERS, {"chain_id": chain_id, "to_day": to_day, "most": most})
    return [Address(row.wallet) for row in rows]


def epochs_due(connection: Connection, chain_id: int, account: Address, to_day: date) -> list[EpochEarned]:
    rows = connection.execute(_EPOCHS, {"chain_id": chain_id, "account": account, "to_day": to_day})
    return [EpochEarned(int(row.epoch), row.day, int(row.net_micro_usdc)) for row in rows]


def mark_billed(connection: Connection, due: Sequence[CampaignDue]) -> None:
    """From now on these charges are in an invoice."""
    for one in due:
        connection.execute(
            text("""insert into billed_campaign (campaign_id, billed_micro_usdc) values (:campaign, :charged)
                    on conflict (campaign_id) do update set billed_micro_usdc = excluded.billed_micro_usdc"""),
            {"campaign": one.campaign, "charged": one.charged_micro_usdc},
        )


# ---- documents ------------------------------------------------------------------------------------------------------


def next_serial(connection: Connection, kind: DocumentKind, year: int) -> int:
    """The next number of the series; the row stays locked until we commit, so nobody skips or repeats one."""
    return int(connection.execute(
        text("""insert into billing_counter (kind, year, last) values (:kind, :year, 1)
                on conflict (kind, year) do update set last = billing_counter.last + 1 returning last"""),
        {"kind": kind.value, "year": year},
    ).scalar_one())


def insert_document(connection: Connection, account: Address, document: Document, to_epoch: int | None) -> None:
    """Store a document, sealed for as long as the law asks. Raises IntegrityError when the period has one."""
    raw = encode(document)
    keep_until = date(document.issued_on.year + YEARS_KEPT, 12, 31)
    connection.execute(
        text("""insert into billing_document (number, kind, account, issued_on, from_day, to_day, gross_micro_usdc,
                                              to_epoch, sealed, sha256)
                values (:number, :kind, :account, :issued_on, :from_day, :to_day, :gross, :to_epoch, :sealed,
                        :sha256)"""),
        {"number": document.number, "kind": document.kind.value, "account": account, "issued_on": document.issued_on,
         "from_day": document.from_day, "to_day": document.to_day, "gross": document.gross_micro_usdc,
         "to_epoch": to_epoch, "sealed": seal(connection, account, raw.decode(), keep_until=keep_until),
         "sha256": digest(raw)},
    )


def documents_of(connection: Connection, account: Address, after: int, limit: int) -> list[Issued]:
    rows = connection.execute(
        text("""select * from billing_document where account = :account and id > :after order by id limit :limit"""),
        {"account": account, "after": after, "limit": limit},
    )
    return [
        Issued(row.id, row.number, DocumentKind(row.kind), row.issued_on, row.from_day, row.to_day,
               int(row.gross_micro_usdc), row.sha256)
        for row in rows
    ]


def document_of(connection: Connection, account: Address, number: str) -> tuple[Document, str] | None:
    """A document of the account with its digest; None when there is none, or its time is over."""
    row = connection.execute(
        text("select sealed, sha256 from billing_document where account = :account and number = :number"),
        {"account": account, "number": number},
    ).one_or_none()
    opened = None if row is None else open_sealed(connection, account, row.sealed)
    return None if row is None or opened is None else (decode(opened.encode()), row.sha256)


def profile_or_unknown(connection: Connection, account: Address) -> BillingProfile:
    return read_profile(connection, account) or UNKNOWN


# ---- movements of an account ----------------------------------------------------------------------------------------

_OF_ADVERTISER = """
with own as (
    select c.id, cc.campaign from campaign c
      join chain_campaign cc on cc.chain_id = :chain_id and cc.meta = c.meta and cc.owner = coalesce(c.funder, c.owner)
     where c.owner = :account
), moved as (
select to_timestamp(f.block_timestamp)::date as day, 'deposit' as what, 'campaign:' || own.id as reference, f.amount
  from chain_campaign_opened f join own using (campaign) where f.chain_id = :chain_id
union all
select to_timestamp(f.block_timestamp)::date, 'deposit', 'campaign:' || own.id, f.amount
  from chain_deposited f join own using (campaign) where f.chain_id = :chain_id
union all
select to_timestamp(f.block_timestamp)::date, 'withdrawal', 'campaign:' || own.id, -f.amount
  from chain_withdrawn f join own using (campaign) where f.chain_id = :chain_id
union all
select s.day, 'charge', 'campaigns:' || count(distinct l.campaign_id), -sum(s.spent_micro_usdc)
  from line_item_spend s join line_item l on l.id = s.line_item_id join campaign c on c.id = l.campaign_id
 where c.owner = :account group by s.day
)"""

_OF_PUBLISHER = """
with moved as (
select to_timestamp(e.to_ms / 1000.0)::date as day, 'earned' as what, 'epoch:' || e.epoch as reference,
       ep.net_micro_usdc as amount
  from epoch_publisher ep join epoch e on e.epoch = ep.epoch join publisher p on p.index = ep.publisher_index
 where p.wallet = :account and ep.net_micro_usdc > 0 and e.status = 'finalised'
union all
select to_timestamp(f.block_timestamp)::date, 'paid', 'transaction:' || f.tx_hash, -f.amount
  from chain_payout f join publisher p on p.index = f.publisher_index
 where f.chain_id = :chain_id and p.wallet = :account
)"""

_WITHIN = """
select cast(:from_day as date) - 1 as day, 'before' as what, '' as reference, sum(amount) as amount
  from moved where day < :from_day having count(*) > 0
union all
select * from moved where day >= :from_day and day <= :to_day
"""


def movements_of(
    connection: Connection, chain_id: int, account: Address, days: tuple[date, date], *, publisher: bool
) -> list[Movement]:
    """Everything that moved money of the account on that side of the market within `days`, both included; all that was
    before is one movement of the day before. Charges are one movement a day; invoices have them by campaign."""
    if not _has_chain(connection):
        return []
    statement = text((_OF_PUBLISHER if publisher else _OF_ADVERTISER) + _WITHIN)
    rows = connection.execute(
        statement, {"chain_id": chain_id, "account": account, "from_day": days[0], "to_day": days[1]}
    )
    return [Movement(row.day, row.what, row.reference, int(row.amount)) for row in rows]


def _has_chain(connection: Connection) -> bool:
    return connection.execute(text("select to_regclass('chain_campaign')")).scalar() is not None
