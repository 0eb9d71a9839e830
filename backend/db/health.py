"""What /readyz asks PostgreSQL: does it answer, and how old is the indexer's place on the chain."""

from sqlalchemy import Connection, text


def chain_age_seconds(connection: Connection, chain_id: int) -> float | None:
    """Seconds since the indexer last moved its cursor; None before it has one. Raises when the database is down."""
    if connection.execute(text("select to_regclass('chain_cursor')")).scalar() is None:
        return None
    age = connection.execute(
        text("select extract(epoch from now() - updated_at) from chain_cursor where chain_id = :chain_id"),
        {"chain_id": chain_id},
    ).scalar()
    return None if age is None else max(0.0, float(age))
