"""The figures of chain and ledger in SQL, and the reports of earlier days."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from backend.billing.reconciling.figures import ChainFigures, LedgerFigures, Status
from backend.core.ids import Address

_CHAIN_CAMPAIGNS = text("select campaign, debited from chain_campaign where chain_id = :chain_id and debited > 0")
_CHAIN_EPOCHS = text("""
select coalesce(sum(fee), 0) as fees, coalesce(sum(total - fee), 0) as settled
  from chain_epoch where chain_id = :chain_id and status = 'finalized'
""")
_CHAIN_PAID = text("select coalesce(sum(paid), 0) from chain_publisher where chain_id = :chain_id")
_CHAIN_TREASURY = text("""
select coalesce(sum(cc.deposited - cc.withdrawn), 0)
  from card_campaign card join chain_campaign cc on cc.chain_id = :chain_id and cc.campaign = card.chain_campaign
""")

# the ledger's side of the epochs that are final on chain, so that both speak of the same moment
_FINAL = "select epoch from chain_epoch where chain_id = :chain_id and status = 'finalized'"
_LEDGER_CAMPAIGNS = text(f"""
select chain_campaign, sum(amount_micro_usdc) as debited from epoch_debit where epoch in ({_FINAL}) group by 1
""")  # noqa: S608 -- constants
_LEDGER_EPOCHS = text(f"""
select coalesce(sum(fee_micro_usdc), 0) as fees, coalesce(sum(total_micro_usdc - fee_micro_usdc), 0) as settled
  from epoch where epoch in ({_FINAL})
""")  # noqa: S608 -- constants
_LEDGER_OWED = text(f"select coalesce(sum(net_micro_usdc), 0) from epoch_publisher where epoch in ({_FINAL})")  # noqa: S608
_LEDGER_TREASURY = text("select coalesce(sum(credits - debits), 0) from ledger_account where account = 'treasury'")
_LEDGER_ALL = text("select sum(debits) as debits, sum(credits) as credits from ledger_account")
# what came in debits Stripe's account; what went back, was taken or kept credits it
_LEDGER_CARDS = text("""
select kind, sum(case debit_account when 'stripe:balance' then amount_micro_usdc else -amount_micro_usdc end) as amount
  from ledger_transfer where kind in ('card_in', 'card_refund', 'card_dispute', 'card_fee') group by kind
""")


@dataclass(frozen=True, slots=True)
class Run:
    """A day's report."""

    day: date
    status: Status
    report: Mapping[str, object]
    created_at: datetime


def read_chain(connection: Connection, chain_id: int) -> ChainFigures | None:
    """None before the indexer has made its tables."""
    if connection.execute(text("select to_regclass('chain_campaign')")).scalar() is None:
        return None
    of_chain = {"chain_id": chain_id}
    epochs = connection.execute(_CHAIN_EPOCHS, of_chain).one()
    return ChainFigures(
        debited={int(row.campaign): int(row.debited) for row in connection.execute(_CHAIN_CAMPAIGNS, of_chain)},
        fees=int(epochs.fees), settled=int(epochs.settled),
        paid=int(connection.execute(_CHAIN_PAID, of_chain).scalar_one()),
        treasury=int(connection.execute(_CHAIN_TREASURY, of_chain).scalar_one()),
    )


def read_ledger(connection: Connection, chain_id: int, *, with_chain: bool) -> LedgerFigures:
    """With `with_chain` also the figures of the epochs that are final there."""
    cards = {row.kind: int(row.amount) for row in connection.execute(_LEDGER_CARDS)}
    totals = connection.execute(_LEDGER_ALL).one()
    debited, fees, settled, owed = _of_final_epochs(connection, chain_id) if with_chain else ({}, 0, 0, 0)
    return LedgerFigures(
        debited=debited, fees=fees, settled=settled, owed=owed,
        treasury=int(connection.execute(_LEDGER_TREASURY).scalar_one()),
        card_in=cards.get("card_in", 0), card_refund=-cards.get("card_refund", 0),
        card_dispute=-cards.get("card_dispute", 0), card_fee=-cards.get("card_fee", 0),
        debits=int(totals.debits or 0), credits=int(totals.credits or 0),
    )


def _of_final_epochs(connection: Connection, chain_id: int) -> tuple[dict[int, int], int, int, int]:
    of_chain = {"chain_id": chain_id}
    epochs = connection.execute(_LEDGER_EPOCHS, of_chain).one()
    debited = {int(row.chain_campaign): int(row.debited) for row in connection.execute(_LEDGER_CAMPAIGNS, of_chain)}
    return debited, int(epochs.fees), int(epochs.settled), int(connection.execute(_LEDGER_OWED, of_chain).scalar_one())


def hold_snapshot(connection: Connection) -> None:
    """All statements of this transaction see the same moment."""
    connection.execute(text("set transaction isolation level repeatable read, read only"))


def is_done(connection: Connection, day: date) -> bool:
    return bool(connection.execute(text("select 1 from reconciliation where day = :day"), {"day": day}).scalar())


def insert_run(connection: Connection, day: date, status: Status, report: Mapping[str, object]) -> bool:
    """False when another process has written the day's report."""
    return bool(connection.execute(
        text("""insert into reconciliation (day, status, report) values (:day, :status, cast(:report as jsonb))
                on conflict do nothing returning 1"""),
        {"day": day, "status": status.value, "report": json.dumps(report)},
    ).scalar())


def runs(connection: Connection, before: date | None, limit: int) -> list[Run]:
    """Reports, the newest first, from before a day."""
    rows = connection.execute(
        text("""select * from reconciliation where cast(:before as date) is null or day < :before
                 order by day desc limit :limit"""),
        {"before": before, "limit": limit},
    )
    return [Run(row.day, Status(row.status), row.report, row.created_at) for row in rows]


def admins(connection: Connection) -> list[Address]:
    return [Address(wallet) for wallet in connection.execute(
        text("select wallet from platform_role where role = 'admin' order by wallet")
    ).scalars()]
