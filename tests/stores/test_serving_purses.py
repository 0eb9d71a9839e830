"""Purses in a real Redis: a hold takes from all purses or from none, and is released only by what replaces it."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.core.reasons import NoBidReason
from backend.net.resp import Resp
from backend.serving import store
from backend.serving.catalogue import day_of
from backend.serving.purses import day_purse, hold_member, keys, total_purse

CAMPAIGN, LINE, DAY = 7, 3, 20_000
TOTAL, TODAY = total_purse(LINE), day_purse(LINE, DAY)


@pytest.fixture
async def purses(redis_url: str) -> AsyncIterator[store.Purses]:
    client = Resp(redis_url)
    yield store.Purses(client)
    await client.aclose()


async def hold(
    purses: store.Purses, price: int, name: str = "a", expires_ms: int = 1_000, kept_total: int | None = None,
    kept_day: int | None = None,
) -> NoBidReason | None:
    member = hold_member(LINE, DAY, price, name)
    return await purses.hold(CAMPAIGN, price, expires_ms, member, TOTAL, TODAY, kept_total, kept_day)


def sync(client: redis.Redis, bases: dict[str, int], ticket: int = 1, until_ms: int = 0, *settled: str) -> int:
    return store.sync_purses(client, CAMPAIGN, ticket, until_ms, bases, settled)


def left(client: redis.Redis) -> dict[str, int]:
    state = store.read_purses(client, [CAMPAIGN])[CAMPAIGN]
    return {purse: base - state.held.get(purse, 0) for purse, base in state.base.items() if purse != "ticket"}


async def test_hold__no_purse_yet__budget_unknown(purses: store.Purses) -> None:
    assert await hold(purses, 10) is NoBidReason.BUDGET_UNKNOWN


async def test_hold__fits__taken_from_every_purse(purses: store.Purses, redis_client: redis.Redis) -> None:
    sync(redis_client, {"campaign": 100, TOTAL: 50, TODAY: 30})
    assert await hold(purses, 10, kept_total=0, kept_day=0) is None
    assert left(redis_client) == {"campaign": 90, TOTAL: 40, TODAY: 20}


async def test_hold__asked_twice__taken_once(purses: store.Purses, redis_client: redis.Redis) -> None:
    sync(redis_client, {"campaign": 10})
    for _ in range(2):
        assert await hold(purses, 10) is None
    assert left(redis_client) == {"campaign": 0}


@pytest.mark.parametrize(
    ("bases", "reason"),
    [
        ({"campaign": 9, TOTAL: 50, TODAY: 50}, NoBidReason.BUDGET),
        ({"campaign": 50, TOTAL: 9, TODAY: 50}, NoBidReason.TOTAL_CAP),
        ({"campaign": 50, TOTAL: 50, TODAY: 9}, NoBidReason.DAILY_CAP),
        ({"campaign": 50, TOTAL: 50, TODAY: 20}, NoBidReason.PACING),
        ({"campaign": 50, TOTAL: 50}, NoBidReason.BUDGET_UNKNOWN),
    ],
)
async def test_hold__one_purse_too_small__takes_from_none(
    purses: store.Purses, redis_client: redis.Redis, bases: dict[str, int], reason: NoBidReason
) -> None:
    sync(redis_client, bases)
    assert await hold(purses, 10, kept_total=0, kept_day=11) is reason
    assert left(redis_client) == bases
    assert redis_client.zcard(keys(CAMPAIGN)[2]) == 0


async def test_hold__no_caps__needs_only_the_campaign(purses: store.Purses, redis_client: redis.Redis) -> None:
    sync(redis_client, {"campaign": 10})
    assert await hold(purses, 10) is None
    assert await hold(purses, 1, "b") is NoBidReason.BUDGET


async def test_hold__cap_unexpected_but_known__binds(purses: store.Purses, redis_client: redis.Redis) -> None:
    sync(redis_client, {"campaign": 100, TODAY: 5})
    assert await hold(purses, 10) is NoBidReason.DAILY_CAP


async def test_sync__settled_event__its_hold_goes_and_no_other(
    purses: store.Purses, redis_client: redis.Redis
) -> None:
    """L31: the new base contains the charge, so the purse has as much left as before."""
    sync(redis_client, {"campaign": 100, TOTAL: 60})
    for name in ("a", "b"):
        assert await hold(purses, 10, name) is None
    sync(redis_client, {"campaign": 90, TOTAL: 50}, 2, 0, hold_member(LINE, DAY, 10, "a"))
    assert left(redis_client) == {"campaign": 80, TOTAL: 40}
    sync(redis_client, {"campaign": 90, TOTAL: 50}, 3, 0, hold_member(LINE, DAY, 10, "a"))     # told twice
    assert left(redis_client) == {"campaign": 80, TOTAL: 40}


async def test_sync__expired__lapses_only_when_everything_until_then_is_settled(
    purses: store.Purses, redis_client: redis.Redis
) -> None:
    """L31."""
    sync(redis_client, {"campaign": 10})
    assert await hold(purses, 10, expires_ms=1_000) is None
    assert sync(redis_client, {"campaign": 10}, 2, 999) == 0
    assert await hold(purses, 10, "b") is NoBidReason.BUDGET
    assert sync(redis_client, {"campaign": 10}, 3, 1_000) == 1
    assert await hold(purses, 10, "b") is None


def test_sync__older_ticket__refused_and_changes_nothing(redis_client: redis.Redis) -> None:
    assert sync(redis_client, {"campaign": 10}, ticket=5) == 0
    assert sync(redis_client, {"campaign": 99, TOTAL: 7}, ticket=4) == -1
    assert left(redis_client) == {"campaign": 10}


def test_sync__cap_removed__its_purse_is_gone(redis_client: redis.Redis) -> None:
    sync(redis_client, {"campaign": 10, TOTAL: 5})
    sync(redis_client, {"campaign": 10}, ticket=2)
    assert left(redis_client) == {"campaign": 10}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), st.integers(1, 40)),
        st.tuples(st.just("settle"), st.integers(0, 30)),
        st.tuples(st.just("lapse"), st.integers(0, 30)),
        st.tuples(st.just("stale"), st.integers(0, 100)),
    ),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_purse__any_interleaving__never_promises_more_than_is_spendable(
    redis_url: str, steps: list[tuple[str, int]]
) -> None:
    """L31: what is charged and held together never passes the deposit."""

    async def story() -> None:
        with redis.Redis.from_url(redis_url) as client:
            other = Resp(redis_url)
            client.flushdb()
            await interleave(store.Purses(other), client, steps)
            await other.aclose()

    asyncio.run(story())


async def interleave(purses: store.Purses, client: redis.Redis, steps: list[tuple[str, int]]) -> None:
    deposit, charged, ticket = 100, 0, 1
    open_holds: list[tuple[str, int, int]] = []
    sync(client, {"campaign": deposit}, ticket)
    for number, (step, value) in enumerate(steps, 1):
        ticket += 1
        if step == "hold" and await hold(purses, value, str(number), expires_ms=number) is None:
            open_holds.append((str(number), value, number))
        elif step == "settle" and open_holds:
            name, price, _ = open_holds.pop(value % len(open_holds))
            charged += price
            sync(client, {"campaign": deposit - charged}, ticket, 0, hold_member(LINE, DAY, price, name))
        elif step == "lapse":
            sync(client, {"campaign": deposit - charged}, ticket, value)
            open_holds = [entry for entry in open_holds if entry[2] > value]
        elif step == "stale":
            assert sync(client, {"campaign": value}, 0) == -1
        held = sum(price for _, price, _ in open_holds)
        assert charged + held <= deposit
        assert left(client) == {"campaign": deposit - charged - held}


ANY_STEPS = st.lists(st.one_of(
    st.tuples(st.just("hold"), st.integers(0, 3), st.integers(1, 40)),
    st.tuples(st.just("hour"), st.integers(0, 3), st.integers(1, 40)),
    st.tuples(st.just("lower"), st.integers(0, 3), st.integers(1, 10)),
    st.tuples(st.just("give back"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("settle"), st.integers(0, 3), st.just(0)),
), max_size=16)


@given(ANY_STEPS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_purse__any_steps__what_is_held_is_the_sum_of_the_holds_and_never_more_than_there_is(
    redis_url: str, steps: list[tuple[str, int, int]]
) -> None:
    """L31: also of hours of sponsorships, which are held once, however often."""
    asyncio.run(_play(redis_url, steps))


async def _play(redis_url: str, steps: list[tuple[str, int, int]]) -> None:
    client, hour_ms = Resp(redis_url), time.time_ns() // 10**6
    with redis.Redis.from_url(redis_url) as plain:
        plain.flushdb()
        sync(plain, {"campaign": 100, TOTAL: 90, TODAY: 80})
        purses, newest, hours = store.Purses(client), dict.fromkeys(range(4), ""), set[int]()
        for what, number, price in steps:
            member, before = hold_member(LINE, DAY, price, f"{number:x}"), plain.zcard(keys(CAMPAIGN)[2])
            if what == "hold" and await hold(purses, price, f"{number:x}") is None:
                newest[number] = member
            elif what == "hour":
                name = hold_member(LINE, day_of(hour_ms), price, f"f{number:x}")
                taken = await purses.hold_hour(CAMPAIGN, LINE, hour_ms + number, price, hour_ms + 60_000, name)
                assert plain.zcard(keys(CAMPAIGN)[2]) - before == (taken is None and number not in hours)
                if taken is None:
                    hours.add(number)
            elif what == "lower" and newest[number]:
                least = min(price, int(newest[number].split(":")[2]))
                lowered = hold_member(LINE, DAY, least, f"{number:x}")
                await purses.lower(CAMPAIGN, newest[number], least, 1_000, lowered)
            elif what == "give back":
                await purses.give_back(CAMPAIGN, newest[number])
            elif what == "settle":
                sync(plain, {"campaign": 100, TOTAL: 90, TODAY: 80}, 1, 0, newest[number])
            holds = [tuple(map(int, one.split(b":")[1:3])) for one in plain.zrange(keys(CAMPAIGN)[2], 0, -1)]
            held, today = sum(price for _, price in holds), sum(price for day, price in holds if day == DAY)
            assert left(plain) == {"campaign": 100 - held, TOTAL: 90 - held, TODAY: 80 - today}
            assert min(left(plain).values()) >= 0
    await client.aclose()
