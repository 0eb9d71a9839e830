"""Copies the counters of ad requests from Redis into SQL."""

from datetime import UTC, datetime

import redis

from backend.db.engine import Engine
from backend.serving.tally import store

MINUTES_KEPT = 10


class TallyFlush:
    """Copies the shared counters of each minute and hour into SQL."""

    def __init__(self, engine: Engine, client: redis.Redis) -> None:
        self._engine = engine
        self._redis = client
        self._written: dict[int, tuple[object, ...]] = {}

    def flush(self, now_ms: int) -> bool:
        """Write all that is still counted, and forget what is over for ten minutes."""
        over_minute = now_ms // 60_000 - MINUTES_KEPT
        for minute in store.tallied_minutes(self._redis):
            state = store.tallied_state(self._redis, minute)
            if self._written.get(minute) != state:
                tallies = store.read_tallies(self._redis, minute)
                with self._engine.begin() as connection:
                    store.write_tallies(connection, minute, tallies)
                self._written[minute] = state
            if minute < over_minute:
                store.forget_minute(self._redis, minute)
                self._written.pop(minute, None)
        for hour in store.tallied_hours(self._redis):
            self._flush_hour(hour, is_over=hour * 60 + 59 < over_minute, now_ms=now_ms)
        return False

    def _flush_hour(self, hour: int, *, is_over: bool, now_ms: int) -> None:
        sold, audiences = store.read_hour(self._redis, hour)
        with self._engine.begin() as connection:
            store.write_hour(connection, hour, sold, audiences)
            if is_over:
                store.delete_old_hours(connection, datetime.fromtimestamp(now_ms / 1000, UTC))
        if is_over:
            store.forget_hour(self._redis, hour)
