"""One way to open PostgreSQL: psycopg 3, UTC, a short connect timeout so that a dead server is a clear error."""

from sqlalchemy import Connection, Engine, create_engine

__all__ = ["Connection", "Engine", "make_engine"]


def make_engine(database_url: str, *, pool_size: int = 10, application: str = "sightline") -> Engine:
    """Engine with a pre-pinged pool. `database_url` is `postgresql+psycopg://…`; the driver may be left out."""
    scheme, _, rest = database_url.partition("://")
    return create_engine(
        f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else database_url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=5,
        connect_args={"connect_timeout": 3, "options": "-c timezone=UTC", "application_name": application},
    )
