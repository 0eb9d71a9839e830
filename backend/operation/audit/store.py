"""The audit log in SQL, read only: it is written by db/audit.py and chained by PostgreSQL."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Row, text

from backend.core.audit_chain import GENESIS, Entry, Head

_ENTRY = """
select link.sequence, link.hash, entry.id, entry.actor, entry.account, entry.action, entry.subject, entry.details,
       entry.created_at
"""
ROWS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries; None means all. `action` may end with a dot to mean all verbs of a thing (`campaign.`)."""

    account: str | None = None
    actor: str | None = None
    action: str | None = None
    subject: str | None = None


def page(connection: Connection, filters: Filters, after: int, limit: int) -> list[Entry]:
    """Entries in the order of the chain, from the one after place `after`."""
    conditions = ["link.sequence > :after"]
    if filters.account is not None:
        conditions.append("link.account = :account")
    if filters.actor is not None:
        conditions.append("entry.actor = :actor")
    if filters.subject is not None:
        conditions.append("entry.subject = :subject")
    if filters.action is not None:
        conditions.append("starts_with(entry.action, :action)" if filters.action.endswith(".")
                          else "entry.action = :action")
    rows = connection.execute(
        text(f"""{_ENTRY} from audit_link link join audit_entry entry on entry.id = link.entry_id
                  where {" and ".join(conditions)} order by link.sequence limit :limit"""),
        {"after": after, "limit": limit, "account": filters.account, "actor": filters.actor,
         "subject": filters.subject, "action": filters.action},
    )
    return [_entry(row) for row in rows]


def head(connection: Connection) -> Head:
    row = connection.execute(text("select sequence, hash from audit_link order by sequence desc limit 1")).one_or_none()
    return Head(row.sequence, row.hash) if row else Head(0, GENESIS)


def link(connection: Connection, sequence: int) -> Head | None:
    """The head as it was when `sequence` was the newest entry."""
    row = connection.execute(
        text("select sequence, hash from audit_link where sequence = :sequence"), {"sequence": sequence}
    ).one_or_none()
    return Head(row.sequence, row.hash) if row else None


def chain(connection: Connection, after: int) -> Iterator[Entry]:
    """All links after place `after` with what is left of their entries, in order; a few thousand in memory at once."""
    while True:
        rows = connection.execute(
            text(f"""{_ENTRY} from audit_link link left join audit_entry entry on entry.id = link.entry_id
                      where link.sequence > :after order by link.sequence limit :limit"""),
            {"after": after, "limit": ROWS_AT_ONCE},
        ).all()
        if not rows:
            return
        yield from (_entry(row) for row in rows)
        after = rows[-1].sequence


def unlinked(connection: Connection) -> int | None:
    """An entry that is in no place of the chain: put in by hand, with the triggers off."""
    return connection.execute(
        text("""select entry.id from audit_entry entry
                 where not exists (select from audit_link link where link.entry_id = entry.id)
                 order by entry.id limit 1"""),
    ).scalar()


def misfiled(connection: Connection) -> int | None:
    """The place of an entry that is filed under another account than its own, where that account would not see it."""
    return connection.execute(
        text("""select link.sequence from audit_link link join audit_entry entry on entry.id = link.entry_id
                 where link.account <> entry.account order by link.sequence limit 1"""),
    ).scalar()


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    if row.id is None:
        return Entry(row.sequence, row.hash, None)
    return Entry(
        row.sequence, row.hash, row.id, row.actor, row.account, row.action, row.subject, row.details, row.created_at
    )
