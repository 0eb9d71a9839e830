"""Counters of views in a real Redis: whoever asks at once the caps hold, and memory has a bound."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from hashlib import blake2b

import pytest
import redis

from backend.core.reasons import NoBidReason
from backend.net.resp import Resp
from backend.serving.catalogue import MS_PER_DAY, Frequency
from backend.serving.views.scripts import HOUR_SHARE, SHARDS, TAKE, ViewAnswer, take_arguments, view_keys
from backend.serving.views.store import Views

NOON_MS = 20_000 * MS_PER_DAY + MS_PER_DAY // 2
DAILY, SPACED, BOTH = Frequency(2, 24), Frequency(None, 0, 10), Frequency(2, 1, 10)


def viewer(number: int) -> bytes:
    return blake2b(str(number).encode(), digest_size=8).digest()


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Resp]:
    client = Resp(redis_url)
    yield client
    await client.aclose()


async def test_take__many_at_once__as_many_as_the_cap_says(client: Resp) -> None:
    """L80."""
    views = Views(client)
    answers = await asyncio.gather(*(views.take(viewer(1), 7, DAILY, NOON_MS) for _ in range(10)))
    assert Counter(answers) == {None: 2, NoBidReason.FREQUENCY_CAP: 8}
    answers = await asyncio.gather(*(views.take(viewer(1), 8, SPACED, NOON_MS) for _ in range(10)))
    assert Counter(answers) == {None: 1, NoBidReason.RECENCY_CAP: 9}


async def test_take__both_caps__each_is_kept(client: Resp) -> None:
    views = Views(client)
    moments = [NOON_MS + minutes * 60_000 for minutes in (0, 5, 11, 22, 121)]
    answers = [await views.take(viewer(1), 7, BOTH, moment) for moment in moments]
    recency, frequency = NoBidReason.RECENCY_CAP, NoBidReason.FREQUENCY_CAP
    assert answers == [None, recency, None, frequency, None]


async def test_give_back__not_shown_after_all__as_if_it_had_never_been_taken(client: Resp) -> None:
    views = Views(client)
    for _ in range(3):
        assert await views.take(viewer(1), 7, BOTH, NOON_MS) is None
        await views.give_back(viewer(1), 7, BOTH, NOON_MS)
    assert await views.seen(viewer(1)) == {f"7:{NOON_MS // 3_600_000}": 0}
    await views.give_back(viewer(2), 7, BOTH, NOON_MS)          # its key has ended
    assert await views.seen(viewer(2)) == {}


@pytest.mark.parametrize(
    ("cap", "moment_ms", "kept_ms"),
    [
        (DAILY, NOON_MS, MS_PER_DAY // 2),                      # never beyond midnight
        (Frequency(2, 1), NOON_MS, 2 * 3_600_000),              # one hour touches two of the clock
        (SPACED, NOON_MS, 11 * 60_000),
        (SPACED, NOON_MS + MS_PER_DAY // 2 - 60_000, 60_000),
    ],
)
async def test_take__counted__forgotten_when_it_can_no_longer_matter(
    client: Resp, cap: Frequency, moment_ms: int, kept_ms: int
) -> None:
    """L80."""
    before_ms = time.monotonic_ns() // 1_000_000
    assert await Views(client).take(viewer(1), 7, cap, moment_ms) is None
    left_ms = await client.call("PTTL", view_keys(viewer(1))[0])
    passed_ms = time.monotonic_ns() // 1_000_000 - before_ms
    assert kept_ms - passed_ms - 10 <= left_ms <= kept_ms


async def test_take__shorter_cap_afterwards__the_longer_one_is_not_forgotten(client: Resp) -> None:
    views = Views(client)
    assert await views.take(viewer(1), 7, DAILY, NOON_MS) is None
    assert await views.take(viewer(1), 8, SPACED, NOON_MS) is None
    assert await client.call("PTTL", view_keys(viewer(1))[0]) > 11 * 3_600_000


def attack(client: redis.Redis, bytes_max: int, first: int, moment_ms: int) -> int:
    """How many of 5,000 invented viewers are counted; nobody else is refused for any other reason."""
    take, pipe = client.register_script(TAKE), client.pipeline(transaction=False)
    for number in range(first, first + 5_000):
        take(keys=view_keys(viewer(number)), args=take_arguments(7, BOTH, moment_ms, bytes_max), client=pipe)
    answers = Counter(pipe.execute())
    assert answers.keys() <= {ViewAnswer.TAKEN, ViewAnswer.FULL}
    return answers[ViewAnswer.TAKEN]


@pytest.fixture
async def own(own_redis_url: str) -> AsyncIterator[tuple[Resp, redis.Redis]]:
    client = Resp(own_redis_url)
    with redis.Redis.from_url(own_redis_url) as redis_client:
        yield client, redis_client
    await client.aclose()


async def test_take__invented_viewers__memory_has_a_bound_and_the_caps_hold(own: tuple[Resp, redis.Redis]) -> None:
    """L80: what Redis takes is less than what was paid for; the hour's share, then the day's, is the end of it."""
    client, redis_client = own
    bytes_max = 2 << 20
    views = Views(client, day_bytes_max=bytes_max)
    assert await views.take(viewer(-1), 7, DAILY, NOON_MS) is None
    before = redis_client.info("memory")["used_memory_dataset"]
    taken = attack(redis_client, bytes_max, 0, NOON_MS)
    grown = redis_client.info("memory")["used_memory_dataset"] - before
    assert 0 < taken < 5_000
    assert grown < bytes_max // HOUR_SHARE + SHARDS * 256       # and the shards' own hashes
    assert await views.take(viewer(10_000_000), 7, DAILY, NOON_MS) is NoBidReason.NO_CONSENT
    assert await views.take(viewer(-1), 7, DAILY, NOON_MS) is None      # who is known is asked as before
    assert await views.take(viewer(-1), 7, DAILY, NOON_MS) is NoBidReason.FREQUENCY_CAP
    hours = [attack(redis_client, bytes_max, 5_000 * n, NOON_MS + n * 3_600_000) for n in range(1, 6)]
    assert all(hours[:2])                                       # the next hour has its own share
    assert hours[4] < taken // 10                               # until the day's is used up
