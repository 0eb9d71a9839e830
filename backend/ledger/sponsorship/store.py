"""Hours in which a sponsorship was delivered, from the counters of ad requests or from views and clicks, and their
events.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

# Counters are asked by their whole key, minute by minute: an hour costs sixty look-ups, however big the table is.
# A counter is lost with the worker that kept it in memory; a view or a click is not, and its token proves the answer.
# The hour is that of the decision, whose milliseconds its id begins with, whenever the event came.
_DELIVERED = text("""
select item.id as line_item, hour.ms as hour_ms, item.bid_micro_usdc as price, world.publisher_index as publisher,
       placement.id as placement, funded.campaign as chain_campaign,
       coalesce((select jsonb_agg(jsonb_build_array(share.publisher_index, share.basis_points))
                   from placement_share share where share.placement_id = placement.id), '[]') as shares,
       coalesce((select min(creative.id) from creative
                  where creative.line_item_id = item.id and creative.status = 'approved'), 0) as creative
  from line_item item
  join campaign on campaign.id = item.campaign_id
  join placement on placement.id = cast(item.targeting -> 'placements' ->> 0 as bigint)
  join world on world.id = placement.world_id
  cross join generate_series(cast(:first as bigint), cast(:last as bigint), 3600000) hour(ms)
  cross join lateral (
       select min(c.campaign) as campaign from chain_campaign c
        where c.chain_id = :chain_id and c.owner = coalesce(campaign.funder, campaign.owner) and c.meta = campaign.meta
       ) funded
 where item.bid_kind = 'sponsorship' and funded.campaign is not null
   and to_timestamp(hour.ms / 1000) >= item.starts_at and to_timestamp(hour.ms / 1000) < item.ends_at
   and not exists (select from event where event.stream_id = 'hour-' || item.id || '-' || hour.ms)
   and (exists (select from generate_series(0, 59) offset_minutes(n)
                  join serving_tally tally
                    on tally.minute = to_timestamp(hour.ms / 1000 + 60 * offset_minutes.n)
                   and tally.placement_id = placement.id and tally.line_item_id = item.id
                   and tally.outcome = 'decision')
     or exists (select from event seen
                 where seen.bid_kind = 'sponsorship' and seen.kind in ('viewable', 'click')
                   and seen.line_item_id = item.id and seen.placement_id = placement.id
                   and seen.decision_id >= lpad(to_hex(hour.ms), 12, '0')
                   and seen.decision_id < lpad(to_hex(hour.ms + 3600000), 12, '0')
                   and seen.status not in ('dropped', 'invalid')
                   and not exists (select from flagged_event flagged
                                    where flagged.event_id = seen.event_id and flagged.state = 'pending')))
 order by hour.ms, item.id
""")

_INSERT = text("""
insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id, placement_id,
                   publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id, stream_index, status)
values (:decision_id || '04', :decision_id, 'sponsored_hour', 'sponsorship', :chain_campaign, :line_item, :creative,
        :placement, :publisher, :price, :hour_ms, :received_ms, 'hour-' || :line_item || '-' || :hour_ms, 0, 'accepted')
    on conflict do nothing
""")


@dataclass(frozen=True, slots=True)
class DeliveredHour:
    """An hour (start in Unix milliseconds) of a line item's sponsorship in which its ad was served.

    `publisher` owns the world; `shares` are (publisher index, basis points) where several are paid.
    """

    line_item: int
    hour_ms: int
    price_micro_usdc: int
    publisher: int
    shares: Sequence[tuple[int, int]]
    placement: int
    chain_campaign: int
    creative: int


def read_delivered(connection: Connection, chain_id: int, first_ms: int, last_ms: int) -> list[DeliveredHour]:
    """Delivered hours that have no event yet, of hours that start from `first_ms` to `last_ms`.

    Empty until the indexer has made its tables.
    """
    if connection.execute(text("select to_regclass('chain_campaign')")).scalar() is None:
        return []
    bound = {"chain_id": chain_id, "first": first_ms, "last": last_ms}
    return [
        DeliveredHour(
            row.line_item, int(row.hour_ms), int(row.price), int(row.publisher),
            [(index, points) for index, points in row.shares], row.placement, int(row.chain_campaign), row.creative,
        )
        for row in connection.execute(_DELIVERED, bound)
    ]


def insert_hour(
    connection: Connection, hour: DeliveredHour, decision_id: str, publisher: int, received_ms: int
) -> None:
    """The event of an hour, under an id in place of a decision's; an hour that has one keeps it."""
    connection.execute(_INSERT, {
        "decision_id": decision_id, "chain_campaign": hour.chain_campaign, "line_item": hour.line_item,
        "creative": hour.creative, "placement": hour.placement, "publisher": publisher,
        "price": hour.price_micro_usdc, "hour_ms": hour.hour_ms, "received_ms": received_ms,
    })
