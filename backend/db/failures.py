"""Which exceptions mean that a store does not answer, as opposed to a mistake of ours."""

import psycopg
import redis
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

DATABASE_UNAVAILABLE: tuple[type[Exception], ...] = (
    OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError,
)
"""Refused or lost connections, a server that shuts down, no free connection in time, a statement cancelled."""

REDIS_UNAVAILABLE: tuple[type[Exception], ...] = (
    redis.ConnectionError,            # with it: loading its data, too many connections
    redis.TimeoutError,
    redis.exceptions.ReadOnlyError,   # a replica during a failover
    redis.exceptions.OutOfMemoryError,
)


def said_of_a_store(error: Exception) -> str | None:
    """One line for a store that cannot be asked as it is; None for what is our mistake and deserves its traceback."""
    if isinstance(error, redis.ConnectionError | redis.TimeoutError):
        return f"Redis: {error}"
    if isinstance(error, OperationalError):
        return f"PostgreSQL: {' '.join(str(error.orig).split())}"
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == "42P01":
        return "the database has not all tables of this version; run `sightline migrate`"
    if isinstance(error, ArgumentError) and "Could not parse" in str(error):
        return "the database URL is none; it looks like postgresql+psycopg://user:password@host:5432/name"
    return None
