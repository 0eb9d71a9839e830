"""Keeps the counts behind the rates, pass by pass; whichever process does it."""

from dataclasses import replace

from backend.db.engine import Connection, Engine
from backend.pctr import store


class RateCounting:
    """Folds what the ledger has decided, and what serving has answered, into `rate_count`.

    Safe to run in several processes: a lock in PostgreSQL lets one of them work at a time, and counts and position
    change in one transaction, so that nothing is counted twice or left out, whatever is killed.
    """

    def __init__(self, engine: Engine, events_max: int = store.EVENTS_MAX) -> None:
        self._engine = engine
        self._events_max = events_max

    def step(self) -> bool:
        """One pass; True when more is waiting. Counts anew where there is no position, or one of tables now lost."""
        with self._engine.begin() as connection:
            if not store.try_lock(connection):
                return False
            last, position = store.last_settled(connection), store.read_position(connection)
            if position is None or position.settled_seq > last:
                position = store.begin_anew(connection)
            position = replace(position, generation=position.generation + 1)
            until = min(last, position.settled_seq + self._events_max)
            counted = until > position.settled_seq
            if counted:
                store.add_events(connection, position.settled_seq, until, position.generation)
            after = self._decisions(connection, replace(position, settled_seq=until))
            if counted or after.minute != position.minute:
                store.write_position(connection, after)
            return until < last or after.minute != position.minute

    def _decisions(self, connection: Connection, position: store.Position) -> store.Position:
        span = store.tallied_until(connection, position.minute)
        if span is None:
            return position
        store.add_decisions(connection, *span, position.generation)
        return replace(position, minute=span[1])
