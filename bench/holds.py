"""The holds of decisions in Redis, counted and taken away again: proof that decisions were real."""

import redis

from backend.serving.purses import keys
from backend.serving.store import CAMPAIGNS_KEY

CHUNK = 1_000


def count_holds(redis_url: str) -> int:
    """Open holds of all campaigns."""
    with redis.Redis.from_url(redis_url) as client:
        return sum(_sizes(client, chunk) for chunk in _chunks(client))


def forget_holds(redis_url: str) -> None:
    """As if nothing had been decided, so that no run finds the budgets that another one has used."""
    with redis.Redis.from_url(redis_url) as client:
        for chunk in _chunks(client):
            _, *gone = zip(*(keys(campaign) for campaign in chunk), strict=True)
            client.unlink(*(key for names in gone for key in names))


def _sizes(client: redis.Redis, campaigns: list[int]) -> int:
    pipeline = client.pipeline(transaction=False)
    for campaign in campaigns:
        pipeline.zcard(keys(campaign)[2])
    return sum(pipeline.execute())


def _chunks(client: redis.Redis) -> list[list[int]]:
    found = sorted(int(member) for member in client.smembers(CAMPAIGNS_KEY))
    return [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)]
