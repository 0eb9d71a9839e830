"""Pacing in a simulated market: spend against the plan and what a budget buys, by controller, plain throttle and ASAP.

Rows are percent over all flights of all scenarios: the worst spend at the end, the worst distance from the plan on the
way, and the median of what was bought of what somebody could have bought who knew the day. `--svg FILE` plots them.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from backend.serving.catalogue import MS_PER_DAY
from bench.flights import DAY_MS, SCENARIOS, Flight, Outcome, Scenario, flights, outcome, requests, simulate
from bench.svg import Line, Panel, chart

USUAL = 12_000                      # ad requests of a usual day
STEP_MS = 10_000
POLICIES = ("controller", "throttle", "asap")
COLOURS = {"controller": "blue", "throttle": "orange", "asap": "green"}
PLOTTED = (0, 1, 3, 4)              # scenarios, by the first of their flights


@dataclass(frozen=True)
class Ran:
    """A scenario under a policy."""

    scenario: Scenario
    policy: str
    flights: Sequence[Flight]

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome(flight) for flight in self.flights]


def run(seeds: int = 1, usual: int = USUAL, step_ms: int = STEP_MS) -> list[Ran]:
    """Every scenario under every policy, the controller front-loaded as well."""
    ran: list[Ran] = []
    for seed in range(1, seeds + 1):
        for scenario in SCENARIOS:
            asked = requests(scenario, seed, usual)
            for policy in POLICIES:
                ran.append(Ran(scenario, policy, flights(False, usual, policy == "controller")))
                simulate(policy, asked, ran[-1].flights, step_ms)
        ran.append(Ran(FRONT_LOADED, "controller", flights(True, usual, True)))
        simulate("controller", requests(FRONT_LOADED, seed, usual), ran[-1].flights, step_ms)
    return ran


FRONT_LOADED = Scenario("front-loaded")


def rows_of(ran: Sequence[Ran]) -> dict[str, dict[str, object]]:
    """Rows as every benchmark gives them; what was bought is compared with the plain throttle."""
    found: dict[str, dict[str, object]] = {}
    by_policy = {policy: [one for run in ran if run.policy == policy for one in run.outcomes] for policy in POLICIES}
    throttled = median(one.bought for one in by_policy["throttle"])
    for policy, outcomes in by_policy.items():
        bought = median(one.bought for one in outcomes)
        found[f"pacing_{policy}_spent_worst"] = _row(min(one.spent for one in outcomes), 100.0)
        found[f"pacing_{policy}_astray_worst"] = _row(max(one.astray for one in outcomes), None)
        found[f"pacing_{policy}_bought"] = _row(bought, throttled)
    found["pacing_flights"] = {"value": sum(map(len, by_policy.values())), "unit": "flights", "baseline": None,
                               "ratio": None}
    return found


def _row(value: float, baseline: float | None) -> dict[str, object]:
    return {
        "value": round(value, 1), "unit": "percent", "baseline": None if baseline is None else round(baseline, 1),
        "ratio": None if baseline is None else round(value / baseline, 2),
    }


def table(ran: Sequence[Ran]) -> str:
    """A Markdown table: spent at the end (worst), distance from the plan (worst), bought of the optimum (median)."""
    lines = ["| Day | " + " | ".join(POLICIES) + " |", "|---|" + "---|" * len(POLICIES)]
    for name in dict.fromkeys(one.scenario.name for one in ran):
        cells = []
        for policy in POLICIES:
            outcomes = [
                one for run in ran if (run.scenario.name, run.policy) == (name, policy) for one in run.outcomes
            ]
            cells.append(
                f"{min(one.spent for one in outcomes):.1f} · {max(one.astray for one in outcomes):.1f} · "
                f"{median(one.bought for one in outcomes):.0f}" if outcomes else ""
            )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(ran: Sequence[Ran]) -> str:
    """What the first flight has spent by the hour."""
    panels = []
    for scenario in (SCENARIOS[number] for number in PLOTTED):
        own = [one for one in ran if one.scenario is scenario][:len(POLICIES)]
        plan = own[0].flights[0]
        lines = [Line("plan", "black", [_point(at_ms, plan.planned(at_ms), plan) for at_ms, _ in plan.trace])]
        for one in own:
            flight = one.flights[0]
            points = [_point(at_ms, spent, flight) for at_ms, spent in flight.trace]
            lines.append(Line(one.policy, COLOURS[one.policy], points))
        panels.append(Panel(scenario.name, lines))
    hours = ("0:00", "6:00", "12:00", "18:00", "24:00")
    return chart(panels, 2, hours, ("0 %", "50 %", "100 %"), "Share of the budget spent by the hour of a day")


def _point(at_ms: int, spent: int, flight: Flight) -> tuple[float, float]:
    return (at_ms - DAY_MS) / MS_PER_DAY, spent / flight.cap


def main() -> None:
    """Print the rows as JSON or a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    ran = run(arguments.seeds)
    if arguments.svg:
        arguments.svg.write_text(plot(ran))
    print(json.dumps(rows_of(ran)) if arguments.json else table(ran))


if __name__ == "__main__":
    main()
