"""Counts behind explanations. Every statement finds its rows by an index on placement or line item, and time."""

from collections import defaultdict

from sqlalchemy import Connection, text

from backend.core.ids import Address
from backend.placements.explanations.explanation import Span, Standing
from backend.placements.explanations.reasons import UNPAID_KIND

STANDING = text("""
select placement.status = 'active' as placement_active, world.status = 'active' as world_active, placement.test_mode,
       world.proof_state = 'verified' as verified
  from placement join world on world.id = placement.world_id
  join publisher on publisher.index = world.publisher_index
 where placement.id = :placement and publisher.wallet = :wallet
""")

PLACEMENT_OUTCOMES = text("""
select outcome, sum(n) as n from serving_tally
 where placement_id = :placement and minute >= :since and minute < :until group by outcome
""")

LINE_ITEM_OUTCOMES = text("""
select outcome, sum(n) as n from serving_tally
 where line_item_id = :line_item and minute >= :since and minute < :until group by outcome
""")

OWN_PLACEMENTS = text("""
select placement.id from placement join world on world.id = placement.world_id
  join publisher on publisher.index = world.publisher_index
 where publisher.wallet = :wallet and (cast(:placement as bigint) is null or placement.id = :placement)
""")

DROPPED = text("""
select own.id as placement_id, found.reason, found.n
  from unnest(cast(:placements as bigint[])) as own(id)
 cross join lateral (
    select reason, count(*) as n from dropped_event
     where placement_id = own.id and received_ms >= :since and received_ms < :until group by reason
 ) found
""")

UNPAID_EVENTS = text("""
select own.id as placement_id, :reason as reason, found.n
  from unnest(cast(:placements as bigint[])) as own(id)
 cross join lateral (
    select count(*) as n from event
     where placement_id = own.id and received_ms >= :since and received_ms < :until and status = 'unpaid'
 ) found
 where found.n > 0
""")

OWN_LINE_ITEM = text("""
select 1 from line_item join campaign on campaign.id = line_item.campaign_id
 where line_item.id = :line_item and campaign.owner = :wallet
""")


def standing_of(connection: Connection, wallet: Address, placement: int) -> Standing | None:
    """None when the wallet has no such placement."""
    row = connection.execute(STANDING, {"placement": placement, "wallet": wallet}).one_or_none()
    return Standing(*row) if row else None


def owns_line_item(connection: Connection, wallet: Address, line_item: int) -> bool:
    return connection.execute(OWN_LINE_ITEM, {"line_item": line_item, "wallet": wallet}).scalar() is not None


def placements_of(connection: Connection, wallet: Address, placement: int | None) -> list[int]:
    """The wallet's placements, or this one of them."""
    return list(connection.execute(OWN_PLACEMENTS, {"wallet": wallet, "placement": placement}).scalars())


def placement_outcomes(connection: Connection, placement: int, span: Span) -> dict[str, int]:
    """Counts of `decision`, `no_bid` and NoBidReasons."""
    rows = connection.execute(
        PLACEMENT_OUTCOMES, {"placement": placement, "since": span.since, "until": span.until}
    )
    return {row.outcome: int(row.n) for row in rows}


def line_item_outcomes(connection: Connection, line_item: int, span: Span) -> dict[str, int]:
    """Counts of `decision` and NoBidReasons."""
    rows = connection.execute(
        LINE_ITEM_OUTCOMES, {"line_item": line_item, "since": span.since, "until": span.until}
    )
    return {row.outcome: int(row.n) for row in rows}


def unpaid_events(connection: Connection, placements: list[int], span: Span) -> dict[int, dict[str, int]]:
    """Counts by placement and DropReason, and of accepted events that their bid does not pay for."""
    bound = {
        "placements": placements, "since": int(span.since.timestamp() * 1_000),
        "until": int(span.until.timestamp() * 1_000),
    }
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(DROPPED, bound):
        found[row.placement_id][row.reason] = int(row.n)
    for row in connection.execute(UNPAID_EVENTS, bound | {"reason": UNPAID_KIND}):
        found[row.placement_id][row.reason] = int(row.n)
    return dict(found)
