"""Reads every campaign's budget facts in one statement: chain tables joined with the ledger.

Money that came, by a deposit or a cancelled withdrawal, counts once confirmed; money that left counts at once.
"""

from sqlalchemy import Connection, text

from backend.core.budget import CampaignBudget

_BUDGETS = text("""
select c.campaign, c.owner, c.meta, c.active,
       c.deposited - coalesce(young.amount, 0) as deposited, c.withdrawn, c.reserved, c.debited,
       coalesce(account.debits, 0) as ledger_debits, coalesce(open.charged, 0) as open_charged, c.epoch_cap
  from chain_campaign c
  left join (select campaign, sum(amount) as amount
               from (select chain_id, campaign, amount, number from chain_campaign_opened
                     union all select chain_id, campaign, amount, number from chain_deposited
                     union all select chain_id, campaign, amount, number from chain_withdrawal_cancelled) came
               join chain_cursor using (chain_id)
              where chain_id = :chain_id and came.number > chain_cursor.confirmed_number
              group by campaign) young on young.campaign = c.campaign
  left join ledger_account account on account.account = 'campaign:' || c.campaign
  left join (select debit_account, sum(amount_micro_usdc) as charged
               from ledger_transfer where epoch is null and kind = 'charge' group by debit_account) open
         on open.debit_account = 'campaign:' || c.campaign
 where c.chain_id = :chain_id
 order by c.campaign
""")


def read_budgets(connection: Connection, chain_id: int) -> dict[int, CampaignBudget]:
    """Budget facts by chain campaign id. Empty until the indexer has made its tables and seen a campaign."""
    if connection.execute(text("select to_regclass('chain_campaign')")).scalar() is None:
        return {}
    rows = connection.execute(_BUDGETS, {"chain_id": chain_id})
    return {
        int(row.campaign): CampaignBudget(
            campaign=int(row.campaign), owner=row.owner, meta=row.meta, active=row.active,
            deposited=int(row.deposited), withdrawn=int(row.withdrawn), reserved=int(row.reserved),
            ledger_debits=int(row.ledger_debits), open_charged=int(row.open_charged), epoch_cap=int(row.epoch_cap or 0),
            chain_debits=int(row.debited),
        )
        for row in rows
    }
