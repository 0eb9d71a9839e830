"""Servers that the environment names instead of ours: nothing is started, but each must answer."""

import psycopg
import redis

from backend.local.errors import LocalStackError
from backend.local.lock import redacted
from backend.local.postgres import psycopg_url
from backend.local.rpc import rpc_integer

SECONDS_MAX = 5


def sqlalchemy_form(url: str) -> str:
    """A PostgreSQL URL with our driver named in it: `postgres://` and `postgresql://` mean the same server."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if separator and scheme in ("postgres", "postgresql") else url


def check_database(url: str) -> str:
    """DATABASE_URL in SQLAlchemy's form. Raises LocalStackError when no database answers."""
    database_url = sqlalchemy_form(url)
    if not database_url.startswith("postgresql+psycopg://"):
        raise _unreachable("DATABASE_URL", url, "a PostgreSQL", "it must begin with postgresql://")
    try:
        psycopg.connect(psycopg_url(database_url), connect_timeout=SECONDS_MAX).close()
    except psycopg.Error as error:
        raise _unreachable("DATABASE_URL", url, "a PostgreSQL", str(error)) from error
    return database_url


def check_redis(url: str) -> str:
    """REDIS_URL. Raises LocalStackError when no Redis answers."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=SECONDS_MAX, socket_timeout=SECONDS_MAX) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise _unreachable("REDIS_URL", url, "a Redis", str(error)) from error
    return url


def check_rpc(url: str) -> int:
    """The chain id of the node at RPC_URL. Raises LocalStackError when no node answers."""
    try:
        return rpc_integer(url, "eth_chainId", timeout_seconds=SECONDS_MAX)
    except (LocalStackError, ValueError) as error:
        raise _unreachable("RPC_URL", url, "an EVM node", str(error)) from error


def _unreachable(variable: str, url: str, what: str, why: str) -> LocalStackError:
    return LocalStackError(
        f"{variable} is set to {redacted(url)}, but {what} does not answer there ({' '.join(why.split())}). "
        f"Start it, correct {variable}, or unset it to have one started for you"
    )
