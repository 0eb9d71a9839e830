"""Error replies of Redis as the exceptions of redis-py, so that whoever handles those handles ours."""

import re

import redis
from redis import exceptions

_BY_WORD: dict[str, type[exceptions.RedisError]] = {
    "NOSCRIPT": exceptions.NoScriptError,
    "READONLY": exceptions.ReadOnlyError,
    "MISCONF": exceptions.ReadOnlyError,       # it cannot write its own files, so it takes no writes of ours
    "NOREPLICAS": exceptions.ReadOnlyError,    # too few of them for min-replicas-to-write
    "OOM": exceptions.OutOfMemoryError,
    "LOADING": exceptions.BusyLoadingError,
    "MASTERDOWN": exceptions.ConnectionError,
    "BUSY": exceptions.TimeoutError,           # a script of somebody's runs for too long
    "NOAUTH": exceptions.AuthenticationError,
    "WRONGPASS": exceptions.AuthenticationError,
    "NOPERM": exceptions.NoPermissionError,
    "EXECABORT": exceptions.ExecAbortError,
}


# inside of a script Redis 6 says: Error running script (call to f_…): @user_script:3: -OOM command not allowed …
_IN_SCRIPT = re.compile(r"(?<= -)(?:OOM|READONLY|MISCONF|NOREPLICAS)(?= )")


def error_of(reply: str) -> exceptions.RedisError:
    """The exception for an error reply such as `NOSCRIPT No matching script`; ResponseError when it has no own."""
    word, _, rest = reply.partition(" ")
    if reply.startswith("ERR max number of clients"):
        return redis.ConnectionError(rest)
    inner = _IN_SCRIPT.search(reply)
    known = _BY_WORD.get(inner[0] if inner else word)
    return known(rest) if known else redis.ResponseError(reply.removeprefix("ERR "))
