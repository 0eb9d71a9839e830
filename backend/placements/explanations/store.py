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

# The planner walks through the placements, or through the time if they are many: it knows of a publisher's index how
# many there are, of a wallet not. Of thousands of placements only the worst are told one by one; 0 has the sums.
UNPAID_EVENTS = text("""
with own as not materialized (
    select placement.id from placement join world on world.id = placement.world_id
     where world.publisher_index = :publisher and (cast(:placement as bigint) is null or placement.id = :placement)
), found as materialized (
    select placement_id, reason, count(*) as n from dropped_event
     where received_ms >= :since and received_ms < :until and placement_id in (select id from own) group by 1, 2
    union all
    select placement_id, :reason, count(*) from event
     where received_ms >= :since and received_ms < :until and status = 'unpaid'
       and placement_id in (select id from own) group by 1
), worst as (
    select placement_id from found group by placement_id order by sum(n) desc, placement_id limit :most
)
select 0 as placement_id, reason, sum(n) as n from found group by reason
union all
select placement_id, reason, n from found where placement_id in (select placement_id from worst)
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


def unpaid_events(
    connection: Connection, wallet: Address, placement: int | None, span: Span, most: int
) -> tuple[dict[str, int], dict[int, dict[str, int]]]:
    """Counts by DropReason, and of accepted events that their bid does not pay for: of all the wallet's placements, or
    of this one of them; and of the `most` placements that have the most, by placement."""
    publisher = connection.execute(text("select index from publisher where wallet = :wallet"), {"wallet": wallet})
    rows = connection.execute(UNPAID_EVENTS, {
        "publisher": publisher.scalar(), "placement": placement, "since": int(span.since.timestamp() * 1_000),
        "until": int(span.until.timestamp() * 1_000), "reason": UNPAID_KIND, "most": most,
    })
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for row in rows:
        found[row.placement_id][row.reason] = int(row.n)
    return found.pop(0, {}), dict(found)
