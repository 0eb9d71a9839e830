"""A change of terms, status or budget is decided by within a second, at the same version in every process (L74)."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import redis
from sqlalchemy import Engine, text

from backend.core.reasons import NoBidReason
from backend.jobs.budgets import BudgetsJob
from backend.jobs.loop import run_loop
from backend.main.worker import BUDGETS_SECONDS
from backend.serving.decision import AdRequest, Decision, NoBid
from backend.serving.forecasting.service import ForecastService
from backend.serving.sync.service import BudgetSync
from bench.app import CHAIN_ID, Wiring, unwire, wire
from bench.market import Market


def now() -> int:
    return time.time_ns() // 1_000_000


class Two:
    """Two deciding processes on one market, each with a memory of its own."""

    def __init__(self, engine: Engine, client: redis.Redis, market: Market, wirings: list[Wiring]) -> None:
        self.engine, self.market, self.wirings = engine, market, wirings
        self.budgets = BudgetSync(engine, client, CHAIN_ID)
        self.campaign = market.campaign(1, 1_000_000)
        self.item = market.line_item(self.campaign, 5_000)
        self.placement = market.placement(market.world(1), floor_micro_usdc=1_000)

    def change(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement))

    async def answer(self, *, sync: bool = False) -> dict[str, int] | int:
        """What both say after a refresh: the price, or the reasons; they must agree, in the version too."""
        if sync:
            self.budgets.sync(now())
        answers, versions = [], set()
        for number, wiring in enumerate(self.wirings):
            market = wiring.feed.refresh(now())
            versions.add((market.version, market.budgets))
            random = time.time_ns().to_bytes(10, "big") + bytes([number] * 8)
            answer = await wiring.decisions.decide(AdRequest(self.placement, "viewer-key"), now(), random)
            assert answer.version == market.version
            if isinstance(answer, NoBid):
                answers.append({reason.value: n for reason, n in answer.reasons.items()})
            else:
                assert isinstance(answer, Decision)
                answers.append(answer.facts.price_micro_usdc)
        assert len(versions) == 1
        assert answers[0] == answers[1]
        return answers[0]


@pytest.fixture
async def two(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str, redis_client: redis.Redis
) -> AsyncIterator[Two]:
    market = Market(fresh_engine, fresh_database_url, CHAIN_ID)
    wirings = [wire(fresh_database_url, redis_url) for _ in range(2)]
    yield Two(fresh_engine, redis_client, market, wirings)
    for one in wirings:
        await unwire(one)


async def test_refresh__whatever_changes__both_decide_by_it_at_one_version(two: Two) -> None:
    """L74: terms, status and blocks of both sides, and money."""
    assert await two.answer(sync=True) == 1_000
    first = two.wirings[0].feed.current(now()).version
    for statement, expected in (
        ("update line_item set bid_micro_usdc = 10", {"below_floor": 1}),
        ("update placement set floor_micro_usdc = 5", 5),
        ("update line_item set status = 'paused'", {"line_item_paused": 1}),
        ("update line_item set status = 'active'", 5),
        ("update campaign set frozen = true", {"campaign_inactive": 1}),
        ("update campaign set frozen = false", 5),
        ("update world set category = 'art'", 5),
        ("insert into publisher_block (publisher_index, kind, value) values (1, 'category', 'other')",
         {"blocked_by_publisher": 1}),
        ("delete from publisher_block", 5),
        ("update creative set status = 'withdrawn'", {"no_creative": 1}),
        ("update creative set status = 'approved'", 5),
        ("update line_item set ends_at = now() - interval '1 second', starts_at = now() - interval '1 hour'", {}),
        ("update line_item set ends_at = now() + interval '1 hour'", 5),
        ("update campaign set status = 'ended'", {}),
        ("update campaign set status = 'active'", 5),
    ):
        two.change(statement)
        assert await two.answer() == expected, statement
    assert two.wirings[0].feed.current(now()).version == first + 15
    two.change("update chain_campaign set deposited = 0")
    assert await two.answer(sync=True) == {"not_funded": 1}
    two.change("update chain_campaign set deposited = 1000000, active = false")
    assert await two.answer(sync=True) == {"campaign_inactive": 1}
    two.change("update chain_campaign set active = true")
    assert await two.answer(sync=True) == 5


async def test_refresh__a_rival_comes_and_goes__price_follows(two: Two) -> None:
    await two.answer(sync=True)
    rival = two.market.line_item(two.market.campaign(2, 1_000_000), 3_000)
    assert await two.answer(sync=True) == 3_000
    two.change(f"delete from creative where line_item_id = {rival}")
    two.change(f"delete from line_item where id = {rival}")
    assert await two.answer() == 1_000


async def test_refresh__advertiser_and_publisher_come_to_belong_together__not_sold_and_not_forecast(two: Two) -> None:
    """L74, whatever sells: by auction and by deal. Of the members' roles, see test_own_accounts.py."""
    advertiser, publisher, own = f"0x{1:040x}", f"0xf{1:039x}", {NoBidReason.OWN_CAMPAIGN.value: 1}
    join = "insert into member (account, wallet, role) values"
    forecasts = ForecastService(two.engine, two.wirings[0].feed.newest)
    two.change("insert into organisation (wallet, name, advertiser, publisher)"
               f" values ('{advertiser}', 'a', true, false), ('{publisher}', 'p', false, true)")
    assert await two.answer(sync=True) == 1_000
    item = two.wirings[0].feed.newest(now()).line_items[0]
    for change, expected in (
        (f"{join} ('{advertiser}', '{publisher}', 'reporter')", own),
        ("delete from member", 1_000),
        (f"{join} ('{publisher}', '{advertiser}', 'manager')", own),
        ("insert into deal (placement_id, publisher, advertiser, line_item_id, name, price_kind, price_micro_usdc,"
         f" status, decided_at) values ({two.placement}, '{publisher}', '{advertiser}', {two.item}, 'd', 'fixed', 4000,"
         " 'accepted', now())", own),
        ("delete from member", 4_000),
        (f"{join} ('{publisher}', '0xagency', 'manager'), ('{advertiser}', '0xagency', 'manager')", 4_000),
        (f"update member set role = 'owner' where account = '{publisher}'", own),
    ):
        two.change(change)
        assert await two.answer() == expected, change
        assert forecasts.outlook(item).placements == (0 if expected == own else 1)


async def test_refresh__redis_forgets__unknown_until_the_books_are_told_again(two: Two) -> None:
    """L74, L31."""
    await two.answer(sync=True)
    two.wirings[0].client.flushdb()
    assert await two.answer() == {NoBidReason.BUDGET_UNKNOWN.value: 1}
    assert await two.answer(sync=True) == 1_000


async def test_refresh__held_by_open_holds__both_are_told_and_nobody_tries(two: Two) -> None:
    """A hint as good as the books: the hold script need not say no."""
    two.change("update chain_campaign set deposited = 2000")
    assert await two.answer(sync=True) == 1_000
    assert await two.answer(sync=True) == {NoBidReason.BUDGET.value: 1}
    assert [wiring.decisions._shelf._moment.blocked for wiring in two.wirings] == [{}, {}]    # type: ignore[union-attr]


async def test_refresh__changes_that_fail_to_be_taken_over__everything_is_read_again(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two.answer(sync=True)
    two.change("update placement set floor_micro_usdc = 2000")
    for wiring in two.wirings:
        with monkeypatch.context() as patch:
            patch.setattr(wiring.feed._compiler, "patch", lambda _changed: 1 // 0)
            with pytest.raises(ZeroDivisionError):
                wiring.feed.refresh(now())
    assert await two.answer() == 2_000


# --- with the loops of the real processes ---------------------------------------------------------------------------


async def test_loops__money_status_terms_or_members_of_one_in_a_thousand__decided_by_within_a_second(two: Two) -> None:
    """L74: pauses of both loops included. A machine that does other things may be late, but not again and again."""
    two.change("insert into organisation (wallet, name, advertiser, publisher)"
               " select owner, 'a', true, false from campaign")
    for statement in CROWD.split(";"):
        two.change(statement)
    BudgetSync(two.engine, two.wirings[0].client, CHAIN_ID).sync(now())
    wiring = two.wirings[0]
    await wiring.decisions.start()
    with worker(two.engine, wiring.client):
        for off, on in (
            ("update chain_campaign set deposited = 0 where campaign = 1",
             "update chain_campaign set deposited = 1000000 where campaign = 1"),
            ("update line_item set status = 'paused' where id = 1",
             "update line_item set status = 'active' where id = 1"),
            ("update line_item set bid_micro_usdc = 1 where id = 1",
             "update line_item set bid_micro_usdc = 5000 where id = 1"),
            ("insert into member (account, wallet, role)"
             " select owner, wallet, 'reporter' from campaign, publisher where campaign.id = 1", "delete from member"),
        ):
            waits: list[float] = []
            while len(waits) < 40 and min(waits, default=9) >= 1:
                for change, sells in ((off, False), (on, True)):
                    waits.append(await waited(two, change, sells=sells))
            assert min(waits) < 1, (off, waits)
    await wiring.decisions.stop()


# Nine hundred and ninety-nine campaigns like the first one, that bid less.
CROWD = """
insert into chain_campaign (
    chain_id, campaign, owner, meta, deposited, withdrawn, reserved, reserved_executable_at, reserved_after_epoch,
    debited, remaining, active, epoch_cap, epoch_cap_from, opened_number
)
select chain_id, n, 'crowd', '0x' || lpad(to_hex(n), 64, '0'), deposited, 0, 0, 0, 0, 0, remaining, true, 0, 0, 1
  from chain_campaign, generate_series(2, 1000) n;
insert into campaign (owner, name, category, meta, status)
select 'crowd', name, category, '0x' || lpad(to_hex(n), 64, '0'), status from campaign, generate_series(2, 1000) n;
insert into line_item (campaign_id, name, bid_kind, bid_micro_usdc, pacing, starts_at, ends_at, status, targeting)
select c.id, l.name, bid_kind, 2000, pacing, starts_at, ends_at, l.status, targeting
  from line_item l, campaign c where c.id <> l.campaign_id;
insert into creative (line_item_id, kind, width, height, asset_url, asset_sha256, click_url, status)
select l.id, kind, width, height, asset_url, asset_sha256, click_url, c.status
  from creative c, line_item l where l.id <> c.line_item_id
"""


@contextmanager
def worker(engine: Engine, client: redis.Redis) -> Iterator[None]:
    """The loop of `sightline worker` that copies budgets."""
    stop, job = threading.Event(), BudgetsJob(BudgetSync(engine, client, CHAIN_ID, metas_at_once=20))
    loop = threading.Thread(
        target=run_loop, args=("budgets", job.step, stop), kwargs={"idle_seconds": BUDGETS_SECONDS}
    )
    loop.start()
    try:
        yield
    finally:
        stop.set()
        loop.join()


async def waited(two: Two, change: str, *, sells: bool) -> float:
    """Seconds from the change to the first decision by it: the first line item wins, or it does not."""
    wiring, began = two.wirings[0], time.monotonic()
    await asyncio.to_thread(two.change, change)
    async with asyncio.timeout(30):
        while True:
            market = wiring.feed.current(now())
            random = time.time_ns().to_bytes(18, "big")
            answer = await wiring.decisions.decide(AdRequest(two.placement, f"viewer-{now()}"), now(), random)
            assert isinstance(answer, Decision)
            if (answer.facts.line_item == two.item) is sells:
                return time.monotonic() - began
            while wiring.feed.current(now()) is market:         # the next market is the event
                await asyncio.sleep(0.005)
