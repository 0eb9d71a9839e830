"""Reads every campaign's budget facts in one statement: chain tables joined with the ledger.

Money that came, by a deposit or a cancelled withdrawal, counts once confirmed; money that left counts at once. Of an
advertiser's caps the least counts of all that bind an epoch in which today's charges may be settled: a cap that was
raised or lifted binds on until the chain says otherwise, one that was lowered does at once. Only where a cap may bind
are the charges since the last epoch summed up: there can be millions, and this is read for every batch. By a `case` and
no join, for the plan of a join that was made while there were no charges goes through all of them.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from backend.core.budget import CampaignBudget

YOUNG = """select campaign, sum(amount) as amount
               from (select chain_id, campaign, amount, number from chain_campaign_opened
                     union all select chain_id, campaign, amount, number from chain_deposited
                     union all select chain_id, campaign, amount, number from chain_withdrawal_cancelled) came
               join chain_cursor using (chain_id)
              where chain_id = :chain_id and came.number > chain_cursor.confirmed_number"""
"""Money that came and is not confirmed yet, by campaign; to be narrowed and grouped."""

_BUDGETS = text(f"""
with chosen as materialized (
    select * from chain_campaign where chain_id = :chain_id and (cast(:metas as text[]) is null or meta = any(:metas))
), running as materialized (
    select coalesce(max(epoch), 0) + 1 as epoch from epoch
)
select c.campaign, c.owner, c.meta, c.active,
       c.deposited - coalesce(young.amount, 0) as deposited, c.withdrawn, c.reserved, c.debited,
       coalesce(account.debits - account.credits, 0) as ledger_debits,
       case when c.epoch_cap > 0 or c.epoch_cap_from > running.epoch
            then (select coalesce(sum(amount_micro_usdc), 0) from ledger_transfer
                   where epoch is null and kind = 'charge' and debit_account = 'campaign:' || c.campaign)
            else 0 end as open_charged,
       case when c.epoch_cap_from <= running.epoch then c.epoch_cap else coalesce(caps.least, 0) end as epoch_cap
  from chosen c
 cross join running
  left join (select campaign, min(cap) filter (where cap > 0) as least
               from (select campaign, cap, from_epoch, min(from_epoch) over (
                              partition by campaign order by number, log_index
                               rows between 1 following and unbounded following) as until
                       from chain_epoch_cap_set
                      where chain_id = :chain_id
                        and campaign in (select campaign from chosen, running where epoch_cap_from > epoch)
                    ) as set_caps, running
              where until is null or greatest(from_epoch, running.epoch) < until group by campaign) caps
         on caps.campaign = c.campaign
  left join ({YOUNG}
                and campaign in (select campaign from chosen)
              group by campaign) young on young.campaign = c.campaign
  left join ledger_account account on account.account = 'campaign:' || c.campaign
 order by c.campaign
""")   # noqa: S608 -- put together from constants


def read_budgets(
    connection: Connection, chain_id: int, metas: Sequence[str] | None = None
) -> dict[int, CampaignBudget]:
    """Budget facts by chain campaign id, of all campaigns or of those with one of `metas`.

    Empty until the indexer has made its tables and seen a campaign.
    """
    if connection.execute(text("select to_regclass('chain_campaign')")).scalar() is None:
        return {}
    chosen = None if metas is None else list(metas)
    rows = connection.execute(_BUDGETS, {"chain_id": chain_id, "metas": chosen})
    return {
        int(row.campaign): CampaignBudget(
            campaign=int(row.campaign), owner=row.owner, meta=row.meta, active=row.active,
            deposited=int(row.deposited), withdrawn=int(row.withdrawn), reserved=int(row.reserved),
            ledger_debits=int(row.ledger_debits), open_charged=int(row.open_charged), epoch_cap=int(row.epoch_cap or 0),
            chain_debits=int(row.debited),
        )
        for row in rows
    }
