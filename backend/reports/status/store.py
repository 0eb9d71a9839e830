"""Reads the status page's numbers from our tables and the indexer's, in statements that a snapshot keeps consistent."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Connection, text

from backend.reports.status.overview import CampaignView, ChainView, EpochView, PublisherView, Traffic

EPOCHS_MAX = 24
CAMPAIGNS_MAX = 200
PUBLISHERS_MAX = 200

_CHAIN = text("""
select chain_id, escrow, payout, number, confirmed_number, halted,
       extract(epoch from clock_timestamp() - updated_at) as age_seconds,
       (select count(*) from chain_reorg r where r.chain_id = c.chain_id) as reorgs
  from chain_cursor c where chain_id = :chain_id
""")

_CAMPAIGNS = text("""
select c.campaign, d.name, c.owner, c.active, c.deposited, c.withdrawn, c.reserved, c.remaining, c.debited,
       coalesce(a.debits - a.credits, 0) - c.debited as open
  from chain_campaign c
  left join campaign d on d.meta = c.meta and coalesce(d.funder, d.owner) = c.owner
  left join ledger_account a on a.account = 'campaign:' || c.campaign
 where c.chain_id = :chain_id
 order by c.campaign
""")

_EPOCHS = text("""
select coalesce(c.epoch, e.epoch) as epoch, coalesce(c.attempt, e.attempt) as attempt,
       coalesce(c.status, e.status) as status, e.events, coalesce(c.total, e.total_micro_usdc) as total,
       coalesce(c.fee, e.fee_micro_usdc) as fee, c.active_at,
       (select count(*) from attestation a where a.epoch = coalesce(c.epoch, e.epoch)
           and a.attempt = coalesce(c.attempt, e.attempt)) as attestations
  from (select * from chain_epoch where chain_id = :chain_id) c
  full join epoch e on e.epoch = c.epoch and e.attempt = c.attempt
 order by 1 desc, 2 desc
 limit :epochs_max
""")

_PUBLISHERS = text("""
select e.publisher_index, e.recipient, coalesce(p.payout_mode, 'auto') as payout_mode,
       e.cumulative_micro_usdc as earned, coalesce(c.paid, 0) as paid
  from epoch_publisher e
  left join publisher p on p.index = e.publisher_index
  left join chain_publisher c on c.chain_id = :chain_id and c.publisher_index = e.publisher_index
 where e.epoch = (select max(epoch) from chain_epoch where chain_id = :chain_id and status = 'finalized')
 order by e.publisher_index
 limit :publishers_max
""")

_FINAL = text("""
select (select coalesce(sum(fee), 0) from chain_epoch where chain_id = :chain_id and status = 'finalized') as fee,
       (select coalesce(sum(total - fee), 0) from chain_epoch
         where chain_id = :chain_id and status = 'finalized') as net,
       (select coalesce(sum(paid), 0) from chain_publisher where chain_id = :chain_id) as paid,
       (select coalesce(sum(amount), 0) from chain_fees_withdrawn where chain_id = :chain_id) as fees_withdrawn
""")

_COUNTS = text("select what, name, n from traffic_count order by n desc, name")

_CHARGED = text("select coalesce(sum(debits - credits), 0) from ledger_account where account like 'campaign:%'")


@dataclass(frozen=True, slots=True)
class FinalTotals:
    """Sums over finalised epochs and payouts, micro-USDC."""

    fee: int
    net: int
    paid: int
    fees_withdrawn: int


def hold_snapshot(connection: Connection) -> None:
    """All statements of this transaction see the same moment."""
    connection.execute(text("set transaction isolation level repeatable read, read only"))


def has_chain_tables(connection: Connection) -> bool:
    """Whether the indexer has made its tables."""
    return connection.execute(text("select to_regclass('chain_cursor')")).scalar() is not None


def read_chain(connection: Connection, chain_id: int) -> ChainView | None:
    """None before the indexer's first step."""
    row = connection.execute(_CHAIN, {"chain_id": chain_id}).one_or_none()
    if row is None:
        return None
    return ChainView(
        row.chain_id, row.escrow, row.payout, row.number, row.confirmed_number,
        round(float(row.age_seconds), 3), row.reorgs, row.halted,
    )


def read_campaigns(connection: Connection, chain_id: int) -> list[CampaignView]:
    """All of them: the page cuts the list, the law needs every one."""
    return [
        CampaignView(
            int(row.campaign), row.name, row.owner, row.active, int(row.deposited), int(row.withdrawn),
            int(row.reserved), int(row.remaining), int(row.debited), int(row.open),
        )
        for row in connection.execute(_CAMPAIGNS, {"chain_id": chain_id})
    ]


def read_epochs(connection: Connection, chain_id: int) -> list[EpochView]:
    """The newest attempts first."""
    rows = connection.execute(_EPOCHS, {"chain_id": chain_id, "epochs_max": EPOCHS_MAX})
    return [
        EpochView(
            int(row.epoch), int(row.attempt), row.status, row.events, int(row.total),
            None if row.fee is None else int(row.fee), row.active_at, row.attestations,
        )
        for row in rows
    ]


def read_publishers(connection: Connection, chain_id: int) -> list[PublisherView]:
    """Publishers of the newest finalised statement."""
    rows = connection.execute(_PUBLISHERS, {"chain_id": chain_id, "publishers_max": PUBLISHERS_MAX})
    return [
        PublisherView(int(row.publisher_index), row.recipient, row.payout_mode, int(row.earned), int(row.paid))
        for row in rows
    ]


def read_final_totals(connection: Connection, chain_id: int) -> FinalTotals:
    row = connection.execute(_FINAL, {"chain_id": chain_id}).one()
    return FinalTotals(int(row.fee), int(row.net), int(row.paid), int(row.fees_withdrawn))


def read_traffic(connection: Connection) -> Traffic:
    """Counts of decisions, events and refusals, kept by triggers: backend/db/tables/counts.py."""
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(_COUNTS):
        counts[row.what][row.name] = int(row.n)
    received, beyond, outcomes = counts["received"], counts["beyond_budget"], counts["answered"]
    invalid = counts["invalid"]
    billed, unpaid = sum(counts["billed"].values()), sum(counts["unpaid"].values())
    return Traffic(
        decisions=outcomes.pop("decision", 0),
        unfilled=outcomes.pop("no_bid", 0),
        viewable_impressions=received.get("viewable", 0) - beyond.get("viewable", 0) - invalid.get("viewable", 0),
        clicks=received.get("click", 0) - beyond.get("click", 0) - invalid.get("click", 0),
        billed=billed,
        pending=sum(received.values()) - billed - unpaid - sum(beyond.values()) - sum(invalid.values()),
        charged_micro_usdc=int(connection.execute(_CHARGED).scalar_one()),
        dropped=counts["dropped"],
        no_bids=outcomes,
    )
