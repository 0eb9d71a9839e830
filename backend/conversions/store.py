"""Goals and conversions in SQL, and the event row that a conversion is charged by."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import cast

import redis
from sqlalchemy import Connection, Row, text

from backend.conversions.attribution import Touch
from backend.conversions.conversion import Conversion
from backend.conversions.goal import Goal, GoalKind, GoalStatus, GoalTerms
from backend.core.events import EventKind
from backend.core.ids import Address, CampaignId

EVENT_STREAM = "sl:events"      # the stream of `ingest`: what it holds is not in the tables yet

_GOAL = "select goal.* from conversion_goal goal join campaign on campaign.id = goal.campaign_id"


# ---- goals ----------------------------------------------------------------------------------------------------------


def owns_campaign(connection: Connection, owner: Address, campaign: CampaignId) -> bool:
    return bool(connection.execute(
        text("select exists (select from campaign where id = :id and owner = :owner)"), {"id": campaign, "owner": owner}
    ).scalar())


def insert_goal(connection: Connection, campaign: CampaignId, terms: GoalTerms, read_number: int | None) -> Goal:
    row = connection.execute(
        text("""insert into conversion_goal (campaign_id, name, kind, click_days, view_days, repeatable, status,
                                             secret_version, contract, event, topic0, read_number, read_from)
                values (:campaign, :name, :kind, :click_days, :view_days, :repeatable, 'active', 1, :contract, :event,
                        :topic0, :read_number, :read_number) returning *"""),
        {"campaign": campaign, "name": terms.name, "kind": terms.kind.value, "click_days": terms.click_days,
         "view_days": terms.view_days, "repeatable": terms.repeatable, "contract": terms.contract,
         "event": terms.event, "topic0": terms.topic0, "read_number": read_number},
    ).one()
    return _goal(row)


def goal_of(connection: Connection, owner: Address, goal: int, *, lock: bool = False) -> Goal | None:
    """The owner's goal; with `lock` nobody else changes it until we commit."""
    row = connection.execute(
        text(f"{_GOAL} where campaign.owner = :owner and goal.id = :id" + (" for update of goal" if lock else "")),
        {"owner": owner, "id": goal},
    ).one_or_none()
    return _goal(row) if row else None


def goals_of(
    connection: Connection, owner: Address, campaign: CampaignId | None, after: int, limit: int
) -> list[Goal]:
    """The owner's goals, of one campaign or of all, by id."""
    rows = connection.execute(
        text(f"""{_GOAL} where campaign.owner = :owner and goal.id > :after
                   and (cast(:campaign as bigint) is null or goal.campaign_id = :campaign)
                 order by goal.id limit :limit"""),
        {"owner": owner, "campaign": campaign, "after": after, "limit": limit},
    )
    return [_goal(row) for row in rows]


def any_goal(connection: Connection, goal: int) -> Goal | None:
    """A goal, whoever owns it: what is said about it is believed for its signature."""
    row = connection.execute(text("select * from conversion_goal where id = :id"), {"id": goal}).one_or_none()
    return _goal(row) if row else None


def update_goal(connection: Connection, goal: Goal) -> None:
    connection.execute(
        text("""update conversion_goal set name = :name, status = :status, secret_version = :version,
                       previous_until = :previous_until, read_number = :read_number, read_from = :read_from,
                       again_number = :again_number where id = :id"""),
        {"id": goal.id, "name": goal.terms.name, "status": goal.status.value, "version": goal.secret_version,
         "previous_until": goal.previous_until, "read_number": goal.read_number, "read_from": goal.read_from,
         "again_number": goal.again_number},
    )


def line_items_with_goals(connection: Connection) -> frozenset[int]:
    """Line items whose landing pages are told the click id."""
    return frozenset(connection.execute(text(
        """select item.id from line_item item
            where item.campaign_id in (select campaign_id from conversion_goal where status = 'active')"""
    )).scalars())


def on_chain_goals(connection: Connection) -> list[int]:
    """Ids of the goals whose logs are read; those that are furthest behind first."""
    return list(connection.execute(text(
        "select id from conversion_goal where kind = 'on_chain' and status = 'active' order by read_number, id"
    )).scalars())


def claim_goal(connection: Connection, goal: int) -> Goal | None:
    """The goal, for whoever reads its logs now; None when another process does, or it is archived meanwhile."""
    row = connection.execute(
        text("""select * from conversion_goal where id = :id and kind = 'on_chain' and status = 'active'
                   for update skip locked"""), {"id": goal},
    ).one_or_none()
    return _goal(row) if row else None


def advance(connection: Connection, goal: int, read_number: int) -> None:
    connection.execute(
        text("update conversion_goal set read_number = :number where id = :id"), {"id": goal, "number": read_number}
    )


def goals_to_read_again(connection: Connection) -> list[int]:
    """Ids of the goals whose logs are read once more: clicks were stored after that."""
    return list(connection.execute(text(
        """select id from conversion_goal goal where kind = 'on_chain' and status = 'active'
              and (again_number is not null or exists (select from late_click where goal_id = goal.id)) order by id"""
    )).scalars())


def take_late(connection: Connection, goal: int) -> int | None:
    """When the first of the goal's late clicks came, Unix milliseconds; they are gone when we commit."""
    first: int | None = connection.execute(
        text("""with taken as (delete from late_click where goal_id = :id returning received_ms)
                select min(received_ms) from taken"""), {"id": goal},
    ).scalar()
    return first


def advance_again(connection: Connection, goal: int, again_number: int | None) -> None:
    connection.execute(
        text("update conversion_goal set again_number = :number where id = :id"), {"id": goal, "number": again_number}
    )


def oldest_in_stream_ms(client: redis.Redis) -> int | None:
    """When the oldest event came in that is not in the tables yet; what is stored, ingest deletes."""
    first = cast("list[tuple[bytes, object]]", client.xrange(EVENT_STREAM, count=1))
    return int(first[0][0].split(b"-")[0]) if first else None


# ---- conversions ----------------------------------------------------------------------------------------------------


_ROWS = """
select c.id, c.goal_id, c.order_id, c.decision_id, c.state, c.reason, c.touch, c.line_item_id,
       coalesce(case when e.status = 'billed' then e.price_micro_usdc end, 0) as price, e.status, c.occurred_ms,
       c.received_ms
  from conversion c left join event e on e.event_id = c.event_id
"""

_TOUCHES = text("""
select e.kind, e.decision_id, item.campaign_id, e.received_ms, e.action_price_micro_usdc,
       e.status not in ('dropped', 'invalid') and not exists (
           select from flagged_event f where f.event_id = e.event_id and f.state = 'pending'
       ) as counts
  from event e join line_item item on item.id = e.line_item_id
 where e.decision_id = :decision and e.kind in ('viewable', 'click')
""")

# All that the event says about money is what was stored with the click or the view, by the token of its decision.
_INSERT_EVENT = text("""
insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id, placement_id,
                   publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id, stream_index, status)
select decision_id || '03', decision_id, 'conversion', bid_kind, chain_campaign, line_item_id, creative_id,
       placement_id, publisher_index, action_price_micro_usdc, :occurred_ms, :received_ms, :stream_id, 0, 'accepted'
  from event where decision_id = :decision and kind = :touch
    on conflict do nothing
returning event_id
""")

_COUNT_REFUSED = text("""
insert into dropped_event (stream_id, stream_index, reason, kind, decision_id, placement_id, received_ms)
select :stream_id, 0, :reason, 'conversion', cast(:decision as text),
       (select placement_id from event where decision_id = :decision limit 1), :received_ms
    on conflict do nothing
""")


def insert_conversion(
    connection: Connection, goal: Goal, order_id: str, decision_id: str | None, occurred_ms: int, received_ms: int
) -> int | None:
    """Id of a new conversion, waiting; None when the goal has one with this order id."""
    found: int | None = connection.execute(
        text("""insert into conversion (goal_id, campaign_id, order_id, decision_id, state, occurred_ms, received_ms)
                values (:goal, :campaign, :order_id, :decision, 'waiting', :occurred_ms, :received_ms)
                    on conflict do nothing returning id"""),
        {"goal": goal.id, "campaign": goal.campaign_id, "order_id": order_id, "decision": decision_id,
         "occurred_ms": occurred_ms, "received_ms": received_ms},
    ).scalar()
    return found


def conversion_of_order(connection: Connection, goal: int, order_id: str) -> Conversion:
    row = connection.execute(
        text(f"{_ROWS} where c.goal_id = :goal and c.order_id = :order_id"), {"goal": goal, "order_id": order_id}
    ).one()
    return Conversion(*row)


def waiting(connection: Connection, before_ms: int, limit: int) -> list[Conversion]:
    """The oldest conversions received before a time that are not decided; for us alone until we commit."""
    rows = connection.execute(
        text(f"""{_ROWS} where c.state = 'waiting' and c.received_ms < :before
                 order by c.id limit :limit for update of c skip locked"""),
        {"before": before_ms, "limit": limit},
    )
    return [Conversion(*row) for row in rows]


def touches(connection: Connection, decision_id: str) -> list[Touch]:
    return [
        Touch(EventKind(row.kind), row.decision_id, int(row.campaign_id), int(row.received_ms), row.counts,
              int(row.action_price_micro_usdc))
        for row in connection.execute(_TOUCHES, {"decision": decision_id})
    ]


def is_counted(connection: Connection, goal: int, decision_id: str) -> bool:
    """Whether the goal has counted a conversion of this decision."""
    return bool(connection.execute(
        text("""select exists (select from conversion
                                where decision_id = :decision and goal_id = :goal and state = 'counted')"""),
        {"goal": goal, "decision": decision_id},
    ).scalar())


def insert_event(
    connection: Connection, conversion: int, touch: Touch, occurred_ms: int, received_ms: int
) -> str | None:
    """The event that a conversion is charged by; None when its decision has one already."""
    found: str | None = connection.execute(_INSERT_EVENT, {
        "decision": touch.decision_id, "touch": touch.kind.value, "occurred_ms": occurred_ms,
        "received_ms": received_ms, "stream_id": f"conversion-{conversion}",
    }).scalar()
    return found


def count(connection: Connection, conversion: int, touch: Touch, event_id: str | None) -> None:
    """Decided: due to `touch`."""
    connection.execute(
        text("""update conversion set state = 'counted', touch = :touch, event_id = :event_id,
                       line_item_id = (select line_item_id from event where decision_id = :decision limit 1)
                 where id = :id"""),
        {"id": conversion, "touch": touch.kind.value, "event_id": event_id, "decision": touch.decision_id},
    )


def refuse(
    connection: Connection, conversion: int, reason: str, decision_id: str | None, received_ms: int
) -> None:
    """Decided: not due to an ad. Counted with all other events that are not charged."""
    connection.execute(
        text("update conversion set state = 'refused', reason = :reason where id = :id"),
        {"id": conversion, "reason": reason},
    )
    connection.execute(_COUNT_REFUSED, {
        "stream_id": f"conversion-{conversion}", "reason": reason, "decision": decision_id, "received_ms": received_ms,
    })


def decisions_by_reference(connection: Connection, references: Collection[str]) -> Mapping[str, str]:
    """Decision ids of clicks by their references, as many as are known."""
    rows = connection.execute(
        text("select click_ref, decision_id from event where click_ref = any(cast(:refs as text[]))"),
        {"refs": list(references)},
    )
    return {row.click_ref: row.decision_id for row in rows}


def page(connection: Connection, campaign: CampaignId, after: int, limit: int) -> list[Conversion]:
    """Conversions of a campaign by id."""
    rows = connection.execute(
        text(f"{_ROWS} where c.campaign_id = :campaign and c.id > :after order by c.id limit :limit"),
        {"campaign": campaign, "after": after, "limit": limit},
    )
    return [Conversion(*row) for row in rows]


def counts(connection: Connection, campaign: CampaignId) -> list[tuple[int, str, str | None, str | None, int]]:
    """How many conversions of a campaign have each (goal, state, reason, status of the event)."""
    rows = connection.execute(
        text("""select c.goal_id, c.state, c.reason, e.status, count(*)
                  from conversion c left join event e on e.event_id = c.event_id
                 where c.campaign_id = :campaign group by 1, 2, 3, 4"""),
        {"campaign": campaign},
    )
    return [(row[0], row[1], row[2], row[3], int(row[4])) for row in rows]


def _goal(row: Row[tuple[object, ...]]) -> Goal:
    terms = GoalTerms(
        row.name, GoalKind(row.kind), row.click_days, row.view_days, row.repeatable, row.contract, row.event
    )
    until = cast("datetime | None", row.previous_until)
    return Goal(
        int(row.id), CampaignId(row.campaign_id), terms, GoalStatus(row.status), row.secret_version, until,
        row.read_number, row.created_at, row.read_from, row.again_number,
    )
