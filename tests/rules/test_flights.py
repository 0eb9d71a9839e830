"""Simulated flights, decided by production's own functions: what pacing promises, and that simpler ways do not keep."""

from statistics import median

import pytest

from bench.flights import DAY_MS, SCENARIOS, Outcome, Scenario, flights, outcome, requests, simulate

USUAL = 6_000
HARD = Scenario(
    "twice the traffic from 10:00 on, half an hour of outage, and a competitor at noon", rival=True,
    traffic=lambda share: 0.0 if 0.5 < share < 0.5 + 0.5 / 24 else 2.0 if share > 10 / 24 else 1.0,
)
ALONE = SCENARIOS[-1]


def ran(policy: str, scenario: Scenario, *, front_loaded: bool = False, step_ms: int = 60_000) -> list[Outcome]:
    running = flights(front_loaded, USUAL, policy == "controller")
    simulate(policy, requests(scenario, 1, USUAL), running, step_ms)
    assert all(flight.spent <= flight.cap for flight in running)
    return [outcome(flight) for flight in running]


@pytest.mark.parametrize(("scenario", "front_loaded"), [(HARD, False), (ALONE, False), (SCENARIOS[0], True)])
def test_controller__shocks_and_competition__within_two_percent_at_the_end_and_five_on_the_way(
    scenario: Scenario, front_loaded: bool
) -> None:
    """L79: and it buys most of what somebody could have bought who knew the day before."""
    outcomes = ran("controller", scenario, front_loaded=front_loaded)
    assert len(outcomes) == 5
    assert all(one.spent >= 98 for one in outcomes)
    assert all(one.astray <= 5 for one in outcomes)
    assert median(one.bought for one in outcomes) > 80


def test_baselines__same_day__miss_the_bounds_and_buy_less() -> None:
    for policy in ("throttle", "asap"):
        outcomes = ran(policy, HARD)
        assert max(one.astray for one in outcomes) > 5
        assert median(one.bought for one in outcomes) < 60


def test_simulate__same_seed__same_day() -> None:
    one, other = (requests(HARD, 7, 100) for _ in range(2))
    assert one == other
    assert one != requests(HARD, 8, 100)
    assert all(request.at_ms >= DAY_MS for request in one)
