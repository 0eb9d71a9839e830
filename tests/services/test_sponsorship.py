"""Hours of sponsorships: charged once, and only when the ad was served (L24, L33, L54)."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import redis
from conversions_kit import CHAIN_ID, PUBLISHER, SEEN, Shop, World, bill, decided, open_shop, prepare, rows
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, text

from backend.core.events import BidKind
from backend.core.shares import payee
from backend.core.sponsored_hour import HOUR_MS, hour_id
from backend.ingest.service import IngestConsumer
from backend.ledger.reversal.service import ReversalService
from backend.ledger.sponsorship.hours import hours_to_look_at
from backend.ledger.sponsorship.service import SponsorshipService
from backend.ledger.sponsorship.store import DeliveredHour, insert_hour, read_delivered
from backend.serving.decision import AdRequest, Decision
from backend.serving.sync.service import BudgetSync
from backend.serving.tally.service import TallyFlush
from bench.app import unwire, wire
from bench.market import Market

START_MS = int(datetime(2026, 11, 2, 10, tzinfo=UTC).timestamp() * 1_000)
PRICE = 2_000_000
MINUTE_MS = 60_000
OWNER = "0x" + "ad" * 20
FLAG = """
insert into traffic_flag (day, placement_id, publisher_index, level, rule, scope, ruleset)
values ('2026-11-02', 1, 5, 'viewer', 'test', 'all', '0x') returning id
"""


@pytest.fixture
def shop(fresh_database_url: str, fresh_engine: Engine) -> Shop:
    prepare(fresh_database_url)
    with fresh_engine.begin() as connection:
        return open_shop(connection, OWNER, kind=BidKind.SPONSORSHIP, price=PRICE)


def serve(engine: Engine, shop: Shop, at_ms: int, outcome: str = "decision", line_item: int | None = None) -> None:
    """An answer to an ad request, as it is counted."""
    with engine.begin() as connection:
        connection.execute(text(
            "insert into serving_tally (minute, placement_id, line_item_id, outcome, n) values "
            "(date_trunc('minute', to_timestamp(:at)), :placement, :item, :outcome, 3)"
        ), {"at": at_ms // 1_000, "placement": shop.placement, "item": line_item or shop.line_item, "outcome": outcome})


@pytest.fixture
def world(fresh_engine: Engine, redis_url: str, redis_client: redis.Redis) -> Iterator[World]:
    world = World(fresh_engine, redis_url)
    yield world
    world.close()


def see(world: World, shop: Shop, decided_ms: int, after_ms: int = 60_000, *, click: bool = False) -> str:
    """An ad is seen whose decision nobody has counted. Gives the id of the view."""
    token = decided(shop, decided_ms, decided_ms, BidKind.SPONSORSHIP, 0)
    world.show(token, at_ms=decided_ms + after_ms, click=click)
    return token.decision_id.hex() + "01"


def flag(connection: Connection, event_id: str) -> None:
    """As the watch over traffic does when an event is invalid."""
    flag_id = connection.execute(text(FLAG)).scalar_one()
    connection.execute(text("insert into flagged_event (event_id, flag_id) values (:id, :flag)"),
                       {"id": event_id, "flag": flag_id})


def delivered(engine: Engine) -> list[DeliveredHour]:
    with engine.connect() as connection:
        return read_delivered(connection, CHAIN_ID, START_MS, START_MS + HOUR_MS)


def booked(engine: Engine, database_url: str) -> int:
    """A placement that is sponsored for two hours, with money for three."""
    market = Market(engine, database_url, CHAIN_ID)
    placement = market.placement(market.world(4))
    begins = datetime.fromtimestamp(START_MS / 1_000, UTC)
    market.line_item(
        market.campaign(1, 3 * PRICE), PRICE, bid_kind="sponsorship", booked_placement_id=placement,
        targeting=f'{{"placements": [{placement}]}}', starts_at=begins, ends_at=begins + timedelta(hours=2),
    )
    return placement


def charged(engine: Engine) -> list[tuple[int, str]]:
    """(hours since START_MS, status) of every hour that has an event."""
    found = rows(engine, "select occurred_ms, status from event where kind = 'sponsored_hour' order by 1")
    return [((ms - START_MS) // HOUR_MS, status) for ms, status in found]


def test_charge__hour_with_an_ad__once_at_the_price_of_the_terms(shop: Shop, fresh_engine: Engine) -> None:
    """L54, L24."""
    serve(fresh_engine, shop, START_MS)
    serve(fresh_engine, shop, START_MS + 59 * MINUTE_MS)
    service = SponsorshipService(fresh_engine, CHAIN_ID)
    for now_ms in (START_MS + MINUTE_MS, START_MS + HOUR_MS, START_MS + 2 * HOUR_MS):
        service.charge_hours(now_ms)
        bill(fresh_engine)
    assert charged(fresh_engine) == [(0, "billed")]
    assert rows(fresh_engine, "select account, debits, credits from ledger_account order by 1") == [
        ("campaign:0", PRICE, 0), (f"earned:{PUBLISHER}", 0, PRICE),
    ]
    event = hour_id(CHAIN_ID, shop.line_item, START_MS).hex() + "04"
    assert rows(fresh_engine, "select event_id, bid_kind, placement_id, line_item_id from event") == [
        (event, "sponsorship", shop.placement, shop.line_item),
    ]
    assert rows(fresh_engine, "select spent_micro_usdc, day::text from line_item_spend") == [(PRICE, "2026-11-02")]


def test_charge__no_ad_in_an_hour__not_charged(shop: Shop, fresh_engine: Engine) -> None:
    """L54: refusals, other hours and other line items deliver nothing."""
    serve(fresh_engine, shop, START_MS)
    serve(fresh_engine, shop, START_MS + HOUR_MS, outcome="budget")
    serve(fresh_engine, shop, START_MS + 2 * HOUR_MS, line_item=shop.line_item + 1)
    serve(fresh_engine, shop, START_MS + 4 * HOUR_MS - 1)
    SponsorshipService(fresh_engine, CHAIN_ID).charge_hours(START_MS + 5 * HOUR_MS)
    assert [hour for hour, _ in charged(fresh_engine)] == [0, 3]


def test_charge__outside_its_dates_or_another_bid__not_charged(shop: Shop, fresh_engine: Engine) -> None:
    for hour in range(4):
        serve(fresh_engine, shop, START_MS + hour * HOUR_MS)
    service = SponsorshipService(fresh_engine, CHAIN_ID)
    with fresh_engine.begin() as connection:
        connection.execute(text("update line_item set starts_at = '2026-11-02 11:00Z', ends_at = '2026-11-02 13:00Z'"))
    service.charge_hours(START_MS + 4 * HOUR_MS)
    assert [hour for hour, _ in charged(fresh_engine)] == [1, 2]
    with fresh_engine.begin() as connection:
        connection.execute(text("update line_item set starts_at = '2026-11-02', bid_kind = 'vcpm'"))
    SponsorshipService(fresh_engine, CHAIN_ID).charge_hours(START_MS + 4 * HOUR_MS)
    assert [hour for hour, _ in charged(fresh_engine)] == [1, 2]


def test_charge__worker_was_away__hours_are_made_up_for(shop: Shop, fresh_engine: Engine) -> None:
    for hour in (0, 30, 71):
        serve(fresh_engine, shop, START_MS + hour * HOUR_MS)
    SponsorshipService(fresh_engine, CHAIN_ID).charge_hours(START_MS + 72 * HOUR_MS)
    assert [hour for hour, _ in charged(fresh_engine)] == [0, 30, 71]


def test_charge__budget_is_gone__dropped_and_never_charged_beyond_it(shop: Shop, fresh_engine: Engine) -> None:
    """L33."""
    with fresh_engine.begin() as connection:
        connection.execute(text("update chain_campaign set deposited = :some"), {"some": 2 * PRICE - 1})
    for hour in range(3):
        serve(fresh_engine, shop, START_MS + hour * HOUR_MS)
    SponsorshipService(fresh_engine, CHAIN_ID).charge_hours(START_MS + 2 * HOUR_MS)
    bill(fresh_engine)
    assert [status for _, status in charged(fresh_engine)] == ["billed", "dropped", "dropped"]
    assert rows(fresh_engine, "select reason, kind, count(*) from dropped_event group by 1, 2") == [
        ("budget_gone", "sponsored_hour", 2),
    ]


def test_charge__several_workers_at_once__one_event(shop: Shop, fresh_engine: Engine) -> None:
    """L24, L54."""
    for hour in range(24):
        serve(fresh_engine, shop, START_MS + hour * HOUR_MS)
    services = [SponsorshipService(fresh_engine, CHAIN_ID) for _ in range(4)]
    threads = [threading.Thread(target=one.charge_hours, args=(START_MS + 24 * HOUR_MS,)) for one in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert bill(fresh_engine) == 24
    assert rows(fresh_engine, "select debits from ledger_account where account = 'campaign:0'") == [(24 * PRICE,)]


def test_charge__counter_was_lost__a_view_proves_the_hour_of_its_decision_once(
    shop: Shop, world: World, fresh_engine: Engine
) -> None:
    """L24, L54: what a killed worker had counted is gone; the view came in the next hour, the counter came back."""
    see(world, shop, START_MS + HOUR_MS - 1, click=True)
    services = [SponsorshipService(fresh_engine, CHAIN_ID) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: one.charge_hours(START_MS + HOUR_MS + MINUTE_MS), services))
    assert charged(fresh_engine) == [(0, "accepted")]
    serve(fresh_engine, shop, START_MS)
    for service in services:
        service.charge_hours(START_MS + 2 * HOUR_MS)
        bill(fresh_engine)
    assert charged(fresh_engine) == [(0, "billed")]
    assert rows(fresh_engine, "select debits from ledger_account where account = 'campaign:0'") == [(PRICE,)]


def test_charge__view_was_stored_a_day_late__its_hour_is_charged_within_an_hour(
    shop: Shop, world: World, fresh_engine: Engine
) -> None:
    """L54: by a worker that has looked at that hour before, and found nothing."""
    service = SponsorshipService(fresh_engine, CHAIN_ID)
    for hour in (1, 29):
        service.charge_hours(START_MS + hour * HOUR_MS + MINUTE_MS)
    see(world, shop, START_MS)
    assert charged(fresh_engine) == []
    service.charge_hours(START_MS + 30 * HOUR_MS)
    assert charged(fresh_engine) == [(0, "accepted")]


def test_charge__views_that_count_for_nothing__prove_nothing(
    shop: Shop, world: World, fresh_engine: Engine
) -> None:
    """L54: flagged, dropped or invalid, of another line item or surface, or of an hour that was not booked."""
    flagged, invalid, dropped, foreign, elsewhere = (see(world, shop, START_MS + n * HOUR_MS) for n in range(5))
    see(world, shop, START_MS + 5 * HOUR_MS)
    changes = {
        invalid: "status = 'invalid'", dropped: "status = 'dropped'", foreign: "line_item_id = line_item_id + 1",
        elsewhere: "placement_id = placement_id + 1",
    }
    with fresh_engine.begin() as connection:
        flag(connection, flagged)
        for event_id, change in changes.items():
            connection.execute(text(f"update event set {change} where event_id = :id"), {"id": event_id})
        connection.execute(text("update line_item set ends_at = to_timestamp(:end)"),
                           {"end": START_MS // 1_000 + 5 * 3_600})
    SponsorshipService(fresh_engine, CHAIN_ID).charge_hours(START_MS + 6 * HOUR_MS)
    assert charged(fresh_engine) == []
    see(world, shop, START_MS + 1)
    SponsorshipService(fresh_engine, CHAIN_ID).charge_hours(START_MS + 6 * HOUR_MS)
    assert charged(fresh_engine) == [(0, "accepted")]


def test_charge__only_view_is_flagged_afterwards__the_hour_was_delivered_and_stays_charged(
    shop: Shop, world: World, fresh_engine: Engine
) -> None:
    """L54, L85: a flag says who looked, not that nothing was shown; an hour with a counter stays charged as well."""
    view = see(world, shop, START_MS)
    SponsorshipService(fresh_engine, CHAIN_ID).charge_hours(START_MS + MINUTE_MS)
    bill(fresh_engine)
    with fresh_engine.begin() as connection:
        flag(connection, view)
    ReversalService(fresh_engine, CHAIN_ID).step()
    SponsorshipService(fresh_engine, CHAIN_ID).charge_hours(START_MS + HOUR_MS)
    bill(fresh_engine)
    assert rows(fresh_engine, "select kind, status from event order by 1") == [
        ("sponsored_hour", "billed"), ("viewable", "invalid"),
    ]
    assert rows(fresh_engine, "select debits, credits from ledger_account where account = 'campaign:0'") == [(PRICE, 0)]


# An index that is written before the unique ones, and waits: between PostgreSQL's look for a conflict and its write.
SLOW_INDEX = """
create function waits_for_a_signal(name text) returns text language plpgsql immutable as $$
begin
    if current_setting('application_name') = 'slow' then perform pg_advisory_xact_lock(77); end if;
    return name;
end $$;
alter table event drop constraint event_pkey, drop constraint event_stream_position;
create index event_slow on event (waits_for_a_signal(event_id));
alter table event add constraint event_pkey primary key (event_id),
                  add constraint event_stream_position unique (stream_id, stream_index);
"""


def test_charge__hour_is_stored_while_another_worker_writes_it__one_event_and_no_error(
    shop: Shop, fresh_engine: Engine
) -> None:
    """L24, L54: the second worker has looked for a conflict and found none when the first one commits."""
    serve(fresh_engine, shop, START_MS)
    slow = create_engine(fresh_engine.url, connect_args={"application_name": "slow"})
    with fresh_engine.begin() as connection:
        connection.execute(text(SLOW_INDEX))
    with ThreadPoolExecutor(1) as pool, fresh_engine.connect() as holder:
        holder.execute(text("select pg_advisory_lock(77)"))
        second = pool.submit(SponsorshipService(slow, CHAIN_ID).charge_hours, START_MS + HOUR_MS)
        waiting = "select 1 from pg_stat_activity where application_name = 'slow' and wait_event = 'advisory'"
        deadline = time.monotonic() + 60
        while not rows(fresh_engine, waiting):
            assert time.monotonic() < deadline
        SponsorshipService(fresh_engine, CHAIN_ID).charge_hours(START_MS + HOUR_MS)
        holder.execute(text("select pg_advisory_unlock(77)"))
        assert second.result(30) is False
    slow.dispose()
    assert charged(fresh_engine) == [(0, "accepted")]


def test_charge__another_worker_is_at_the_second_hour__the_first_one_is_stored_already(
    shop: Shop, fresh_engine: Engine
) -> None:
    """L24: who waits for one hour's event holds no other, nor the count of all, so nobody waits in a circle."""
    for hour in range(2):
        serve(fresh_engine, shop, START_MS + hour * HOUR_MS)
    (_, hour), name = delivered(fresh_engine), hour_id(CHAIN_ID, shop.line_item, START_MS + HOUR_MS).hex()
    with ThreadPoolExecutor(1) as pool, fresh_engine.connect() as other:
        other.execute(text("set local session_replication_role = replica"))      # no triggers: it has not counted yet
        insert_hour(other, hour, name, PUBLISHER, START_MS)
        one = pool.submit(SponsorshipService(fresh_engine, CHAIN_ID).charge_hours, START_MS + 2 * HOUR_MS)
        deadline = time.monotonic() + 60
        while charged(fresh_engine) != [(0, "accepted")]:
            assert time.monotonic() < deadline
        other.commit()
        assert one.result(60) is False
    assert charged(fresh_engine) == [(0, "accepted"), (1, "accepted")]


def test_charge__shares_of_the_placement__each_hour_pays_one_of_them(shop: Shop, fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        connection.execute(text("insert into publisher (index, wallet, payout_mode) values (6, '0x6', 'auto')"))
        connection.execute(text("insert into placement_share (placement_id, publisher_index, basis_points) "
                                "values (:id, 5, 5000), (:id, 6, 5000)"), {"id": shop.placement})
    for hour in range(24):
        serve(fresh_engine, shop, START_MS + hour * HOUR_MS)
    SponsorshipService(fresh_engine, CHAIN_ID).charge_hours(START_MS + 24 * HOUR_MS)
    paid = rows(fresh_engine, "select decision_id, publisher_index from event")
    assert {index for _, index in paid} == {5, 6}
    assert all(payee(((5, 5_000), (6, 5_000)), bytes.fromhex(name)) == index for name, index in paid)


async def test_charge__hour_that_serving_held__held_and_charged_under_one_name(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str, redis_client: redis.Redis
) -> None:
    """L31, L54: from the ad request to the ledger; the hold goes when the charge is there."""
    placement = booked(fresh_engine, fresh_database_url)
    wiring, budgets = wire(fresh_database_url, redis_url), BudgetSync(fresh_engine, redis_client, CHAIN_ID)
    budgets.sync(START_MS)
    wiring.feed.refresh(START_MS)
    for number in range(3):
        ad = await wiring.decisions.decide(AdRequest(placement, "viewer-key"), START_MS + 5, bytes([number] * 18))
        assert isinstance(ad, Decision)
    assert redis_client.hget("sl:{1}:held", "campaign") == str(PRICE).encode()
    await wiring.decisions.flush()
    TallyFlush(fresh_engine, redis_client).flush(START_MS + 6)
    SponsorshipService(fresh_engine, CHAIN_ID).charge_hours(START_MS + 10)
    assert bill(fresh_engine) == 1
    budgets.sync(START_MS + 20)
    assert charged(fresh_engine) == [(0, "billed")]
    assert (redis_client.hgetall("sl:{1}:held"), redis_client.zcard("sl:{1}:holds")) == ({}, 0)
    assert redis_client.hget("sl:{1}:base", "campaign") == str(2 * PRICE).encode()
    await unwire(wiring)


async def test_charge__worker_died_with_its_counters__the_held_hour_is_charged_by_the_view(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str, redis_client: redis.Redis
) -> None:
    """L31, L54: from the ad request to the ledger, with nothing that the worker kept in its memory."""
    placement = booked(fresh_engine, fresh_database_url)
    wiring, budgets = wire(fresh_database_url, redis_url), BudgetSync(fresh_engine, redis_client, CHAIN_ID)
    budgets.sync(START_MS)
    wiring.feed.refresh(START_MS)
    ad = await wiring.decisions.decide(AdRequest(placement, "viewer-key"), START_MS + 5, bytes(18))
    assert isinstance(ad, Decision)
    body = msgspec.json.encode({"events": [{"kind": "viewable", "token": ad.token, "samples": SEEN}]})
    assert await wiring.ingest.accept(body, START_MS + 2_000, "Mozilla/5.0") == [None]
    await unwire(wiring)        # as after kill -9: nothing is flushed
    TallyFlush(fresh_engine, redis_client).flush(START_MS + 3_000)
    consumer = IngestConsumer(fresh_engine, redis_client)
    while consumer.consume():
        pass
    SponsorshipService(fresh_engine, CHAIN_ID).charge_hours(START_MS + 3_000)
    assert bill(fresh_engine) == 2
    budgets.sync(START_MS + 4_000)
    assert rows(fresh_engine, "select count(*) from serving_tally") == [(0,)]
    assert charged(fresh_engine) == [(0, "billed")]
    assert (redis_client.hgetall("sl:{1}:held"), redis_client.zcard("sl:{1}:holds")) == ({}, 0)
    assert redis_client.hget("sl:{1}:base", "campaign") == str(2 * PRICE).encode()


async def test_serve__hour_that_nobody_can_pay__two_workers_at_once_both_refuse(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str, redis_client: redis.Redis
) -> None:
    """L31, L54: nobody takes an hour for held because another has begun to hold it."""
    market = Market(fresh_engine, fresh_database_url, CHAIN_ID)
    placement = market.placement(market.world(4))
    now_ms = time.time_ns() // 1_000_000        # Redis ends keys by its own clock
    begins = datetime.fromtimestamp((now_ms - HOUR_MS) / 1_000, UTC)
    market.line_item(
        market.campaign(1, PRICE - 1), PRICE, bid_kind="sponsorship", booked_placement_id=placement,
        targeting=f'{{"placements": [{placement}]}}', starts_at=begins, ends_at=begins + timedelta(hours=3),
    )
    BudgetSync(fresh_engine, redis_client, CHAIN_ID).sync(now_ms)
    wirings = [wire(fresh_database_url, redis_url) for _ in range(2)]
    for wiring in wirings:
        wiring.feed.refresh(now_ms)
        await wiring.resp.call("PING")
    answers = await asyncio.gather(*(
        wiring.decisions.decide(AdRequest(placement, "viewer-key"), now_ms, bytes([number] * 18))
        for number, wiring in enumerate(wirings)
    ))
    assert [isinstance(answer, Decision) for answer in answers] == [False, False]
    assert redis_client.zcard("sl:{1}:holds") == 0
    for wiring in wirings:
        await unwire(wiring)


HOURS = st.integers(0, 10**6).map(lambda hour: hour * HOUR_MS)


@given(st.integers(0, 2**63), st.integers(1, 2**63), HOURS, st.integers(1, 2**63), HOURS)
def test_hour_id__two_hours__the_same_id_only_for_the_same_hour(
    chain_id: int, item: int, hour: int, other_item: int, other_hour: int
) -> None:
    """L54: the name decides that an hour is charged once."""
    one = hour_id(chain_id, item, hour)
    assert (one == hour_id(chain_id, other_item, other_hour)) == ((item, hour) == (other_item, other_hour))
    assert int.from_bytes(one[:6], "big") == hour


@given(st.lists(st.integers(1, 5 * HOUR_MS), min_size=1, max_size=40), st.integers(5, 72))
def test_hours_to_look_at__passes_at_most_hours_apart__no_hour_is_missed(steps: list[int], hours_back: int) -> None:
    """L54: whatever the pauses, an hour is looked at again after it ended."""
    now_ms, looked_at_ms, done = START_MS, None, set()
    for step in steps:
        first, last = hours_to_look_at(now_ms, looked_at_ms, hours_back)
        done |= set(range(first, min(last, now_ms - HOUR_MS) + 1, HOUR_MS))
        looked_at_ms, now_ms = now_ms, now_ms + step
    over = range(START_MS, looked_at_ms - looked_at_ms % HOUR_MS if looked_at_ms else 0, HOUR_MS)
    assert set(over) <= done
