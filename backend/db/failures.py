"""Which exceptions mean that a store does not answer, as opposed to a mistake of ours. Read by api/problems.py."""

import psycopg
import redis
from sqlalchemy.exc import InterfaceError, OperationalError
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
