"""Reading the audit log, and checking that it is what was written (L67)."""

from collections.abc import Iterator
from dataclasses import dataclass

from backend.core.audit_chain import GENESIS, Broken, ChainBroken, Entry, Head, follow
from backend.core.ids import Address
from backend.db.engine import Connection, Engine
from backend.operation.audit import store
from backend.operation.audit.store import Filters

__all__ = ["AuditService", "Filters", "Verified", "verify"]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check found: how many entries follow each other up to `head`, and the first place that is broken."""

    entries: int
    head: Head
    broken: Broken | None = None


class AuditService:
    """The log as auditors and accounts read it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, filters: Filters, *, after: int, limit: int) -> list[Entry]:
        """Entries in the order of the chain, from the one after place `after`."""
        with self._engine.begin() as connection:
            return store.page(connection, filters, after, limit)

    def page_of(self, account: Address, filters: Filters, *, after: int, limit: int) -> list[Entry]:
        """As `page`, of what was done for one account."""
        return self.page(Filters(account, filters.actor, filters.action, filters.subject), after=after, limit=limit)

    def head(self) -> Head:
        with self._engine.begin() as connection:
            return store.head(connection)


def verify(connection: Connection, *, since: int = 1, expected: Head | None = None) -> Verified:
    """Recompute the chain from entry `since` to the end, and find `expected`, a head that was noted earlier, in it.

    Starting later than 1 trusts the hash before `since`. Whoever rewrites all entries from some place on makes a chain
    that follows again; then only a head that was noted elsewhere before tells.
    """
    start = Head(0, GENESIS) if since <= 1 else store.link(connection, since - 1)
    if start is None:
        return Verified(0, Head(0, GENESIS), Broken(since - 1, "the entry is missing"))
    seen, reached, met = 0, start, expected is None or expected == start
    try:
        for reached in follow(_links(connection, start), start):
            seen += 1
            met = met or reached == expected
    except ChainBroken as error:
        return Verified(seen, reached, error.broken)
    return Verified(seen, reached, _outside(connection, met, expected))


def _links(connection: Connection, start: Head) -> Iterator[Entry]:
    return store.chain(connection, start.sequence)


def _outside(connection: Connection, met: bool, expected: Head | None) -> Broken | None:
    """What a chain that follows does not show."""
    if expected is not None and not met:
        return Broken(expected.sequence, "the log is not the one whose head was noted")
    entry = store.unlinked(connection)
    if entry is not None:
        return Broken(0, f"row {entry} of audit_entry was put in from outside")
    place = store.misfiled(connection)
    return None if place is None else Broken(place, "the entry is filed under another account")
