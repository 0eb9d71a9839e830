"""A seeded market in which flights are simulated: the auction, the controllers and what caps release are production's.

A day of ad requests with a day curve, shocks and rivals; several line items with flights of their own bid in each
request, all by one policy. An impression that is bought is charged at once; a click by the dice of its ad request.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from backend.core.events import BidKind
from backend.core.week import HOURS_PER_WEEK
from backend.serving.auction import PPM, Bid, auction
from backend.serving.catalogue import MS_PER_DAY, LineItem, Spending
from backend.serving.eligibility import caps, kept_back, refusal_now
from backend.serving.index.market import paced_bid
from backend.serving.pacing.controller import FULL, Pace, State, takes_part
from backend.serving.pacing.curve import planned_micro_usdc, week_of
from backend.serving.steering.progress import stepped

DAY_MS = 20_458 * MS_PER_DAY            # a Monday
FLOOR = 500
CLICK_RATE_PPM = 300_000                # high, so that a small market has enough clicks to count
LEAST = 4 * FLOOR                       # whoever has less left is not taken for somebody who bids
PRICES_KEPT = 200
THROTTLE_MS, THROTTLE_STEP, THROTTLE_FIRST = 60_000, 1.1, 0.1    # of the plain throttle, as in its paper
THINNED = 4                             # so many moments are drawn for one that is kept, more than any day is busy
MARKS = 100                             # of a flight, at which its spend is compared with the plan

FLIGHTS = (                             # from and to (hours), kind, bid, cap for each usual request of its time
    (0, 24, BidKind.VCPM, 6_000, 300),
    (0, 24, BidKind.CPC, 20_000, 350),
    (3, 23, BidKind.VCPM, 5_000, 120),
    (6, 18, BidKind.VCPM, 6_000, 200),
    (8, 20, BidKind.CPC, 20_000, 350),
)

Shock = Callable[[float], float]


@dataclass(frozen=True)
class Scenario:
    """`traffic` multiplies the usual day by the share of it that is over; `rival` are bids of one who comes at noon."""

    name: str
    traffic: Shock = lambda _share: 1.0
    rival: bool = False
    alone: bool = False                 # nobody else bids: every price is the floor


SCENARIOS = (
    Scenario("a day like the last ones"),
    Scenario("traffic halves at 10:00", lambda share: 0.5 if share > 10 / 24 else 1.0),
    Scenario("traffic doubles at 10:00", lambda share: 2.0 if share > 10 / 24 else 1.0),
    Scenario("an outage of half an hour", lambda share: 0.0 if 0.5 < share < 0.5 + 0.5 / 24 else 1.0),
    Scenario("a competitor comes at noon", rival=True),
    Scenario("nobody else bids", alone=True),
)


@dataclass(frozen=True, slots=True)
class Request:
    """An ad request: when, its random bytes, what others bid, and for each line item its rate and its dice."""

    at_ms: int
    random: bytes
    rivals: tuple[Bid, ...]
    rates_ppm: tuple[int, ...]
    dice_ppm: int


@dataclass
class Flight:
    """A line item on its way. `trace`: (share of the flight's time, spent) at each mark."""

    item: LineItem
    spent: int = 0
    bought: int = 0                     # impressions, or clicks expected (ppm)
    state: State = field(default_factory=State)
    pace: Pace = FULL
    rate: float = THROTTLE_FIRST
    prices: deque[int] = field(default_factory=lambda: deque(maxlen=PRICES_KEPT))
    trace: list[tuple[int, int]] = field(default_factory=list)
    chances: list[tuple[int, int]] = field(default_factory=list)    # worth, cost (nano-USDC) of what it could have won

    @property
    def cap(self) -> int:
        assert self.item.total_cap_micro_usdc is not None
        return self.item.total_cap_micro_usdc

    def planned(self, now_ms: int) -> int:
        cap = caps(self.item, now_ms)[0]
        assert cap is not None
        return planned_micro_usdc(*cap, now_ms)

    def spending(self) -> Spending:
        """As the catalogue has it; the campaign behind it has money enough."""
        return Spending(left_micro_usdc=2 * self.cap, spent_total_micro_usdc=self.spent)

    def left(self, now_ms: int) -> int:
        """What a hold may take."""
        return self.cap - self.spent - (kept_back(self.item, now_ms, self.spending()).total or 0)

    def runs(self, now_ms: int) -> bool:
        return self.item.starts_ms <= now_ms < self.item.ends_ms


def day_curve(share: float) -> float:
    """Traffic of a day: least in the small hours, most in the evening."""
    return 1 + 0.6 * math.sin(2 * math.pi * (share - 0.45))


def usual_week() -> tuple[int, ...]:
    """Weights as they would have been recorded over four weeks."""
    hours = [round(10_000 * day_curve((hour % 24 + 0.5) / 24)) for hour in range(HOURS_PER_WEEK)]
    return week_of(tuple(4 * n for n in hours), 4)


def requests(scenario: Scenario, seed: int, usual: int) -> list[Request]:
    """About `usual` requests of a day, more or fewer by the scenario."""
    dice = Random(seed)
    made: list[Request] = []
    for moment in sorted(dice.random() for _ in range(THINNED * usual)):
        if dice.random() * THINNED > day_curve(moment) * scenario.traffic(moment):
            continue
        made.append(Request(
            DAY_MS + int(moment * MS_PER_DAY), dice.randbytes(18), _rivals(scenario, moment, dice),
            tuple(min(PPM // 2, int(CLICK_RATE_PPM * dice.lognormvariate(-0.2, 0.6))) for _ in FLIGHTS),
            dice.randrange(PPM),
        ))
    return made


def _rivals(scenario: Scenario, moment: float, dice: Random) -> tuple[Bid, ...]:
    if scenario.alone:
        return ()
    centres = [2_000, 2_000] + [3_500] * (scenario.rival and moment > 0.5)
    return tuple(
        Bid(1_000 + place, f"rival {place}", max(1, int(dice.lognormvariate(math.log(centre), 0.5))), PPM)
        for place, centre in enumerate(centres)
    )


def flights(front_loaded: bool, usual: int, paced: bool) -> list[Flight]:
    """One of each, with a cap that grows with the market."""
    week = usual_week()
    return [
        Flight(LineItem(
            id=number, campaign=number, owner=f"advertiser {number}", bid_kind=kind, bid_micro_usdc=bid,
            starts_ms=DAY_MS + first * 3_600_000, ends_ms=DAY_MS + last * 3_600_000, even_pacing=paced,
            total_cap_micro_usdc=cap * usual * (last - first) // 24, front_loaded=front_loaded, week=week,
        ))
        for number, (first, last, kind, bid, cap) in enumerate(FLIGHTS, 1)
    ]


def simulate(policy: str, asked: Sequence[Request], running: Sequence[Flight], step_ms: int) -> None:
    """Run the flights through the requests by `controller`, `throttle` or `asap`."""
    next_ms = DAY_MS
    for request in asked:
        while next_ms <= request.at_ms:
            for flight in running:
                _steer(policy, flight, next_ms, step_ms)
            next_ms += step_ms
        _sell(policy, request, running)
    for flight in running:
        _mark(flight, flight.item.ends_ms)


def _steer(policy: str, flight: Flight, now_ms: int, step_ms: int) -> None:
    if not flight.runs(now_ms):
        return
    _mark(flight, now_ms)
    if policy == "controller":
        flight.state, flight.pace = stepped(
            flight.item, flight.spending(), tuple(flight.prices), flight.state, now_ms - step_ms, now_ms
        )
    elif policy == "throttle" and now_ms % THROTTLE_MS < step_ms:
        behind = flight.spent <= flight.planned(now_ms)
        flight.rate = min(1.0, flight.rate * THROTTLE_STEP if behind else flight.rate / THROTTLE_STEP)


def _mark(flight: Flight, now_ms: int) -> None:
    start_ms, end_ms = flight.item.starts_ms, flight.item.ends_ms
    if (now_ms - start_ms) * MARKS // (end_ms - start_ms) >= len(flight.trace):
        flight.trace.append((now_ms, flight.spent))


def _sell(policy: str, request: Request, running: Sequence[Flight]) -> None:
    """As a decision does: who takes part bids, whose price cannot be held is left out, and the next is asked."""
    bids = {flight.item.id: _bid(policy, request, flight) for flight in running if flight.runs(request.at_ms)}
    offers = [bid for bid in bids.values() if bid is not None]
    seed = int.from_bytes(request.random[10:], "big")
    _chances(request, running, offers)
    while sale := auction([*offers, *request.rivals], FLOOR, seed):
        flight = next((one for one in running if one.item.id == sale.bid.line_item), None)
        if flight is None:
            return
        if flight.left(request.at_ms) < sale.price_micro_usdc:
            offers.remove(sale.bid)
            continue
        flight.bought += sale.bid.rate_ppm
        if sale.bid.rate_ppm == PPM or request.dice_ppm < sale.bid.rate_ppm:
            flight.spent += sale.price_micro_usdc
        flight.prices.append(sale.price_micro_usdc)
        return


def _bid(policy: str, request: Request, flight: Flight) -> Bid | None:
    item, rate = flight.item, _rate(request, flight)
    if refusal_now(item, flight.spending(), request.at_ms) is not None or flight.left(request.at_ms) < LEAST:
        return None
    bid = Bid(item.id, item.owner, item.bid_micro_usdc, rate)
    if policy == "controller":
        if not takes_part(request.random, item.id, flight.pace.participation_ppm):
            return None
        return paced_bid(bid, flight.pace.multiplier_ppm)
    if policy == "throttle" and int.from_bytes(request.random[:8], "big") * item.id % 2**64 >= flight.rate * 2**64:
        return None
    return bid


def _rate(request: Request, flight: Flight) -> int:
    return PPM if flight.item.bid_kind is BidKind.VCPM else request.rates_ppm[flight.item.id - 1]


def _chances(request: Request, running: Sequence[Flight], offers: Sequence[Bid]) -> None:
    """What each could have had for how much, the others being as they were."""
    for flight in running:
        if flight.runs(request.at_ms):
            rate = _rate(request, flight)
            best = max((
                bid.ecpm_nano_usdc for bid in (*offers, *request.rivals) if bid.line_item != flight.item.id
            ), default=0)
            cost = max(best, FLOOR * PPM)
            if cost <= flight.item.bid_micro_usdc * rate:
                flight.chances.append((rate, cost))


def best_in_hindsight(flight: Flight) -> int:
    """What its cap would have bought by somebody who knew the day: the most worth for its price first."""
    left, bought = flight.cap * PPM, 0
    for worth, cost in sorted(flight.chances, key=lambda chance: chance[1] / chance[0]):
        if cost <= left:
            left, bought = left - cost, bought + worth
    return bought


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of a flight, percent: spent of its cap at the end, furthest from its plan on the way, bought of the optimum."""

    spent: float
    astray: float
    bought: float


def outcome(flight: Flight) -> Outcome:
    """How the flight went."""
    astray = max(abs(spent - flight.planned(at_ms)) for at_ms, spent in flight.trace)
    optimum = max(1, best_in_hindsight(flight))
    return Outcome(100 * flight.spent / flight.cap, 100 * astray / flight.cap, 100 * flight.bought / optimum)
