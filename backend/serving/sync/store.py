"""What budgets are made of in SQL: which may be others now, and line items with caps with what they were charged."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from backend.core.events import BidKind
from backend.core.week import EVERY_HOUR, mask_of
from backend.db.budgets import YOUNG
from backend.serving.catalogue import LineItem

# Whatever a budget is made of, as one number for each campaign on chain. Of open charges only sums matter, and none
# changes without an account or the epoch; the epoch matters to whoever has a cap for it.
_MARKS = text(f"""
with running as materialized (
    select coalesce(max(epoch), 0) + 1 as epoch from epoch
)
select c.meta, hash_record_extended(row(
           c, account.debits, account.credits, young.amount,
           case when c.epoch_cap > 0 or c.epoch_cap_from > running.epoch then running.epoch end
       ), 0) as mark
  from chain_campaign c cross join running
  left join ledger_account account on account.account = 'campaign:' || c.campaign
  left join ({YOUNG}
              group by campaign) young on young.campaign = c.campaign
 where c.chain_id = :chain_id
""")   # noqa: S608 -- put together from constants

_METAS_DESCRIBED = text("""
select meta from campaign where id = any(:campaigns)
union select c.meta from line_item l join campaign c on c.id = l.campaign_id where l.id = any(:line_items)
""")
_METAS_ON_CHAIN = text("select meta from chain_campaign where chain_id = :chain_id and campaign = any(:campaigns)")

# The line items of each campaign by the index, however many campaigns are named.
_CAPPED = text("""
select l.id, coalesce(c.funder, c.owner) as escrow_owner, c.meta, l.bid_kind, l.bid_micro_usdc, l.daily_cap_micro_usdc,
       l.total_cap_micro_usdc, l.pacing, l.starts_at, l.ends_at, l.hours, l.time_zone
  from campaign c cross join lateral (
    select * from line_item where campaign_id = c.id
       and (daily_cap_micro_usdc is not null or total_cap_micro_usdc is not null) and ends_at > :since offset 0
  ) l
 where c.meta = any(:metas)
""")

_SPEND = text("""
select line_item_id, day - date '1970-01-01' as day, spent_micro_usdc
  from line_item_spend where line_item_id = any(:line_items)
""")


class Capped(NamedTuple):
    """A line item with caps, as far as spending needs it, and who pays."""

    item: LineItem
    payer: tuple[str, str]


def read_marks(connection: Connection, chain_id: int) -> dict[str, int]:
    """A number for each meta on chain; another one when a budget of it may be another."""
    marks: dict[str, int] = {}
    if connection.execute(text("select to_regclass('chain_campaign')")).scalar() is not None:
        for meta, mark in connection.execute(_MARKS, {"chain_id": chain_id}).all():
            marks[meta] = marks.get(meta, 0) ^ mark
    return marks


def read_metas(
    connection: Connection, chain_id: int, described: Mapping[str, Collection[int]], chain_campaigns: Collection[int]
) -> set[str]:
    """Metas of what is described, by kind (`line_item`, `campaign`) and id, and of campaigns on chain."""
    ids = {"line_items": list(described.get("line_item", ())), "campaigns": list(described.get("campaign", ()))}
    metas: set[str] = set()
    if any(ids.values()):
        metas.update(connection.execute(_METAS_DESCRIBED, ids).scalars())
    if chain_campaigns:
        on_chain = {"chain_id": chain_id, "campaigns": list(chain_campaigns)}
        metas.update(connection.execute(_METAS_ON_CHAIN, on_chain).scalars())
    return metas


def read_capped(connection: Connection, metas: Collection[str], week: tuple[int, ...], since_ms: int) -> list[Capped]:
    """Line items with caps, of campaigns with these metas, that were not over by then."""
    since = datetime.fromtimestamp(since_ms / 1000, UTC)
    return [_capped(row, week) for row in connection.execute(_CAPPED, {"metas": list(metas), "since": since}).all()]


def _capped(row: Any, week: tuple[int, ...]) -> Capped:
    item = LineItem(
        id=row.id, campaign=0, owner="", bid_kind=BidKind(row.bid_kind), bid_micro_usdc=row.bid_micro_usdc,
        starts_ms=_ms(row.starts_at), ends_ms=_ms(row.ends_at), even_pacing=row.pacing != "asap",
        front_loaded=row.pacing == "front_loaded", daily_cap_micro_usdc=row.daily_cap_micro_usdc,
        total_cap_micro_usdc=row.total_cap_micro_usdc, week=week,
        hours=EVERY_HOUR if row.hours is None else mask_of(row.hours), time_zone=row.time_zone or "UTC",
    )
    return Capped(item, (row.escrow_owner, row.meta))


def read_spend(connection: Connection, line_items: Collection[int]) -> dict[int, dict[int, int]]:
    """Charged micro-USDC by line item and UTC day (days since 1970)."""
    spend: dict[int, dict[int, int]] = defaultdict(dict)
    for row in connection.execute(_SPEND, {"line_items": list(line_items)}).all():
        spend[row.line_item_id][row.day] = row.spent_micro_usdc
    return spend


def _ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)
