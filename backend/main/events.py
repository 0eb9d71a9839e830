"""`sightline events`: entries of the event stream that could not be stored."""

import redis

from backend.ingest.poison.service import PoisonService
from backend.ingest.poison.store import SetAside

SHOWN_BYTES = 2_000


def poison(redis_url: str) -> PoisonService:
    return PoisonService(redis.Redis.from_url(redis_url))


def line(one: SetAside) -> str:
    """One entry in one line."""
    return f"{one.id}  {len(one.batch)} bytes  {one.reason}"


def page(one: SetAside) -> str:
    """One entry, with what it said as far as it fits."""
    said = one.batch[:SHOWN_BYTES].decode(errors="backslashreplace")
    return f"{line(one)}\nwas {one.stream_id} of the stream\n{said}"
