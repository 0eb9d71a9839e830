"""SQL of the ledger: accepted events in, transfers, spend and event states out."""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Connection, text

from backend.core.reasons import DropReason
from backend.ledger.posting import AcceptedEvent, LineItemLimits

_ACCEPTED = text("""
select event_id, chain_campaign, line_item_id, publisher_index, price_micro_usdc
  from event where status = 'accepted' order by seq limit :limit
""")

_LIMITS = text("""
select id, daily_cap_micro_usdc as daily_cap, total_cap_micro_usdc as total_cap,
       coalesce((select sum(spent_micro_usdc) from line_item_spend where line_item_id = line_item.id), 0) as spent
  from line_item where id = any(:line_items)
""")

_SPENT_BY_DAY = text("""
select line_item_id, day, spent_micro_usdc from line_item_spend
 where line_item_id = any(:line_items) and day = any(:days)
""")

_ADD_SPEND = text("""
insert into line_item_spend (line_item_id, day, spent_micro_usdc)
select line_item, day, sum(amount)
  from unnest(cast(:line_items as bigint[]), cast(:days as date[]), cast(:amounts as bigint[]))
    as t(line_item, day, amount) group by line_item, day order by line_item, day
    on conflict (line_item_id, day) do update
   set spent_micro_usdc = line_item_spend.spent_micro_usdc + excluded.spent_micro_usdc
""")

# Numbers are given under the ledger's lock, so they follow the order of commits: whoever has read up to a number
# misses nothing before it.
_SETTLE = text("""
update event set status = t.status, settled_seq = t.settled_seq
  from unnest(cast(:event_ids as text[]), cast(:states as text[]), cast(:numbers as bigint[]))
    as t(event_id, status, settled_seq)
 where event.event_id = t.event_id
""")

_DROP = text("""
insert into dropped_event (stream_id, stream_index, reason, kind, decision_id, placement_id, received_ms)
select stream_id, stream_index, :reason, kind, decision_id, placement_id, received_ms
  from event where event_id = any(:event_ids)
    on conflict do nothing
""")


def read_accepted(connection: Connection, limit: int) -> list[AcceptedEvent]:
    """The oldest events that are not billed yet, at most `limit`, in the order they were accepted."""
    return [
        AcceptedEvent(
            row.event_id, int(row.chain_campaign), int(row.line_item_id), int(row.publisher_index),
            int(row.price_micro_usdc),
        )
        for row in connection.execute(_ACCEPTED, {"limit": limit})
    ]


def read_limits(
    connection: Connection, line_items: Iterable[int], days: Iterable[date]
) -> dict[int, LineItemLimits]:
    """Caps and spend of line items by id, with the spend of each of `days`."""
    bound = {"line_items": sorted(line_items), "days": sorted(days)}
    by_day: dict[int, dict[date, int]] = {}
    for row in connection.execute(_SPENT_BY_DAY, bound):
        by_day.setdefault(row.line_item_id, {})[row.day] = int(row.spent_micro_usdc)
    return {
        row.id: LineItemLimits(row.daily_cap, row.total_cap, int(row.spent), by_day.get(row.id, {}))
        for row in connection.execute(_LIMITS, {"line_items": bound["line_items"]})
    }


def add_spend(connection: Connection, charged: Sequence[AcceptedEvent]) -> None:
    """Add charged events to the spend of their line items by UTC day."""
    connection.execute(_ADD_SPEND, {
        "line_items": [event.line_item for event in charged],
        "days": [event.day for event in charged],
        "amounts": [event.price_micro_usdc for event in charged],
    })


def settle_events(connection: Connection, states: Sequence[tuple[str, str]]) -> None:
    """Give (event id, status) pairs their status and the next numbers of `settled_seq`. Needs the ledger's lock."""
    last = connection.execute(text("select coalesce(max(settled_seq), 0) from event")).scalar_one()
    connection.execute(_SETTLE, {
        "event_ids": [event_id for event_id, _ in states],
        "states": [state for _, state in states],
        "numbers": list(range(last + 1, last + 1 + len(states))),
    })


def count_dropped(connection: Connection, event_ids: Sequence[str]) -> None:
    """Record events as dropped because their budget is gone; twice is once."""
    connection.execute(_DROP, {"event_ids": list(event_ids), "reason": DropReason.BUDGET_GONE.value})
