"""Load that goes on: at 70 % of what the machine can do nothing fails, no process grows, and the books are equal.

In `make test` a few seconds; `make soak` gives it SOAK_SECONDS (600) and prints the report.
"""

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import mean, median

import msgspec
import pytest
from load_kit import SEEN, Site, running_site
from pool_kit import Pool

from bench.processes import family, resident_mb

SECONDS = float(os.environ.get("SOAK_SECONDS", "0"))
SHORT_SECONDS, CAPACITY_SECONDS = 4.0, 3.0
SHARE = 0.7
CONNECTIONS, BATCH = 32, 20
CLICK_SHARE, REPEAT_SHARE = 0.1, 0.05
GROWTH_MAX, GROWTH_MB_MAX = 0.03, 8.0       # of a process from the middle third to the last, one or the other
JUDGED_SECONDS_MIN = 300.0                  # what is remembered for the two minutes of a token still grows before
DRAIN_SECONDS_MAX = 600.0
TELL_SECONDS = 10.0


@dataclass
class Tally:
    """What was answered."""

    decisions: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    waits_ms: list[float] = field(default_factory=list)

    @property
    def events(self) -> int:
        return self.verdicts.total()


class Traffic:
    """Ads for viewers who are never seen twice, and twenty reports in a request."""

    def __init__(self, site: Site, tally: Tally, seed: int) -> None:
        self.tally, self._site, self._dice = tally, site, random.Random(seed)
        self._views: list[str] = []
        self._numbers = count(1)
        self._name = f"{seed}-{time.time_ns()}"

    async def one(self, pool: Pool, due: float) -> None:
        """A decision, and a report when there is enough to report. `due`: when it should have begun."""
        placement = self._dice.choice(self._site.placements)
        body = msgspec.json.encode({"placement_id": placement, "viewer_key": f"{self._name}-{next(self._numbers)}"})
        answer = await self._post(pool, "/v1/decisions", body, 200)
        if answer is None:
            return
        self.tally.waits_ms.append((time.perf_counter() - due) * 1e3)
        if b'"token"' not in answer:
            self.tally.errors["no ad"] += 1
            return
        self.tally.decisions += 1
        self._views.append(msgspec.json.decode(answer)["token"])
        if len(self._views) >= BATCH:
            views, self._views = self._views[:BATCH], self._views[BATCH:]
            await self.report(pool, views)

    async def report(self, pool: Pool, tokens: Sequence[str]) -> None:
        """Views, then clicks and repeated views."""
        seen = [{"kind": "viewable", "token": token, "samples": SEEN} for token in tokens]
        again = [one for one in seen if self._dice.random() < REPEAT_SHARE]
        again += [{"kind": "click", "token": token} for token in tokens if self._dice.random() < CLICK_SHARE]
        for events in filter(None, (seen, again)):
            answer = await self._post(pool, "/v1/events", msgspec.json.encode({"events": events}), 202)
            if answer is not None:
                for verdict in msgspec.json.decode(answer)["results"]:
                    self.tally.verdicts[verdict.get("reason") or verdict["status"]] += 1

    async def rest(self, pool: Pool) -> None:
        await self.report(pool, self._views)
        self._views = []

    async def _post(self, pool: Pool, path: str, body: bytes, expected: int) -> bytes | None:
        try:
            status, answer = await pool.post(path, body)
        except OSError as error:
            self.tally.errors[type(error).__name__] += 1
            return None
        if status != expected:
            self.tally.errors[f"{status} {answer[:80]!r}"] += 1
            return None
        return answer


async def as_fast_as_it_can(site: Site, tally: Tally, seconds: float) -> None:
    traffic, until = Traffic(site, tally, 1), time.perf_counter() + seconds

    async def viewer(pool: Pool) -> None:
        while time.perf_counter() < until:
            await traffic.one(pool, time.perf_counter())

    async with Pool(site.url, CONNECTIONS) as pool:
        await asyncio.gather(*(viewer(pool) for _ in range(CONNECTIONS)))
        await traffic.rest(pool)


async def at_a_rate(site: Site, tally: Tally, rate: float, seconds: float) -> None:
    """An open loop: what is late waits, and is measured from when it was due."""
    traffic, started, sent = Traffic(site, tally, 2), time.perf_counter(), 0
    under_way: set[asyncio.Task[None]] = set()
    async with Pool(site.url, CONNECTIONS) as pool:
        while sent < rate * seconds:
            due = started + sent / rate
            if due > time.perf_counter():
                await asyncio.sleep(due - time.perf_counter())
            task = asyncio.create_task(traffic.one(pool, due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            sent += 1
        await asyncio.gather(*under_way)
        await traffic.rest(pool)


class Memory:
    """Resident memory of every process, once a second."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.samples: dict[str, list[float]] = {}

    async def watch(self) -> None:
        while True:
            for name, pid in self._pids().items():
                self.samples.setdefault(name, []).append(resident_mb(pid))
            await asyncio.sleep(1)

    def _pids(self) -> dict[str, int]:
        serving = {f"serve {place}": pid for place, pid in enumerate(self._site.serving_pids(), 1)}
        return serving | {"worker": self._site.ours["worker"].pid, "redis": self._site.servers["redis-server"].pid}

    def thirds(self) -> dict[str, tuple[float, float]]:
        """MB in the middle third and in the last: by then what lives for two minutes goes as fast as it comes."""
        found = {}
        for name, values in self.samples.items():
            third = max(1, len(values) // 3)
            found[name] = (mean(values[third : 2 * third] or values), mean(values[-third:]))
        return found


def waits(tally: Tally) -> dict[str, float]:
    ordered = sorted(tally.waits_ms) or [0.0]
    return {"p50_ms": round(ordered[len(ordered) // 2], 2), "p99_ms": round(ordered[len(ordered) * 99 // 100], 2)}


async def tell(tally: Tally, memory: Memory) -> None:
    """What goes on, now and then."""
    answered = 0
    while True:
        await asyncio.sleep(TELL_SECONDS)
        now = " ".join(f"{name}={values[-1]:.0f}" for name, values in memory.samples.items())
        late = median(tally.waits_ms[answered:] or [0.0])
        answered = len(tally.waits_ms)
        done = f"{tally.decisions} decisions, {tally.events} events, {tally.errors.total()} errors"
        sys.stdout.write(f"soak: {done}; p50 {late:.1f} ms; MB: {now}\n")
        sys.stdout.flush()


def publish(report: dict[str, object]) -> None:
    """For who runs the soak, and in a file when that is wanted."""
    sys.stdout.write(f"\n{json.dumps(report)}\n")
    if path := os.environ.get("SOAK_REPORT"):
        Path(path).write_text(json.dumps(report))


@pytest.fixture
def soaked() -> Iterator[Site]:
    """Of its own: what other tests have left behind is not measured."""
    with running_site(workers=1) as site:
        yield site


def test_soak__seventy_percent_of_capacity__no_errors_no_growth_and_equal_books(soaked: Site) -> None:
    """L24, L25, L32, L33."""
    site, tally = soaked, Tally()
    started = time.perf_counter()
    asyncio.run(as_fast_as_it_can(site, tally, max(CAPACITY_SECONDS, SECONDS / 20)))
    site.wait_for("the books", site.drained, DRAIN_SECONDS_MAX)
    capacity = tally.decisions / (time.perf_counter() - started)        # taken in, stored and posted
    assert len(family(site.ours["serve"].pid)) > 1

    memory, first = Memory(site), tally.decisions
    tally.waits_ms.clear()

    async def soak() -> None:
        watching = [asyncio.create_task(memory.watch()), asyncio.create_task(tell(tally, memory))]
        try:
            await at_a_rate(site, tally, capacity * SHARE, SECONDS or SHORT_SECONDS)
        finally:
            for one in watching:
                one.cancel()

    asyncio.run(soak())
    site.wait_for("the books", site.drained, DRAIN_SECONDS_MAX)
    thirds = memory.thirds()
    publish({
        "seconds": SECONDS or SHORT_SECONDS, "capacity_per_second": round(capacity),
        "decisions": tally.decisions - first, "events": tally.events, **waits(tally), "errors": dict(tally.errors),
        "memory_mb": {name: [round(one, 1) for one in pair] for name, pair in thirds.items()},
        "memory_is_judged": SECONDS >= JUDGED_SECONDS_MIN,
    })
    assert not tally.errors
    check_totals(site, tally)
    if SECONDS >= JUDGED_SECONDS_MIN:
        assert not {name: thirds[name] for name, values in memory.samples.items() if grows(values)}


def grows(values: Sequence[float]) -> bool:
    """From the middle third to the last, and within the last as fast. Once up is no growth: what a backlog took while
    PostgreSQL wrote a checkpoint, Redis keeps."""
    third = len(values) // 3
    middle, last = mean(values[third : 2 * third]), mean(values[-third:])
    half = third // 2
    still = mean(values[-half:]) - mean(values[-third:-half])
    limit = max(middle * GROWTH_MAX, GROWTH_MB_MAX)
    return last - middle > limit and still > limit / 2


def test_grows__leak_step_and_rest__only_the_leak() -> None:
    assert grows([100 + second * 0.1 for second in range(600)])
    assert not grows([100.0 if second < 400 else 130.0 for second in range(600)])
    assert not grows([100.0 + second % 7 for second in range(600)])


def check_totals(site: Site, tally: Tally) -> None:
    """Every acknowledged event is posted or dropped with the reason that was answered, and the money is that."""
    kinds = "('viewable', 'click')"
    stored = site.rows(f"select count(*) from event where kind in {kinds}")[0][0]
    assert stored == tally.verdicts["accepted"]
    dropped = dict(site.rows("select reason, count(*) from dropped_event group by 1"))
    assert dropped == {reason: n for reason, n in tally.verdicts.items() if reason != "accepted"}
    cost = "select coalesce(sum(price_micro_usdc), 0) from event where status = 'billed'"
    charged = "select coalesce(sum(amount_micro_usdc), 0) from ledger_transfer where kind = 'charge'"
    assert site.rows(cost) == site.rows(charged)
    debits, credits = site.rows("select sum(debits), sum(credits) from ledger_account")[0]
    assert debits == credits
    over = site.rows(
        "select account from ledger_account a join chain_campaign c on a.account = 'campaign:' || c.campaign"
        " where a.debits > c.deposited"
    )
    assert not over
