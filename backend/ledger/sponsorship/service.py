"""Makes an event of every delivered hour of a sponsorship; the biller charges it like any other."""

from backend.core.shares import payee
from backend.core.sponsored_hour import hour_id
from backend.db.engine import Engine
from backend.ledger.sponsorship import store
from backend.ledger.sponsorship.hours import hours_to_look_at

HOURS_BACK = 72


class SponsorshipService:
    """May be killed, repeated and run by several processes: an hour has one name, so it has one event (L54)."""

    def __init__(self, engine: Engine, chain_id: int, *, hours_back: int = HOURS_BACK) -> None:
        self._engine = engine
        self._chain_id = chain_id
        self._hours_back = hours_back
        self._looked_at_ms: int | None = None

    def charge_hours(self, now_ms: int) -> bool:
        """One pass over the hours that may have been delivered. Never asks to be called again at once."""
        first_ms, last_ms = hours_to_look_at(now_ms, self._looked_at_ms, self._hours_back)
        with self._engine.begin() as connection:
            delivered = store.read_delivered(connection, self._chain_id, first_ms, last_ms)
        for hour in delivered:
            name = hour_id(self._chain_id, hour.line_item, hour.hour_ms)
            publisher = payee(hour.shares, name) if hour.shares else hour.publisher
            with self._engine.begin() as connection:    # each alone: two workers never wait for each other in a circle
                store.insert_hour(connection, hour, name.hex(), publisher, now_ms)
        self._looked_at_ms = now_ms
        return False
