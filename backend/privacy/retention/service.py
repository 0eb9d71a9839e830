"""One pass over everything that has an end; batches of their own, so that it may be killed at any time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from redis import Redis

from backend.db.engine import Engine
from backend.privacy.retention import store
from backend.privacy.retention.terms import TERMS, Kept, Term


class RetentionService:
    """`clock` gives Unix seconds; `redis` is synchronous."""

    def __init__(
        self, engine: Engine, redis: Redis, chain_id: int, clock: Callable[[], float] = time.time,
        batch_rows: int = store.BATCH_ROWS,
    ) -> None:
        self._engine = engine
        self._redis = redis
        self._chain_id = chain_id
        self._clock = clock
        self._batch_rows = batch_rows

    def step(self) -> bool:
        """A batch of each kind; True when one of them was full, so that more is left."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        full = [self._batch(term, now) >= self._batch_rows for term in TERMS if term.what in store.STATEMENTS]
        store.trim_unreadable(self._redis, now - _term(Kept.UNREADABLE_REPORTS).kept)
        return any(full)

    def _batch(self, term: Term, now: datetime) -> int:
        before = now - term.kept
        with self._engine.begin() as connection:
            final_until = None
            if term.what is Kept.SAMPLES:
                final_until = store.final_until_ms(connection, self._chain_id, before)
            return store.delete_batch(connection, term.what, before, final_until, self._batch_rows)


def _term(what: Kept) -> Term:
    return next(term for term in TERMS if term.what is what)
