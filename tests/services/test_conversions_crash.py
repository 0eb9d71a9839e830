"""The worker and the API are killed with SIGKILL while conversions come in from everywhere; each is charged once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from conversions_kit import PRICE, TOKEN_KEY, World, decided, name_of, open_shop, prepare, rows, signed
from redis import Redis
from shop_contract import EVENT, ShopContract
from sqlalchemy import Engine, text

from backend.conversions.client import LogReader
from backend.conversions.goal import GoalKind, GoalTerms
from backend.conversions.service import GoalService
from backend.core.click_id import reference
from backend.core.events import BidKind
from backend.core.ids import Address, CampaignId
from backend.core.sponsored_hour import HOUR_MS
from backend.db.ledger import check_balanced
from backend.local import rpc

OWNER = Address("0x" + "ad" * 20)
POSTBACKS, LOGS, HOURS = 40, 20, 12
CONFIRMATIONS = 2
KILLS = 12
REPORTS_PER_LIFE = 40       # half of them, which are delivered from the first one on: there is always work to interrupt
SECONDS_MAX = 180

# Everything that happens to a conversion, step after step, as fast as it goes: shops that deliver again and again what
# was not acknowledged, and the worker's jobs. Small batches, so that there is something to interrupt. A line of input
# forks another process, whose id is answered; it says after how many reports that one does nothing more (0: never).
WORKERS = """
import json, os, signal, sys, time, redis
from backend.conversions.client import LogReader
from backend.conversions.service import ChainConversions, PostbackService, WaitingConversions
from backend.db.engine import make_engine
from backend.ingest.service import IngestConsumer
from backend.ledger.service import LedgerService
from backend.ledger.sponsorship.service import SponsorshipService
import backend.conversions.service as conversions
database_url, redis_url, rpc_url, key, folder, chain_id, confirmations = sys.argv[1:]
conversions.BLOCKS_MAX = 2
conversions.WAITING_MS = 0


def work(reports_max):
    engine, client = make_engine(database_url, pool_size=2), redis.Redis.from_url(redis_url)
    ingest = IngestConsumer(engine, client, entries_per_step=1)
    postbacks = PostbackService(engine, client, bytes.fromhex(key), 120)
    waiting = WaitingConversions(engine, client, 120)
    chain = ChainConversions(engine, client, LogReader(rpc_url), int(confirmations))
    sponsorship = SponsorshipService(engine, int(chain_id))
    ledger = LedgerService(engine, int(chain_id))
    reports = json.load(open(folder + "/postbacks.json"))
    reported = 0
    while True:
        for body, headers in reports:
            while reported == reports_max > 0:
                signal.pause()
            reported += 1
            postbacks.receive(body.encode(), headers["Sightline-Timestamp"], headers["Sightline-Signature"])
            ingest.consume()
            ledger.bill(3)
            chain.step()
            waiting.settle()
            sponsorship.charge_hours(time.time_ns() // 1_000_000)


signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    child = os.fork()
    if not child:
        work(int(line))
    print(child, flush=True)
"""


class Processes:
    """Two workers at once, forked from one parent; `kill` ends one of them without warning and starts another."""

    def __init__(self, *arguments: str) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-c", WORKERS, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._running = [self._start(REPORTS_PER_LIFE) for _ in range(2)]

    def kill(self, place: int, reports_max: int = REPORTS_PER_LIFE) -> None:
        self._end(self._running[place])
        self._running[place] = self._start(reports_max)

    def close(self) -> None:
        for process in self._running:
            self._end(process)
        self._parent.communicate()

    def _end(self, process: int) -> None:
        with suppress(ProcessLookupError):      # it died of something else; the books will tell
            os.kill(process, signal.SIGKILL)

    def _start(self, reports_max: int) -> int:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(f"{reports_max}\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())


@pytest.fixture
def processes(
    fresh_database_url: str, fresh_engine: Engine, redis_client: Redis, redis_url: str, rpc_url: str, tmp_path: Path
) -> Iterator[Processes]:
    """A shop with orders from its server, mints from its contract and a sponsorship; all waits to be counted."""
    prepare(fresh_database_url)
    now_ms = time.time_ns() // 1_000_000
    contract = ShopContract(rpc_url)
    reader = LogReader(rpc_url)
    goals = GoalService(fresh_engine, TOKEN_KEY, reader, CONFIRMATIONS)
    with fresh_engine.begin() as connection:
        shop = open_shop(connection, OWNER, funded=1_000 * PRICE)
        sponsor = open_shop(connection, OWNER, 1, kind=BidKind.SPONSORSHIP, funded=1_000 * PRICE)
        connection.execute(text(
            "insert into serving_tally (minute, placement_id, line_item_id, outcome, n) "
            "select date_trunc('hour', to_timestamp(cast(:now as bigint) / 1000)) - n * interval '1 hour', "
            ":placement, :item, 'decision', 1 from generate_series(0, :last) n"
        ), {"now": now_ms, "placement": sponsor.placement, "item": sponsor.line_item, "last": HOURS - 1})
        connection.execute(text("update line_item set starts_at = '2020-01-01', ends_at = '2099-01-01'"))
    campaign = CampaignId(shop.campaign)
    orders = goals.create(OWNER, campaign, GoalTerms("Orders", GoalKind.POSTBACK, 7, repeatable=True))
    goals.create(OWNER, campaign, GoalTerms("Mints", GoalKind.ON_CHAIN, 7, contract=contract.address, event=EVENT))
    tokens = [decided(shop, number, now_ms - 5_000) for number in range(POSTBACKS + LOGS)]
    world = World(fresh_engine, redis_url)
    for start in range(0, len(tokens), 5):
        world.report(*tokens[start : start + 5], at_ms=now_ms)
    secret, goal = str(orders.secret), orders.goal.id
    reports = [
        signed(secret, now_ms // 1_000, goal_id=goal, click_id=name_of(token), order_id=f"{number}-{again}")
        for number, token in enumerate(tokens[:POSTBACKS]) for again in range(2)
    ]
    (tmp_path / "postbacks.json").write_bytes(msgspec.json.encode([(body.decode(), head) for body, head in reports]))
    rpc(rpc_url, "evm_increaseTime", 60)
    for token in tokens[POSTBACKS:]:
        contract.log(reference(name_of(token)))
    rpc(rpc_url, "anvil_mine", hex(CONFIRMATIONS))
    reader.close()
    world.close()
    running = Processes(
        fresh_database_url, redis_url, rpc_url, TOKEN_KEY.hex(), str(tmp_path), "31337", str(CONFIRMATIONS)
    )
    yield running
    running.close()


def charges(engine: Engine) -> dict[str, int]:
    """Charged events by kind."""
    found = rows(engine, "select kind, count(*) from event where status = 'billed' group by kind")
    return {kind: int(n) for kind, n in found}


def test_conversions__killed_at_random__each_charged_exactly_once(
    fresh_engine: Engine, processes: Processes
) -> None:
    """L24, L32, L53, L54: postbacks, logs and hours, by two workers that die again and again."""
    dice = random.Random(54)
    expected = {"conversion": POSTBACKS + LOGS, "sponsored_hour": HOURS}
    states = """select kind, state, count(*) from conversion join conversion_goal goal on goal.id = goal_id
                 group by 1, 2 order by 1"""
    counted = [("on_chain", "counted", LOGS), ("postback", "counted", 2 * POSTBACKS)]   # every second one is for free
    interrupted = 0
    for _ in range(KILLS):
        time.sleep(dice.uniform(0.02, 0.15))         # the moment of the crash is the experiment
        processes.kill(dice.randrange(2))
        interrupted += charges(fresh_engine) != expected
    assert interrupted > 1, "the kills came when there was nothing left to do"
    for place in range(2):
        processes.kill(place, 0)
    deadline = time.monotonic() + SECONDS_MAX
    while charges(fresh_engine) != expected or rows(fresh_engine, states) != counted:
        assert time.monotonic() < deadline, charges(fresh_engine)
        time.sleep(0.02)
    assert rows(fresh_engine, "select account, debits, credits from ledger_account order by 1") == [
        ("campaign:0", (POSTBACKS + LOGS) * PRICE, 0), ("campaign:1", HOURS * PRICE, 0),
        ("earned:5", 0, (POSTBACKS + LOGS + HOURS) * PRICE),
    ]
    assert rows(fresh_engine, "select count(*), count(distinct event_id) from ledger_transfer") == [
        (POSTBACKS + LOGS + HOURS, POSTBACKS + LOGS + HOURS),
    ]
    hours = rows(fresh_engine, "select count(distinct occurred_ms % :hour) from event where kind = 'sponsored_hour'",
                 hour=HOUR_MS)
    assert hours == [(1,)]
    with fresh_engine.begin() as connection:
        check_balanced(connection)
