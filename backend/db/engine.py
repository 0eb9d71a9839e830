"""One way to open PostgreSQL: psycopg 3, UTC, a short connect timeout so that a dead server is a clear error."""

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError

__all__ = ["Connection", "Engine", "make_engine"]

CONNECT_SECONDS = 3     # tests have more patience: there, a slow server is not a dead one
POOL_SECONDS = 5        # for a free connection


def make_engine(database_url: str, *, pool_size: int = 10, application: str = "sightline") -> Engine:
    """Engine with a pre-pinged pool. `database_url` is `postgresql+psycopg://…`; the driver may be left out.

    Raises ArgumentError when it is no URL, or that of another kind of database.
    """
    scheme, _, rest = database_url.partition("://")
    url = make_url(f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else database_url)
    if url.drivername != "postgresql+psycopg":
        raise ArgumentError("Could not parse: not the URL of a PostgreSQL")
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=POOL_SECONDS,
        connect_args={
            "connect_timeout": CONNECT_SECONDS, "options": "-c timezone=UTC", "application_name": application,
        },
    )
