"""Purses follow SQL: through decisions, events, billing and refreshes in any order nothing is promised twice."""

from collections.abc import AsyncIterator
from random import Random

import msgspec
import pytest
import redis
from budget_kit import PRICE, Story
from sqlalchemy import Engine, text

from backend.serving import store
from bench.app import CHAIN_ID, Wiring, unwire, wire
from bench.market import Market


@pytest.fixture
async def wiring(fresh_database_url: str, redis_url: str) -> AsyncIterator[Wiring]:
    wired = wire(fresh_database_url, redis_url)
    yield wired
    await unwire(wired)


@pytest.fixture
def story(fresh_engine: Engine, fresh_database_url: str, redis_client: redis.Redis, wiring: Wiring) -> Story:
    """One campaign with ten events' worth of money and nothing else in the market."""
    market = Market(fresh_engine, fresh_database_url, CHAIN_ID)
    market.line_item(market.campaign(1, 10 * PRICE), 5 * PRICE)
    return Story(fresh_engine, redis_client, wiring, market)


async def test_sync__event_billed__hold_becomes_charge(story: Story) -> None:
    """L31."""
    story.sync()
    assert await story.decide()
    assert await story.see(story.decided[0])
    assert story.purse() == (10 * PRICE, PRICE)
    story.consume()
    story.sync()
    assert story.purse() == (10 * PRICE, PRICE)         # accepted, but not billed: the hold still stands for it
    assert story.ledger.bill(100) == 1
    story.sync()
    assert story.purse() == (9 * PRICE, 0)


async def test_sync__consumer_is_behind__holds_do_not_lapse(story: Story) -> None:
    """L31: the event of an expired token is still on its way to a charge."""
    story.sync()
    assert await story.decide()
    assert await story.see(story.decided[0])
    story.now_ms += 3_600_000
    story.sync()
    assert story.purse() == (10 * PRICE, PRICE)
    story.consume()
    story.sync()
    assert story.purse() == (10 * PRICE, PRICE)
    story.ledger.bill(100)
    story.sync()
    assert story.purse() == (9 * PRICE, 0)


async def test_sync__never_seen__hold_lapses_after_token_and_grace(story: Story) -> None:
    story.sync()
    assert await story.decide()
    for passed_ms, held in ((150_000 - 1, PRICE), (1, 0)):
        story.now_ms += passed_ms
        story.sync()
        assert story.purse() == (10 * PRICE, held)


async def test_sync__click_bid__view_does_not_release_the_hold(story: Story) -> None:
    story.execute("update line_item set bid_kind = 'cpc', bid_micro_usdc = 1000000")
    story.execute("update chain_campaign set deposited = 1000000")
    story.sync()
    assert await story.decide()
    price = story.decided[0].facts.price_micro_usdc
    assert await story.see(story.decided[0])
    story.consume()
    story.ledger.bill(100)
    story.sync()
    assert story.purse() == (1_000_000, price)
    body = msgspec.json.encode({"events": [{"kind": "click", "token": story.decided[0].token}]})
    assert await story.wiring.ingest.accept(body, story.now_ms, "") == [None]
    story.consume()
    story.ledger.bill(100)
    story.sync()
    assert story.purse() == (1_000_000 - price, 0)


async def test_sync__withdrawal_requested__cannot_be_promised_any_more(story: Story) -> None:
    """L43."""
    story.sync()
    story.execute(f"update chain_campaign set reserved = {10 * PRICE}")
    story.sync()
    assert not await story.decide()


async def test_sync__campaign_reorganised_away__nothing_left(story: Story) -> None:
    story.sync()
    story.execute("delete from chain_campaign")
    story.sync()
    assert story.purse() == (0, 0)
    assert not await story.decide()


async def test_sync__another_worker_is_at_it__does_nothing(story: Story) -> None:
    with story.engine.begin() as connection:
        assert store.lock_budgets(connection)
        assert not story.sync()
    assert store.read_purses(story.client, [1])[1].campaign is None


async def test_sync__redis_was_emptied__unknown_until_the_next_sync(story: Story) -> None:
    story.sync()
    assert await story.decide()
    story.client.flushdb()
    assert not await story.decide()
    story.sync()
    assert await story.decide()


async def test_sync__tables_were_lost_and_count_anew__charges_release_their_holds_all_the_same(story: Story) -> None:
    """L31"""
    story.sync()
    assert await story.decide()
    assert await story.see(story.decided[0])
    store.write_cursor(story.client, 1_000_000)     # as far as the lost tables had come
    story.sync()
    story.consume()
    story.ledger.bill(100)
    story.sync()
    assert story.purse() == (9 * PRICE, 0)


async def test_sync__next_day__daily_cap_is_there_before_midnight(story: Story) -> None:
    story.execute(f"update line_item set daily_cap_micro_usdc = {PRICE}, ends_at = now() + interval '3 days'")
    story.execute(f"update line_item set bid_micro_usdc = {PRICE}")
    story.sync()
    assert await story.decide()
    assert not await story.decide()
    story.now_ms = (story.now_ms // 86_400_000 + 1) * 86_400_000        # no sync in between
    assert await story.decide()


@pytest.mark.parametrize("seed", range(6))
async def test_story__any_order_of_stages__charged_and_held_stay_within_the_deposit(story: Story, seed: int) -> None:
    """L31, L33: and so the ledger never has to drop an event for want of budget."""
    dice = Random(seed)
    story.sync()
    for _ in range(120):
        match dice.choices(["decide", "see", "consume", "bill", "sync", "wait"], [8, 6, 2, 2, 3, 1])[0]:
            case "decide":
                await story.decide()
            case "see" if story.decided:
                await story.see(dice.choice(story.decided))
            case "consume":
                story.consume()
            case "bill":
                story.ledger.bill(dice.randint(1, 3))
            case "sync":
                story.sync()
            case "wait":
                story.now_ms += dice.choice([1_000, 60_000, 200_000])
        base, held = story.purse()
        assert base - held >= 0
        assert story.charged() + max(0, base - held) <= 10 * PRICE
    story.consume()
    while story.ledger.bill(100):
        pass
    story.now_ms += 3_600_000
    story.sync()
    assert story.purse() == (10 * PRICE - story.charged(), 0)
    assert story.charged() > 0
    with story.engine.connect() as connection:
        assert not connection.execute(text("select 1 from dropped_event where reason = 'budget_gone'")).all()
