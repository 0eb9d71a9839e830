"""Keeps the counts behind the rates, pass by pass; whichever process does it."""

from dataclasses import replace

from backend.db.engine import Connection, Engine
from backend.db.ledger import try_lock as try_ledger_lock
from backend.pctr import store


class RateCounting:
    """Folds what the ledger has decided, and what serving has answered, into `rate_count`.

    Safe to run in several processes: a lock in PostgreSQL lets one of them work at a time, and counts and position
    change in one transaction, so that nothing is counted twice or left out, whatever is killed.
    """

    def __init__(self, engine: Engine, deltas_max: int = store.DELTAS_MAX) -> None:
        self._engine = engine
        self._deltas_max = deltas_max

    def step(self) -> bool:
        """One pass; True when more is waiting. Without a position all events are read once, if the ledger rests."""
        with self._engine.begin() as connection:
            if not store.try_lock(connection):
                return False
            position = store.read_position(connection)
            if position is None:
                if not try_ledger_lock(connection):
                    return False
                store.start_position(connection, store.count_anew(connection))
                return True
            return self._pass(connection, position)

    def _pass(self, connection: Connection, position: store.Position) -> bool:
        after = replace(position, generation=position.generation + 1)
        folded = store.fold(connection, after.generation, self._deltas_max)
        span = store.tallied_until(connection, position.minute)
        if span is not None:
            store.add_decisions(connection, *span, after.generation)
            after = replace(after, minute=span[1])
        if folded or span:
            store.write_position(connection, after)
        return folded == self._deltas_max or span is not None
