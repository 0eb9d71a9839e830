"""Is the process alive (/healthz), and can it do its work (/readyz)."""

import logging
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from redis import Redis

from backend.db.engine import Engine
from backend.db.failures import DATABASE_UNAVAILABLE, REDIS_UNAVAILABLE
from backend.db.health import chain_age_seconds

log = logging.getLogger("sightline.api")

CHAIN_AGE_SECONDS_MAX = 120.0


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """`ready` needs the database and Redis. A late indexer is told but does not take the API out of service:
    budgets then stand still, and a withdrawal's notice is longer than any such delay."""

    ready: bool
    database: Literal["ok", "down"]
    redis: Literal["ok", "down"]
    chain: Literal["ok", "late", "unknown"]
    chain_age_seconds: float | None


def router(engine: Engine, redis: Redis, chain_id: int) -> APIRouter:
    """/healthz and /readyz."""
    api = APIRouter(tags=["health"])

    @api.get("/healthz", summary="The process is alive")
    def healthz() -> Alive:
        return Alive()

    @api.get("/readyz", summary="Database, Redis, place on the chain", responses={503: {"model": Readiness}})
    def readyz(response: Response) -> Readiness:
        database, age = _database(engine, chain_id)
        redis_ok = _redis(redis)
        found = Readiness(
            ready=database and redis_ok, database="ok" if database else "down", redis="ok" if redis_ok else "down",
            chain="unknown" if age is None else "ok" if age <= CHAIN_AGE_SECONDS_MAX else "late", chain_age_seconds=age,
        )
        response.status_code = 200 if found.ready else 503
        return found

    return api


def _database(engine: Engine, chain_id: int) -> tuple[bool, float | None]:
    try:
        with engine.connect() as connection:
            return True, chain_age_seconds(connection, chain_id)
    except DATABASE_UNAVAILABLE as error:
        log.warning("not ready: database: %s", type(error).__name__)
        return False, None


def _redis(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except REDIS_UNAVAILABLE as error:
        log.warning("not ready: redis: %s", type(error).__name__)
        return False
