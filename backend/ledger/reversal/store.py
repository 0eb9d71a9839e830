"""SQL of reversals. All of it needs the ledger's lock."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from backend.core.reasons import DropReason
from backend.ledger.posting import AcceptedEvent
from backend.ledger.reversal.reversing import Flagged, State

NO_EPOCH = 0
"""Where a charge stands beside its reversal: no epoch on chain has this number, so neither is ever settled."""

_WAITING = text("""
select f.event_id, e.status, e.chain_campaign, e.line_item_id, e.publisher_index,
       coalesce(charge.amount_micro_usdc, 0) as charged, charge.epoch is not null as settled
  from flagged_event f
  join event e using (event_id)
  left join ledger_transfer charge on charge.event_id = f.event_id and charge.kind = 'charge'
 where f.state = 'pending' order by f.event_id limit :limit for update of f
""")

_LIFTING = text("""
select f.event_id, e.chain_campaign, e.line_item_id, e.publisher_index, f.amount_micro_usdc
  from flagged_event f join event e using (event_id)
 where f.state = 'lifting' order by f.event_id limit :limit for update of f
""")

_MOVE = text("""
update ledger_transfer set epoch = cast(:to as bigint)
 where event_id = any(:ids) and kind = 'charge' and epoch is not distinct from cast(:from as bigint)
""")

_SPEND = text("""
update line_item_spend s set spent_micro_usdc = s.spent_micro_usdc + t.amount
  from (select line_item, day, sum(amount) as amount
          from unnest(cast(:line_items as bigint[]), cast(:days as date[]), cast(:amounts as bigint[]))
            as t(line_item, day, amount) group by line_item, day) t
 where s.line_item_id = t.line_item and s.day = t.day
""")

_STATES = text("""
update flagged_event set state = t.state, amount_micro_usdc = t.amount
  from unnest(cast(:ids as text[]), cast(:states as text[]), cast(:amounts as bigint[])) as t(event_id, state, amount)
 where flagged_event.event_id = t.event_id
""")

_DROP = text("""
insert into dropped_event (stream_id, stream_index, reason, kind, decision_id, placement_id, received_ms)
select stream_id, stream_index, :reason, kind, decision_id, placement_id, received_ms
  from event where event_id = any(:ids)
    on conflict do nothing
""")

_TAKE_BACK = text("""
with gone as (
    delete from dropped_event d using event e
     where e.event_id = any(:ids) and d.stream_id = e.stream_id and d.stream_index = e.stream_index
       and d.reason = :reason returning 1
)
update traffic_count set n = n - (select count(*) from gone) where what = 'dropped' and name = :reason
""")

_AGAIN = text("update event set status = 'accepted', settled_seq = null where event_id = any(:ids)")


def read_pending(connection: Connection, limit: int) -> list[Flagged]:
    """Flagged events that the ledger has not seen, in the order of their ids."""
    return [
        Flagged(
            row.event_id, row.status, int(row.chain_campaign), int(row.line_item_id), int(row.publisher_index),
            int(row.charged), bool(row.settled),
        )
        for row in connection.execute(_WAITING, {"limit": limit})
    ]


def read_lifting(connection: Connection, limit: int) -> list[AcceptedEvent]:
    """Events whose flag was lifted; the price is what was given back, 0 for what was never charged."""
    return [
        AcceptedEvent(
            row.event_id, int(row.chain_campaign), int(row.line_item_id), int(row.publisher_index),
            int(row.amount_micro_usdc),
        )
        for row in connection.execute(_LIFTING, {"limit": limit})
    ]


def put_aside(connection: Connection, event_ids: Sequence[str]) -> None:
    """Take open charges out of what will be settled."""
    connection.execute(_MOVE, {"ids": list(event_ids), "from": None, "to": NO_EPOCH})


def put_back(connection: Connection, event_ids: Sequence[str]) -> None:
    """Charges that were put aside are open again."""
    connection.execute(_MOVE, {"ids": list(event_ids), "from": NO_EPOCH, "to": None})


def add_spend(connection: Connection, events: Sequence[tuple[AcceptedEvent, int]]) -> None:
    """Add amounts, which may be negative, to the spend of line items by the day of each event."""
    connection.execute(_SPEND, {
        "line_items": [event.line_item for event, _ in events], "days": [event.day for event, _ in events],
        "amounts": [amount for _, amount in events],
    })


def write_states(connection: Connection, states: Mapping[str, tuple[State, int]]) -> None:
    """State and amount in micro-USDC by event id."""
    connection.execute(_STATES, {
        "ids": list(states), "states": [state.value for state, _ in states.values()],
        "amounts": [amount for _, amount in states.values()],
    })


def drop(connection: Connection, event_ids: Sequence[str]) -> None:
    """Say to whom it concerns that these are not paid."""
    connection.execute(_DROP, {"ids": list(event_ids), "reason": DropReason.INVALID_TRAFFIC.value})


def take_back_drops(connection: Connection, event_ids: Sequence[str]) -> None:
    """What was said by `drop` was wrong."""
    connection.execute(_TAKE_BACK, {"ids": list(event_ids), "reason": DropReason.INVALID_TRAFFIC.value})


def bill_again(connection: Connection, event_ids: Sequence[str]) -> None:
    """Events wait for the ledger as if they had just come."""
    connection.execute(_AGAIN, {"ids": list(event_ids)})
