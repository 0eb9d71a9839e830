"""Controllers step from real tables and purses, go on where they were, and forget who is over."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
import redis
from sqlalchemy import Engine, text

from backend.core.reasons import NoBidReason
from backend.serving.decision import AdRequest, Decision, NoBid
from backend.serving.pacing.controller import FULL, PPB, PPM, Pace, State, takes_part
from backend.serving.pacing.curve import ALIKE, FLAT
from backend.serving.purses import keys
from backend.serving.steering import store
from backend.serving.steering.service import Pacing
from backend.serving.sync.service import BudgetSync
from bench.app import Wiring, unwire, wire
from bench.market import Market

CHAIN_ID = 31337
STEPPING = """
import sys, time, redis
from backend.db.engine import make_engine
from backend.serving.steering.service import Pacing
pacing = Pacing(make_engine(sys.argv[1]), redis.Redis.from_url(sys.argv[2]), 31337)
now_ms = time.time_ns() // 1_000_000
while True:
    pacing.step(now_ms := now_ms + 1_000)
"""
MINUTE_MS = 60_000


@pytest.fixture
def market(fresh_engine: Engine, fresh_database_url: str) -> Market:
    return Market(fresh_engine, fresh_database_url, CHAIN_ID)


@pytest.fixture
def pacing(fresh_engine: Engine, redis_client: redis.Redis) -> Pacing:
    return Pacing(fresh_engine, redis_client, CHAIN_ID)


def now() -> int:
    return time.time_ns() // 1_000_000


def spent(engine: Engine, line_item: int, micro_usdc: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into line_item_spend (line_item_id, day, spent_micro_usdc) values (:item, current_date, :spent)"
                " on conflict (line_item_id, day) do update set spent_micro_usdc = excluded.spent_micro_usdc"
            ),
            {"item": line_item, "spent": micro_usdc},
        )


async def test_decide__a_part_of_the_bid__loses_to_who_offers_more_and_pays_no_more_than_that_part(
    market: Market, fresh_database_url: str, redis_url: str, redis_client: redis.Redis
) -> None:
    """L79."""
    paced = market.line_item(market.campaign(1, 10**9), 9_000, pacing="even", total_cap_micro_usdc=10**8)
    other = market.line_item(market.campaign(2, 10**9), 6_000)
    placement = market.placement(market.world(4), floor_micro_usdc=1_000)
    wired = wire(fresh_database_url, redis_url)
    for multiplier_ppm, winner, price in ((500_000, other, 4_500), (800_000, paced, 6_000), (PPM, paced, 6_000)):
        await published(wired, market, redis_client, paced, Pace(multiplier_ppm))
        answer = await wired.decisions.decide(AdRequest(placement, "viewer-1"), now(), bytes(18))
        assert isinstance(answer, Decision)
        assert (answer.facts.line_item, answer.facts.price_micro_usdc) == (winner, price)
    await unwire(wired)


async def test_decide__takes_part_in_a_third__in_the_same_decisions_wherever_they_are_made(
    market: Market, fresh_database_url: str, redis_url: str, redis_client: redis.Redis
) -> None:
    """L79."""
    paced = market.line_item(market.campaign(1, 10**9), 9_000, pacing="even", total_cap_micro_usdc=10**8)
    placement = market.placement(market.world(4), floor_micro_usdc=1_000)
    wirings = [wire(fresh_database_url, redis_url) for _ in range(2)]
    shown: list[list[bool]] = []
    for wired in wirings:
        await published(wired, market, redis_client, paced, Pace(PPM, 300_000))
        answers = [
            await wired.decisions.decide(AdRequest(placement, "viewer-1"), now(), random(number))
            for number in range(200)
        ]
        shown.append([isinstance(answer, Decision) for answer in answers])
        assert all(answer.reasons == {NoBidReason.PACING: 1} for answer in answers if isinstance(answer, NoBid))
        await unwire(wired)
    assert shown[0] == shown[1] == [takes_part(random(number), paced, 300_000) for number in range(200)]
    assert 35 < sum(shown[0]) < 85


def random(number: int) -> bytes:
    return number.to_bytes(10, "big") + bytes(8)


async def published(wired: Wiring, market: Market, client: redis.Redis, line_item: int, pace: Pace) -> None:
    """As the worker does it, up to the deciding process."""
    store.write_states(client, {line_item: (State(), pace)}, (), now())
    BudgetSync(market.engine, client, CHAIN_ID).sync(now())
    wired.feed.refresh(now())


def test_step__half_of_the_flight_is_over__ahead_offers_less_and_behind_its_whole_bid(
    pacing: Pacing, market: Market, fresh_engine: Engine, redis_client: redis.Redis
) -> None:
    """L79: of 1,000,000 half should be spent; what nobody paces is not there at all."""
    campaign = market.campaign(1, 10**9)
    ahead, behind = (
        market.line_item(campaign, 1_000, pacing=kind, total_cap_micro_usdc=1_000_000) for kind in ("even", "even")
    )
    market.line_item(campaign, 1_000, total_cap_micro_usdc=1_000_000)
    market.line_item(campaign, 1_000, pacing="even")
    spent(fresh_engine, ahead, 510_000)
    spent(fresh_engine, behind, 400_000)
    moment_ms = now()
    for step in range(3):
        assert pacing.step(moment_ms + step * MINUTE_MS) == 2
    paces = store.read_paces(redis_client)
    assert paces.keys() == {ahead, behind}
    assert paces[ahead].multiplier_ppm < PPM // 2
    assert paces[behind] == FULL


def test_step__worker_dies_in_between__the_next_one_goes_on_from_there(
    market: Market, fresh_engine: Engine, redis_client: redis.Redis
) -> None:
    """L79: a worker has nothing that is not in Redis, and a step that was lost is made up for by the next."""
    item = market.line_item(market.campaign(1, 10**9), 1_000, pacing="even", total_cap_micro_usdc=1_000_000)
    moment_ms, efforts = now(), []
    for minute, micro_usdc in enumerate((505_000, 507_000, 508_000, 506_000)):
        spent(fresh_engine, item, micro_usdc)
        assert Pacing(fresh_engine, redis_client, CHAIN_ID).step(moment_ms + minute * MINUTE_MS) == 1
        efforts.append(store.read_states(redis_client)[item][0].effort)
    assert sorted(set(efforts[:3]), reverse=True) == efforts[:3]
    redis_client.delete(store.PACES_KEY)
    assert Pacing(fresh_engine, redis_client, CHAIN_ID).step(moment_ms + 5 * MINUTE_MS) == 1
    assert store.read_states(redis_client)[item][0].effort > efforts[-1]        # from the beginning, caps hold it


def test_step__killed_in_the_middle__no_state_is_torn_and_the_next_process_goes_on(
    market: Market, fresh_engine: Engine, fresh_database_url: str, redis_url: str, redis_client: redis.Redis
) -> None:
    """L79: kill -9 at whatever it is doing; the lock goes with its connection."""
    item = market.line_item(market.campaign(1, 10**9), 1_000, pacing="even", total_cap_micro_usdc=1_000_000)
    spent(fresh_engine, item, 520_000)
    child = subprocess.Popen([sys.executable, "-c", STEPPING, fresh_database_url, redis_url])
    try:
        seen = set[int]()
        while len(seen) < 5:
            assert child.poll() is None
            seen |= {effort for state, _ in store.read_states(redis_client).values() if (effort := state.effort)}
    finally:
        child.kill()
        child.wait()
    (before, at_ms), later = store.read_states(redis_client)[item], Pacing(fresh_engine, redis_client, CHAIN_ID)
    while later.step(at_ms + MINUTE_MS) == 0:
        pass                                            # PostgreSQL has not noticed yet that the other one is gone
    after, _ = store.read_states(redis_client)[item]
    assert before.effort < PPB // 2
    assert abs(after.effort - before.effort) < before.effort // 10      # not from the beginning


def test_step__over_or_paused__forgotten(
    pacing: Pacing, market: Market, fresh_engine: Engine, redis_client: redis.Redis
) -> None:
    campaign = market.campaign(1, 10**9)
    soon = datetime.now(UTC) + timedelta(hours=1)
    items = [
        market.line_item(campaign, 1_000, pacing="front_loaded", daily_cap_micro_usdc=1_000_000, ends_at=ends_at)
        for ends_at in (soon, soon + timedelta(days=1), soon + timedelta(days=1))
    ]
    assert pacing.step(now()) == 3
    with fresh_engine.begin() as connection:
        connection.execute(text("update line_item set status = 'paused' where id = :id"), {"id": items[1]})
    assert pacing.step(now() + 2 * 60 * MINUTE_MS) == 1
    assert store.read_paces(redis_client).keys() == {items[2]}


def test_step__holds_of_a_campaign__say_what_is_paid_and_count_as_spent(
    pacing: Pacing, market: Market, redis_client: redis.Redis
) -> None:
    campaign = market.campaign(1, 10**9)
    shown, clicked = (
        market.line_item(campaign, 1_000, pacing="even", bid_kind=kind, total_cap_micro_usdc=1_000_000)
        for kind in ("vcpm", "cpc")
    )
    base, held, holds = keys(1)
    redis_client.hset(base, "campaign", 10**9)
    for item in (shown, clicked):
        redis_client.hset(held, f"line:{item}:total", 520_000)
        redis_client.zadd(holds, {f"{item}:20000:{price}:{price:020x}": price for price in (300, 500)})
    pacing.step(now())
    states = {item: state for item, (state, _) in store.read_states(redis_client).items()}
    assert {state.paid_ppm for state in states.values()} == {400_000}
    assert states[shown].error > PPM                    # a view is likely: it is ahead of its plan
    assert states[clicked] == State(PPB, states[clicked].error, 400_000)
    assert states[clicked].error < 0                    # a click is not


def test_step__records_of_a_week__the_plan_follows_the_traffic_of_its_hours(
    pacing: Pacing, fresh_engine: Engine
) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with fresh_engine.begin() as connection:
        assert store.read_week(connection).weights == FLAT
        connection.execute(
            text(
                "insert into serving_landscape (hour, placement_id, line_item_id, bid_bucket, price_bucket, n)"
                " select hour, 1, 0, 0, 0, case when date_part('hour', hour at time zone 'UTC') < 12 then 100 else 300"
                " end from generate_series(cast(:first as timestamptz), :last, interval '1 hour') hour"
            ),
            {"first": midnight - timedelta(days=7), "last": midnight + timedelta(hours=3)},
        )
    pacing.step(int(midnight.timestamp() * 1000) + MINUTE_MS)
    with fresh_engine.begin() as connection:
        week = store.read_week(connection)
    assert week.weights == tuple(ALIKE * 3 // 4 if hour % 24 < 12 else ALIKE * 5 // 4 for hour in range(168))


def test_step__another_process_paces__does_nothing(
    pacing: Pacing, market: Market, fresh_engine: Engine
) -> None:
    market.line_item(market.campaign(1, 10**9), 1_000, pacing="even", total_cap_micro_usdc=1_000_000)
    with fresh_engine.begin() as connection:
        assert store.lock_pacing(connection)
        assert pacing.step(now()) == 0
    assert pacing.step(now()) == 1
