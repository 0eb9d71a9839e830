"""`python -m bench.traffic`: how much labelled invalid traffic our rules catch, and how much honest they hit.

A day of synthetic traffic (bench/visitors.py) passes the lists of the door, then the sums and rules of backend/traffic,
in memory. `recall` is by the end of the day; `in time` what was flagged before an epoch of `EPOCH_MS` was over, so that
it is given back. Rows `ivt_…` with `--json`. `--elsewhere`: another town, with other seeds, people and scripts.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from backend.core.ruleset import Ruleset
from backend.traffic.cells import Cells, Key, Level, count, count_viewers, keys_of
from backend.traffic.exposure import Seen
from backend.traffic.lists import Crawlers, Lists, Networks
from backend.traffic.store import shipped
from backend.traffic.verdict import Scope, judge_cells
from bench.visitors import DAY_MS, HONEST, NOT_CAUGHT, Elsewhere, Report, Town

SEEDS, OTHER_SEEDS = (1, 2), (101, 102)
SESSIONS = 6_000
BATCH = 500
EPOCH_MS = 3_600_000


@dataclass(slots=True)
class Watch:
    """The job of backend/traffic/service.py with its tables in memory."""

    rules: Ruleset
    totals: Cells = field(default_factory=dict)
    flags: dict[Key, Scope] = field(default_factory=dict)
    members: dict[Key, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    flagged_ms: dict[int, int] = field(default_factory=dict)
    decided: dict[tuple[int, int | None], list[Seen]] = field(default_factory=lambda: defaultdict(list))

    def step(self, events: Sequence[Seen]) -> None:
        """Count a batch, judge, and note when each event was flagged (by `seq`)."""
        deltas = count(events)
        viewers = {key: cell for key, cell in deltas.items() if key.level is Level.VIEWER}
        fresh = {key for key in viewers if key not in self.totals}
        count_viewers(deltas, events, fresh)
        for key, delta in deltas.items():
            known = self.totals.get(key)
            self.totals[key] = delta if known is None else known + delta
        now_ms = events[-1].received_ms
        for one in events:
            siblings = self.decided[one.decided_ms, one.viewer]
            siblings.append(one)
            if one.is_click and any(other.seq in self.flagged_ms for other in siblings):
                self.flagged_ms.setdefault(one.seq, now_ms)     # a click goes with its view
            for key in keys_of(one):
                self.members[key].append(one)
                if key in self.flags:
                    self._flag(one, self.flags[key], now_ms)
        for key, finding in judge_cells(deltas, self.totals, self.flags.keys(), self.rules).items():
            self.flags[key] = finding.scope
            for one in self.members[key]:
                self._flag(one, finding.scope, now_ms)

    def _flag(self, one: Seen, scope: Scope, now_ms: int) -> None:
        for other in self.decided[one.decided_ms, one.viewer]:      # the view, and the click that followed
            if scope is Scope.ALL or other.is_click:
                self.flagged_ms.setdefault(other.seq, now_ms)


@dataclass(slots=True)
class Score:
    """Events and micro-USDC of one kind of sender."""

    events: int = 0
    caught: int = 0
    in_time: int = 0
    money: int = 0
    money_caught: int = 0
    money_in_time: int = 0

    def add(self, price: int, caught: bool, in_time: bool) -> None:
        self.events += 1
        self.money += price
        self.caught += caught
        self.money_caught += price * caught
        self.in_time += in_time
        self.money_in_time += price * in_time


def shipped_lists() -> tuple[Lists, list[str]]:
    """The lists of the package, and their networks of version 4, to send a fleet from."""
    entries = shipped()
    networks = [one for name, found in entries.items() if name != "crawlers" for one in found]
    return Lists(Networks(networks), Crawlers(entries["crawlers"])), [one for one in networks if "." in one]


def play(reports: Sequence[Report], lists: Lists, rules: Ruleset) -> dict[str, Score]:
    """Scores by kind of sender."""
    at_door = {one.seen.seq for one in reports if lists.crawler(one.user_agent) or lists.data_centre(one.ip)}
    inside = [one.seen for one in reports if one.seen.seq not in at_door]
    watch = Watch(rules)
    for start in range(0, len(inside), BATCH):
        watch.step(inside[start : start + BATCH])
    scores: dict[str, Score] = defaultdict(Score)
    for one in reports:
        flagged_ms = 0 if one.seen.seq in at_door else watch.flagged_ms.get(one.seen.seq)
        epoch_ends_ms = DAY_MS + ((one.seen.received_ms - DAY_MS) // EPOCH_MS + 1) * EPOCH_MS
        in_time = flagged_ms is not None and flagged_ms < epoch_ends_ms
        scores[one.who].add(one.price, flagged_ms is not None, in_time)
    return dict(scores)


def run(seed: int, sessions: int = SESSIONS, bots: float = 1.0, town: type[Town] = Town) -> dict[str, Score]:
    """One day."""
    rules = Ruleset()
    lists, cloud = shipped_lists()
    return play(town(seed, sessions, bots, rules, cloud).day(), lists, rules)


def added(days: Sequence[dict[str, Score]]) -> dict[str, Score]:
    total: dict[str, Score] = defaultdict(Score)
    for day in days:
        for who, one in day.items():
            for name in Score.__slots__:
                setattr(total[who], name, getattr(total[who], name) + getattr(one, name))
    return dict(total)


def rows(scores: dict[str, Score]) -> dict[str, dict[str, object]]:
    """Rows for `make bench`: recalls by kind, false positives and precision, by events and by money."""
    made: dict[str, dict[str, object]] = {}
    honest = scores[HONEST]
    bots = [one for who, one in scores.items() if who != HONEST]

    def row(name: str, part: float, whole: float) -> None:
        made[f"ivt_{name}"] = {"value": part / max(1, whole), "unit": "share", "baseline": None, "ratio": None}

    for who, one in scores.items():
        if who != HONEST:
            row(f"recall_{who}", one.caught, one.events)
            row(f"recall_money_{who}", one.money_caught, one.money)
            row(f"in_time_{who}", one.in_time, one.events)
    row("false_positives", honest.caught, honest.events)
    row("false_positives_money", honest.money_caught, honest.money)
    caught = sum(one.caught for one in bots)
    money = sum(one.money_caught for one in bots)
    row("precision", caught, caught + honest.caught)
    row("precision_money", money, money + honest.money_caught)
    crude = [one for who, one in scores.items() if who not in (HONEST, NOT_CAUGHT)]
    row("recall_crude_money", sum(one.money_caught for one in crude), sum(one.money for one in crude))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--elsewhere", action="store_true", help="another town, with which no threshold was chosen")
    asked = parser.parse_args()
    started = time.perf_counter()
    town, seeds = (Elsewhere, OTHER_SEEDS) if asked.elsewhere else (Town, SEEDS)
    scores = added([run(seed, town=town) for seed in seeds])
    if asked.json:
        print(json.dumps(rows(scores)))
        return
    table = Table(title=f"{len(SEEDS)} days, {time.perf_counter() - started:.0f} s")
    for heading in ("who", "events", "caught", "in time", "money caught", "money in time"):
        table.add_column(heading, justify="left" if heading == "who" else "right")
    for who, one in sorted(scores.items()):
        table.add_row(
            who, f"{one.events:,}", f"{one.caught / one.events:.2%}", f"{one.in_time / one.events:.2%}",
            f"{one.money_caught / one.money:.2%}", f"{one.money_in_time / one.money:.2%}",
        )
    Console().print(table)
    for name in ("ivt_false_positives", "ivt_false_positives_money", "ivt_precision", "ivt_precision_money"):
        print(f"{name}: {rows(scores)[name]['value']:.4f}")


if __name__ == "__main__":
    main()
