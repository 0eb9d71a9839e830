"""Reads the one thing that no page shows: which events were charged."""

from sqlalchemy import Connection, text

_CHARGED = text("select event_id from ledger_transfer where kind = 'charge'")


def charged_events(connection: Connection) -> set[str]:
    """Event ids of all charges."""
    return {row.event_id for row in connection.execute(_CHARGED)}
