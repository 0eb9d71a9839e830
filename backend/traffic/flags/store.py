"""Flags, objections and allowances in SQL."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from backend.core.ids import Address
from backend.traffic.flags.flag import Filtered, Flag, FlagStatus, GrantedNetwork

DECISIONS_LOCK = 0x5167_420B

_FLAG = """
select f.*, p.wallet from traffic_flag f join publisher p on p.index = f.publisher_index
"""

_STATES = text("""
select flag_id, state, count(*) as n, coalesce(sum(amount_micro_usdc), 0) as amount
  from flagged_event where flag_id = any(:flags) group by 1, 2
""")

_FILTERED = text("""
select fe.state, count(*) as n, coalesce(sum(fe.amount_micro_usdc), 0) as amount
  from traffic_flag f
  join flagged_event fe on fe.flag_id = f.id
  join event e using (event_id)
  join line_item l on l.id = e.line_item_id
 where f.day >= :first and f.day <= :last and l.campaign_id = :campaign group by 1
""")

# what was given back is charged again by the ledger; what it never saw, is not
_LIFT = text("""
update flagged_event
   set state = case when state in ('reversed', 'voided') then 'lifting' else state end,
       amount_micro_usdc = case when state = 'voided' then 0 else amount_micro_usdc end
 where flag_id = :flag and state in ('reversed', 'voided')
""")


def flags_of(
    connection: Connection, wallet: Address, placement: int | None, after: int, limit: int
) -> list[Flag]:
    """A publisher's flags by id, of one placement or of all."""
    rows = connection.execute(text(
        f"{_FLAG} where p.wallet = :wallet and f.id > :after"
        " and (cast(:placement as bigint) is null or f.placement_id = :placement) order by f.id limit :limit"
    ), {"wallet": wallet, "placement": placement, "after": after, "limit": limit}).all()
    return _flags(connection, rows)


def all_flags(connection: Connection, objected: bool, after: int, limit: int) -> list[Flag]:
    """Everybody's by id; with `objected` those that wait for a decision."""
    waiting = " and f.objection is not null and f.status = 'standing'" if objected else ""
    rows = connection.execute(
        text(f"{_FLAG} where f.id > :after{waiting} order by f.id limit :limit"), {"after": after, "limit": limit}
    ).all()
    return _flags(connection, rows)


def flag_of(connection: Connection, flag: int, *, lock: bool = False) -> Flag | None:
    rows = connection.execute(
        text(f"{_FLAG} where f.id = :flag" + (" for update of f" if lock else "")), {"flag": flag}
    ).all()
    return _flags(connection, rows)[0] if rows else None


def write_objection(connection: Connection, flag: int, words: str, now: datetime) -> None:
    connection.execute(
        text("update traffic_flag set objection = :words, objected_at = :now where id = :flag"),
        {"flag": flag, "words": words, "now": now},
    )


def write_decision(
    connection: Connection, flag: int, status: FlagStatus, moderator: Address, note: str | None, now: datetime
) -> None:
    connection.execute(text(
        "update traffic_flag set status = :status, decided_by = :moderator, decided_at = :now, note = :note"
        " where id = :flag"
    ), {"flag": flag, "status": status.value, "moderator": moderator, "now": now, "note": note})


def lock_decisions(connection: Connection) -> None:
    """Wait until no other flag is being decided: a lifted one hands its events to others of its placement."""
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": DECISIONS_LOCK})


def has_pending(connection: Connection, flag: int) -> bool:
    """Whether the ledger has not seen all of its events yet."""
    return bool(connection.execute(text(
        "select exists (select from flagged_event where flag_id = :flag and state = 'pending')"
    ), {"flag": flag}).scalar())


def lift_events(connection: Connection, flag: int) -> None:
    """Hand the flag's events to the ledger, to charge them again."""
    connection.execute(_LIFT, {"flag": flag})


def owns_campaign(connection: Connection, wallet: Address, campaign: int) -> bool:
    return bool(connection.execute(
        text("select exists (select from campaign where id = :id and owner = :owner)"),
        {"id": campaign, "owner": wallet},
    ).scalar())


def filtered(connection: Connection, campaign: int, first: date, last: date) -> Filtered:
    """What was flagged of a campaign's events on these UTC days."""
    rows = connection.execute(_FILTERED, {"campaign": campaign, "first": first, "last": last}).all()
    return Filtered({row.state: int(row.n) for row in rows}, {row.state: int(row.amount) for row in rows})


def networks(connection: Connection, after: int, limit: int) -> list[GrantedNetwork]:
    rows = connection.execute(text(
        "select id, network, publisher_index, note, created_at from traffic_allowance where id > :after"
        " order by id limit :limit"
    ), {"after": after, "limit": limit})
    return [GrantedNetwork(*row) for row in rows]


def insert_network(connection: Connection, network: str, publisher: int | None, note: str) -> GrantedNetwork:
    """The allowance; the one that is there when the same was given before."""
    row = connection.execute(text("""
        insert into traffic_allowance (network, publisher_index, note) values (:network, :publisher, :note)
            on conflict (network, publisher_index) do update set note = excluded.note
        returning id, network, publisher_index, note, created_at
    """), {"network": network, "publisher": publisher, "note": note}).one()
    return GrantedNetwork(*row)


def delete_network(connection: Connection, allowance: int) -> str | None:
    """The network that is not allowed any more; None when there was no such allowance."""
    found: str | None = connection.execute(
        text("delete from traffic_allowance where id = :id returning network"), {"id": allowance}
    ).scalar()
    return found


def is_publisher(connection: Connection, index: int) -> bool:
    return bool(connection.execute(
        text("select exists (select from publisher where index = :index)"), {"index": index}
    ).scalar())


def _flags(connection: Connection, rows: Sequence[Row[Any]]) -> list[Flag]:
    events: Mapping[int, dict[str, int]] = defaultdict(dict)
    amounts: Mapping[int, dict[str, int]] = defaultdict(dict)
    for state in connection.execute(_STATES, {"flags": [row.id for row in rows]}):
        events[state.flag_id][state.state] = int(state.n)
        amounts[state.flag_id][state.state] = int(state.amount)
    return [
        Flag(
            row.id, row.day, row.placement_id, row.publisher_index, Address(row.wallet), row.level, row.rule,
            row.scope, row.evidence, row.ruleset, FlagStatus(row.status), row.created_at, row.objection,
            row.objected_at, row.decided_at, row.note, events[row.id], amounts[row.id],
        )
        for row in rows
    ]
