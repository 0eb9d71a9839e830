"""A site of real processes under load: PostgreSQL, Redis, `sightline serve` and `worker`; viewers who remember answers.

There is no chain: what the indexer would mirror is written into its tables, and the worker's settlement waits for a
node. Everything that ads and events need is there, and may be killed at any moment.
"""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis
from sqlalchemy import Engine, text

from backend.core.decision_token import DecisionToken, verify
from backend.core.events import BILLS
from backend.db.engine import make_engine
from backend.db.migrate import upgrade
from backend.demo.waiting import wait_for
from backend.ingest.store import STREAM
from backend.local import Child, Guard, ServerDied, Stack, remove_data, spawn_child, start_stack
from backend.local.child import wait_until
from backend.local.ports import LOOPBACK, free_port
from backend.local.postgres import psycopg_url, server_account
from backend.local.programs import PROJECT_ROOT
from bench.market import Market
from bench.processes import family

CHAIN_ID = 31_337
NOBODY = "http://127.0.0.1:9"           # the discard port: no node answers
TOKEN_KEY = bytes.fromhex("ab" * 32)
FLOOR, RICH_BID, POOR_BID = 1_000, 2_000, 5_000
CLICK_BID = 1_000_000                   # of a hundred views one is clicked: more than what the others bid for a view
RICH, POOR, CLICKS = 1, 2, 3            # campaigns: never used up; for a hundred impressions; pays for clicks
POOR_DEPOSIT = 100 * RICH_BID           # second price: each costs it what the rich one bids
SEEN = [[t_ms, 10_000, 400, 1_000 + t_ms % 7, True, True] for t_ms in range(0, 1_200, 100)]
BROWSER = {"User-Agent": "Mozilla/5.0", "Content-Type": "application/json"}
SECONDS_MAX = 90.0                     # of any wait; two busy cores take a fraction of it

CONTRACT = {"address": "0x" + "e5" * 20, "block": 1}
DEPLOYMENT = {
    "schema": 1, "chain_id": CHAIN_ID,
    "contracts": {"CampaignEscrow": CONTRACT, "PublisherPayout": CONTRACT, "MockUSDC": CONTRACT},
}

Key = tuple[str, str]                   # decision id, kind


class Site:
    """The servers and our processes, by name, each of which can be killed and started again."""

    def __init__(self, base: Path, stack: Stack, workers: int) -> None:
        self.base, self.stack = base, stack
        self.guard = Guard()
        self.servers = dict(stack.children)
        self.ours: dict[str, Child] = {}
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.engine: Engine = make_engine(stack.database_url, pool_size=2)
        self.redis = redis.Redis.from_url(stack.redis_url)
        self.placements: list[int] = []
        self._workers = workers
        self._started = 0

    def start(self, command: str) -> None:
        """`sightline serve` or `worker`."""
        self._started += 1
        self.ours[command] = spawn_child(
            [sys.executable, "-m", "backend.cli", command], env=self._settings(), cwd=PROJECT_ROOT, name=command,
            log_path=self.base / "logs" / f"{command}-{self._started}.log", guard=self.guard,
        )

    def kill(self, name: str) -> None:
        """SIGKILL to one of our processes with its children, or to a server."""
        child = self.ours.get(name) or self.servers[name]
        for pid in family(child.pid):
            kill(pid)
        child.wait(SECONDS_MAX)

    def kill_one_worker(self) -> int:
        """SIGKILL to one of the processes that answer for `serve`; its parent starts another."""
        victim = self.serving_pids()[0]
        kill(victim)
        return victim

    def serving_pids(self) -> list[int]:
        """Those children of `serve` that have its listening socket's traffic: Python processes of ours."""
        children = family(self.ours["serve"].pid)[1:]
        return [pid for pid in children if b"resource_tracker" not in command_of(pid)]

    def bring_back(self, name: str) -> None:
        """Start a server's command again, on its port and on whatever data is left."""
        deadline, old = time.monotonic() + SECONDS_MAX, self.servers[name]
        while True:
            try:
                child = spawn_child(
                    list(old._process.args), log_path=old.log_path, cwd=Path("/"), name=name, guard=self.guard,
                    env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(old.log_path.parent)},
                    account=server_account() if name == "postgres" else None,
                )
                wait_until(child, getattr(self, f"_{name.partition('-')[0]}_answers"), seconds_max=SECONDS_MAX)
                self.servers[name] = child
                return
            except ServerDied as error:
                if "in use" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def lose_the_disk_of_redis(self) -> None:
        """What `kill` has left of its data is gone."""
        for path in (self.base / "redis").iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def wait_for(self, what: str, probe: Callable[[], Any], seconds_max: float = SECONDS_MAX) -> Any:
        return wait_for(what, probe, seconds_max=seconds_max, poll_seconds=0.05)

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        with self.engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def drained(self) -> bool:
        """Whether every event is in SQL and the ledger has decided about it."""
        return not self.redis.xlen(STREAM) and not self.rows("select 1 from event where status = 'accepted' limit 1")

    def ready(self) -> bool:
        try:
            return "token" in httpx.post(
                f"{self.url}/v1/decisions", headers=BROWSER, timeout=30,
                json={"placement_id": self.placements[0], "viewer_key": "somebody who is early"},
            ).json()
        except (httpx.TransportError, ValueError):
            return False

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted((self.base / "logs").glob("*.log*")))

    def stop(self) -> None:
        for child in self.ours.values():
            child.terminate()
        for child in self.ours.values():
            try:
                child.wait(SECONDS_MAX)
            except TimeoutError:
                child.kill()
        self.redis.close()
        self.engine.dispose()
        self.stack.stop()
        self.guard.close()
        for child in self.servers.values():
            child.wait(SECONDS_MAX)         # those that were brought back

    def _postgres_answers(self) -> bool:
        try:
            psycopg.connect(psycopg_url(self.stack.database_url), connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True

    def _redis_answers(self) -> bool:
        try:
            return bool(self.redis.ping())
        except redis.RedisError:
            return False

    def _settings(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": self.stack.database_url, "REDIS_URL": self.stack.redis_url, "RPC_URL": NOBODY,
            "SIGHTLINE_DEPLOYMENT": str(self.base / "deployment.json"), "SIGHTLINE_DATA_DIR": str(self.base),
            "SIGHTLINE_PORT": str(self.port), "SIGHTLINE_HOST": LOOPBACK, "SIGHTLINE_PUBLIC_URL": self.url,
            "SIGHTLINE_TOKEN_KEY": TOKEN_KEY.hex(), "SIGHTLINE_OPERATOR_KEY": "0x" + "42" * 32,
            "SIGHTLINE_WORKERS": str(self._workers), "SIGHTLINE_RATE_LIMITS": "off",
            "SIGHTLINE_CATALOGUE_STALE_SECONDS": "600",             # a busy machine takes a while to start a server
            "SIGHTLINE_VIEWER_EVENTS_PER_MINUTE_MAX": "100000",     # so that nothing else stops what a test tries
        }


@contextmanager
def running_site(*, workers: int = 2, furnish: Callable[[Market, Site], None] | None = None) -> Iterator[Site]:
    """Everything started and the first ad shown. Stopped and deleted afterwards."""
    base = Path(tempfile.mkdtemp(prefix="sightline-load-"))
    base.chmod(0o755)       # PostgreSQL may run as another user than ours
    try:
        stack = start_stack(base, need=frozenset({"postgres", "redis"}), env={"PATH": os.environ["PATH"]})
        site = Site(base, stack, workers)
        try:
            upgrade(stack.database_url)
            (base / "deployment.json").write_text(json.dumps(DEPLOYMENT))
            (furnish or two_campaigns)(Market(site.engine, stack.database_url, CHAIN_ID), site)
            site.start("serve")
            site.start("worker")
            site.wait_for("the first ad", site.ready)
            yield site
        except BaseException:
            sys.stderr.write(site.logs()[-6_000:])
            raise
        finally:
            site.stop()
            remove_data(base)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def two_campaigns(market: Market, site: Site) -> None:
    """A rich campaign and one whose budget ends in the middle, on four boards of two publishers; on the last board

    a campaign that pays for clicks wins.
    """
    worlds = [market.world(publisher) for publisher in (1, 2)]
    site.placements = [market.placement(world, FLOOR) for world in worlds for _ in range(2)]
    for number, deposit, bid in ((RICH, 10**12, RICH_BID), (POOR, POOR_DEPOSIT, POOR_BID)):
        market.line_item(market.campaign(number, deposit), bid)
    last_board = json.dumps({"placements": site.placements[-1:]})
    market.line_item(market.campaign(CLICKS, 10**12), CLICK_BID, bid_kind="cpc", targeting=last_board)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b"resource_tracker"


@dataclass
class Account:
    """What viewers know of everything they ever sent, by decision and kind."""

    decided: dict[str, DecisionToken] = field(default_factory=dict)
    sent: Counter[Key] = field(default_factory=Counter)
    accepted: Counter[Key] = field(default_factory=Counter)
    dropped: dict[Key, Counter[str]] = field(default_factory=dict)
    requests: dict[str, list[Key]] = field(default_factory=dict)    # the events in each, by X-Request-Id
    answers: Counter[str] = field(default_factory=Counter)
    refused: set[str] = field(default_factory=set)                  # viewers who were, by the names of their tasks
    broken: int = 0                                                 # requests that nobody answered


class Crowd:
    """Viewers who ask for ads, see them, click on a third, and repeat whatever was not answered with success.

    They do it as fast as they can, or look around for `look_seconds` after each four ads.
    """

    def __init__(self, site: Site, viewers: int = 6, seed: int = 1, look_seconds: float = 0) -> None:
        self.account = Account()
        self._site, self._viewers, self._dice = site, viewers, random.Random(seed)
        self._name, self._numbers = f"crowd-{id(self)}", count(1)
        self._look_seconds = look_seconds
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="crowd")

    @property
    def taken_in(self) -> int:
        """Events that were acknowledged as accepted."""
        return self.account.accepted.total()

    def __enter__(self) -> "Crowd":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(SECONDS_MAX)

    def wait_for(self, what: str, probe: Callable[[], Any]) -> Any:
        found = self._site.wait_for(what, lambda: self._failure or probe())
        if self._failure:
            raise self._failure
        return found

    def go_on(self, events: int) -> None:
        """Until so many more events were taken in."""
        known = self.taken_in
        self.wait_for(f"{events} more events", lambda: self.taken_in >= known + events)

    def all_refused(self) -> None:
        """Until each of them was refused once more: then nobody has an answer from before any more to come."""
        self.account.refused.clear()
        self.wait_for("everybody to be refused", lambda: len(self.account.refused) == self._viewers)

    def finish(self) -> Account:
        """No more ads; whatever is under way is repeated until it is taken in."""
        self._stop.set()
        self._thread.join(SECONDS_MAX)
        if self._failure:
            raise self._failure
        assert not self._thread.is_alive(), "viewers wait for an answer"
        return self.account

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as error:
            self._failure = error

    async def _all(self) -> None:
        limits = httpx.Limits(max_keepalive_connections=self._viewers)
        async with httpx.AsyncClient(base_url=self._site.url, headers=BROWSER, timeout=30, limits=limits) as client:
            await asyncio.gather(*(self._viewer(client, number) for number in range(self._viewers)))

    async def _viewer(self, client: httpx.AsyncClient, number: int) -> None:
        placements, seen = self._site.placements, 0
        while not self._stop.is_set():
            decisions: dict[str, str] = {}
            for _ in range(4):
                seen += 1
                viewer = f"viewer {id(self)} {number} {seen}"
                body = {"placement_id": self._dice.choice(placements), "viewer_key": viewer}
                answer = await self._post(client, "/v1/decisions", body, give_up=True)
                if answer and "token" in answer:
                    decisions[answer["decision_id"]] = answer["token"]
                    self.account.decided[answer["decision_id"]] = verify(answer["token"], TOKEN_KEY)
            await self._report(client, [(one, "viewable", token) for one, token in decisions.items()])
            clicked = [(one, "click", token) for one, token in decisions.items() if self._dice.random() < 0.3]
            again = [(one, "viewable", token) for one, token in decisions.items() if self._dice.random() < 0.1]
            await self._report(client, clicked + again)
            await asyncio.sleep(self._look_seconds)

    async def _report(self, client: httpx.AsyncClient, events: list[tuple[str, str, str]]) -> None:
        """Send until there is a verdict for each; one that was sent before and never answered may be a replay."""
        if not events:
            return
        account = self.account
        reports = [
            {"kind": kind, "token": token} | ({"samples": SEEN} if kind == "viewable" else {})
            for _, kind, token in events
        ]

        def sending(name: str) -> None:
            account.requests[name] = [event[:2] for event in events]
            account.sent.update(account.requests[name])

        answer = await self._post(client, "/v1/events", {"events": reports}, sending=sending)
        for (decision, kind, _), verdict in zip(events, answer["results"], strict=True):
            if verdict["status"] == "accepted":
                account.accepted[decision, kind] += 1
            else:
                account.dropped.setdefault((decision, kind), Counter())[verdict["reason"]] += 1

    async def _post(
        self, client: httpx.AsyncClient, path: str, body: Mapping[str, object], *, give_up: bool = False,
        sending: Callable[[str], None] = lambda name: None,
    ) -> Any:
        """The body of a success, however often it takes; with `give_up` None once nobody is to ask any more."""
        while True:
            name = f"{self._name}-{next(self._numbers)}"
            sending(name)
            try:
                answer = await client.post(path, json=body, headers={"X-Request-Id": name})
            except httpx.TransportError:
                self.account.broken += 1
                answer = None
            if answer is not None and answer.is_success:
                return answer.json()
            if answer is not None:
                self.account.answers[f"{answer.status_code} {answer.json()['code']}"] += 1
                if task := asyncio.current_task():
                    self.account.refused.add(task.get_name())
            if give_up and self._stop.is_set():
                return None
            await asyncio.sleep(0.1)


def check_books(
    site: Site, account: Account, lost: frozenset[Key] = frozenset(), repeated: Mapping[Key, int] | None = None,
) -> dict[str, int]:
    """L24, L25, L32, L33: what was acknowledged is posted once or dropped with its reason, and charged just so.

    `lost`: what may be gone with the disk of Redis. `repeated`: how often a balancer sent an event again by itself.
    Gives what was counted.
    """
    site.wait_for("all events to be decided", site.drained)
    events = {
        (decision, kind): (status, price, campaign, count, amount)
        for decision, kind, status, price, campaign, count, amount in site.rows(
            "select e.decision_id, e.kind, e.status, e.price_micro_usdc, e.chain_campaign, count(t.id),"
            " coalesce(sum(t.amount_micro_usdc), 0) from event e"
            " left join ledger_transfer t on t.event_id = e.event_id and t.kind = 'charge' group by e.event_id"
        )
    }
    dropped: dict[Key, Counter[str]] = {}
    for decision, kind, reason, n in site.rows(
        "select decision_id, kind, reason, count(*) from dropped_event where decision_id is not null group by 1, 2, 3"
    ):
        dropped.setdefault((decision, kind), Counter())[reason] = n
    acknowledged = set(account.accepted)
    missing = {key for key in acknowledged - events.keys() if not dropped.get(key)}
    assert missing <= lost, f"{len(missing - lost)} acknowledged events are nowhere"
    mine = {key for key in events if key[0] in account.decided}
    assert mine <= set(account.sent), "events that nobody sent"
    _check_copies(account, mine, dropped, lost, repeated or {})
    for key, (status, price, _, charges, amount) in events.items():
        billed = status == "billed"
        assert (charges, int(amount)) == ((1, price) if billed else (0, 0)), f"{key}: {status}, {charges} charges"
        assert status in ("billed", "unpaid", "dropped"), f"{key} is {status}"
        if facts := account.decided.get(key[0]):
            assert price == (facts.price_micro_usdc if BILLS[facts.bid_kind] == key[1] else 0)
    return _check_money(site, events) | {"events": len(events), "lost": len(missing)}


def _check_copies(
    account: Account, mine: set[Key], dropped: Mapping[Key, Counter[str]], lost: frozenset[Key],
    repeated: Mapping[Key, int],
) -> None:
    """A row for each verdict that a viewer was told, and no more rows than workers were sent the event.

    With the disk of Redis go also verdicts about events that SQL has: those that were sent again.
    """
    for key in mine:
        rows = 1 + dropped.get(key, Counter()).total()
        told = account.accepted[key] + account.dropped.get(key, Counter()).total()
        sent = account.sent[key] + repeated.get(key, 0)
        assert told <= rows or lost, f"{key} was acknowledged {told} times, but has {rows} rows"
        assert rows <= sent, f"{key} was sent {sent} times, but has {rows} rows"


def _check_money(site: Site, events: Mapping[Key, tuple[Any, ...]]) -> dict[str, int]:
    """Campaigns were debited just what their events cost, and never more than they had."""
    charged: Counter[int] = Counter()
    for status, price, campaign, *_ in events.values():
        charged[campaign] += price if status == "billed" else 0
    accounts = dict(site.rows("select account, debits from ledger_account where account like 'campaign:%'"))
    assert {name: int(debits) for name, debits in accounts.items() if debits} == {
        f"campaign:{campaign}": amount for campaign, amount in charged.items() if amount
    }
    for campaign, deposited in site.rows("select campaign, deposited from chain_campaign"):
        assert charged[int(campaign)] <= deposited, f"campaign {campaign} was charged beyond its budget"
    debits, credits = site.rows("select sum(debits), sum(credits) from ledger_account")[0]
    assert debits == credits
    return {"charged_micro_usdc": charged.total()}
