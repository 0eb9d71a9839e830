"""Health of a container: `python deploy/health.py api|worker|indexer|attestor` exits 0, or prints a reason and exits 1.

A worker is healthy when budgets are fresh and events do not pile up, the indexer when its cursor moves, an attestor
when it can reach both the chain and the published settlements. The API answers for itself.
"""

import os
import sys
from collections.abc import Mapping

import httpx
import psycopg
import redis
from redis.exceptions import RedisError

AGE_SECONDS_MAX = 60.0
TIMEOUT_SECONDS = 3.0
STREAM, TICKET, FRESH = "sl:events", "sl:budgets:ticket", "sl:budgets:fresh"


class Unhealthy(Exception):
    """Why the container cannot do its work."""


def api(env: Mapping[str, str]) -> None:
    """The API answers and reaches its stores."""
    _ask("GET", f"http://127.0.0.1:{env.get('SIGHTLINE_PORT', '8000')}/readyz")


def worker(env: Mapping[str, str]) -> None:
    """Budgets were refreshed lately, and no event waits for long to be stored."""
    client = redis.Redis.from_url(env["REDIS_URL"], socket_timeout=TIMEOUT_SECONDS, decode_responses=True)
    if not client.exists(TICKET):
        raise Unhealthy("budgets were never refreshed")
    if not client.exists(FRESH):
        raise Unhealthy("budgets were not refreshed for a minute")
    for entry_id, _ in client.xrange(STREAM, count=1) or []:
        waits_seconds = client.time()[0] - int(str(entry_id).partition("-")[0]) / 1000  # an id begins with its time
        if waits_seconds > AGE_SECONDS_MAX:
            raise Unhealthy(f"an event has waited {waits_seconds:.0f} s to be stored")


def indexer(env: Mapping[str, str]) -> None:
    """The cursor has moved lately, and nothing has made the indexer stop for good."""
    url = env["DATABASE_URL"].replace("postgresql+psycopg:", "postgresql:", 1)
    statement = "select extract(epoch from now() - updated_at)::float, halted from chain_cursor order by 1 limit 1"
    with psycopg.connect(url, connect_timeout=int(TIMEOUT_SECONDS)) as connection:
        row = connection.execute(statement).fetchone()
    if row is None:
        raise Unhealthy("no cursor yet")
    age_seconds, halted = row
    if halted:
        raise Unhealthy(f"stopped for good: {halted}")
    if age_seconds > AGE_SECONDS_MAX:
        raise Unhealthy(f"the cursor has not moved for {age_seconds:.0f} s")


def attestor(env: Mapping[str, str]) -> None:
    """The chain and the published settlements can be reached."""
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    if "result" not in _ask("POST", env["RPC_URL"], request).text:
        raise Unhealthy("the RPC does not tell its chain id")
    _ask("GET", f"{env['SIGHTLINE_SETTLEMENT_URL']}/v1/settlements/pending")


CHECKS = {"api": api, "worker": worker, "indexer": indexer, "attestor": attestor}


def main(arguments: list[str], env: Mapping[str, str]) -> int:
    """Exit code of the check named by the only argument; 2 when there is no such check."""
    if len(arguments) != 1 or arguments[0] not in CHECKS:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        CHECKS[arguments[0]](env)
    except KeyError as error:
        sys.stderr.write(f"{arguments[0]}: {error.args[0]} is not set\n")
        return 1
    except (Unhealthy, httpx.HTTPError, RedisError, psycopg.Error) as error:
        sys.stderr.write(f"{arguments[0]}: {error}\n")
        return 1
    return 0


def _ask(method: str, url: str, body: object = None) -> httpx.Response:
    """The answer, if it is a success. Raises httpx.HTTPError otherwise."""
    return httpx.request(method, url, json=body, timeout=TIMEOUT_SECONDS).raise_for_status()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
