"""Labelled traffic of one day: honest visitors of Zipf-distributed worlds, and bots of several kinds. Seeded."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from random import Random

from backend.core.ruleset import Ruleset
from backend.core.traffic_marks import network_mark, viewer_mark
from backend.traffic.exposure import Seen, is_steady, is_still, moment_of, trace_of, watched_ms
from backend.traffic.lists import Networks

KEY = bytes(range(32))
DAY = 20_458
DAY_MS = DAY * 86_400_000
HOUR_MS = 3_600_000
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36"
CURVE = (3, 2, 1, 1, 1, 2, 3, 4, 5, 5, 5, 6, 6, 6, 6, 7, 8, 9, 10, 11, 11, 9, 7, 5)      # visitors by hour
HONEST = "honest"
NOT_CAUGHT = "slow_smart"
Samples = list[list[int | bool]]


@dataclass(frozen=True, slots=True)
class Report:
    """An event as it reaches the door, with who really sent it. `price` in micro-USDC."""

    who: str
    ip: str
    user_agent: str
    publisher: int
    price: int
    seen: Seen


@dataclass(frozen=True, slots=True)
class Place:
    """A placement. `is_fixed`: its camera never moves; `ctr` is its own rate of clicks."""

    number: int
    publisher: int
    is_fixed: bool
    ctr: float


@dataclass(frozen=True, slots=True)
class Timer:
    """A script that clicks so long after an ad, in so many homes, on one placement."""

    delay_ms: int
    jitter_ms: int
    viewers: int
    ctr: float
    place: int
    who: str = "timer_clickers"


class Town:
    """A day of a market with `sessions` honest visits; `bots` scales all fraud."""

    fixed_cameras = 0.08
    click_rates = (1.2, 90)                 # a Beta distribution over placements
    click_ms = (7.5, 0.8)                   # logarithm of the time from the end of a view to its click
    gaps_ms: tuple[int, ...] = (100, 125, 150, 200)
    slips_ms: tuple[int, ...] = (-1, 0, 0, 1, 16)
    moving, steps, looks = 0.9, (60, 25, 20, 6), (2.9, 0.5)
    timers: tuple[Timer, ...] = (Timer(9_000, 40, 400, 0.25, 90),)

    def __init__(self, seed: int, sessions: int, bots: float, rules: Ruleset, cloud: list[str]) -> None:
        self.dice = Random(seed)
        self._rules = rules
        self._cloud, self._clouds = cloud, Networks(cloud)
        self._sessions, self._bots = sessions, bots
        self.places = [self._place(number) for number in range(1, 121)]
        self._networks = [self._residential() for _ in range(2_000)]
        self._popular = [1 / (rank + 1) ** 0.8 for rank in range(len(self._networks))]
        self._zipf = [1 / (rank + 1) ** 1.1 for rank in range(len(self.places))]
        self._seq = 0

    def day(self) -> list[Report]:
        """Everything in the order in which it is received, numbered in that order."""
        found = [one for part in self._parts() for one in part]
        found.sort(key=lambda one: one.seen.received_ms)
        return [_numbered(one, number) for number, one in enumerate(found, 1)]

    def _parts(self) -> Iterator[Iterator[Report]]:
        n = self._bots
        for _ in range(self._sessions):
            yield self._visit(HONEST)
        for hour in (9, 10, 13):
            yield self._school(hour)
        for _ in range(int(25 * n)):
            yield self._replayer()
        for _ in range(int(6 * n)):
            yield self._click_farm()
        for timer in self.timers:
            yield self._clickers_on_a_timer(timer, int(timer.viewers * n))
        for _ in range(int(120 * n)):
            yield self._visit("data_centre_fleet", ip=self._in_cloud())
        for _ in range(int(60 * n)):
            yield self._visit("crawlers", user_agent=self.dice.choice(CRAWLERS))
        for _ in range(int(6 * n)):
            yield self._looper()
        for _ in range(int(10 * n)):
            yield self._speeder()
        yield self._rotating_fleet(int(1_500 * n))
        for _ in range(int(120 * n)):
            yield self._visit(NOT_CAUGHT, ctr_times=1.3)

    # ---- people -----------------------------------------------------------------------------------------------------

    def _visit(
        self, who: str, *, ip: str | None = None, user_agent: str = BROWSER, at_ms: int | None = None,
        place: Place | None = None, ctr_times: float = 1.0,
    ) -> Iterator[Report]:
        """One viewer for some minutes: a few surfaces of one world, each seen as often as it comes into view."""
        dice = self.dice
        at_ms = self._when() if at_ms is None else at_ms
        ip = ip or dice.choices(self._networks, self._popular)[0]
        viewer, first = dice.randbytes(8), place or dice.choices(self.places, self._zipf)[0]
        here = [first, *(one for one in self.places if one.publisher == first.publisher and one is not first)][:3]
        vsync = dice.random() < 0.3         # a display whose frames never slip
        for _ in range(min(60, 1 + int(dice.expovariate(1 / 6)))):
            spot = dice.choice(here)
            samples = self._look(spot, vsync)
            yield from self._told(who, ip, user_agent, spot, viewer, at_ms, samples, spot.ctr * ctr_times)
            at_ms += int(samples[-1][0]) + int(dice.expovariate(1 / 25_000)) + 2_000

    def _school(self, hour: int) -> Iterator[Report]:
        """A class in one small world: honest, and all from one network."""
        ip, place = self._residential(), self.dice.choice(self.places[60:])
        for _ in range(25):
            start = DAY_MS + hour * HOUR_MS + self.dice.randrange(1_200_000)
            yield from self._visit(HONEST, ip=ip, at_ms=start, place=place)

    def _look(self, place: Place, vsync: bool) -> Samples:
        """One exposure: smooth movement with rounding, or a fixed camera; sampled at 5 to 10 Hz."""
        dice = self.dice
        gap, t_ms = dice.choice(self.gaps_ms), 0
        screen, angle, visible = dice.uniform(160, 2_500), dice.uniform(0, 5_000), 10_000.0
        turn, walk = dice.gauss(0, self.steps[0]), dice.gauss(0, self.steps[1])
        moves = not place.is_fixed and dice.random() < self.moving
        samples: Samples = []
        for _ in range(max(13, int(dice.lognormvariate(*self.looks)))):
            samples.append([t_ms, int(visible), int(screen), int(angle), True, True])
            t_ms += gap if vsync else gap + dice.choice(self.slips_ms)
            if moves:
                angle = min(5_400, max(0.0, angle + turn + dice.gauss(0, self.steps[2])))
                screen = min(9_000, max(151.0, screen + walk + dice.gauss(0, self.steps[3])))
        return samples

    # ---- machines ---------------------------------------------------------------------------------------------------

    def _replayer(self) -> Iterator[Report]:
        """Sends what was recorded once, for hundreds of ads, each time as somebody else."""
        place = self.dice.choice(self.places[:80])
        traces = [self._look(Place(0, 0, False, 0), False) for _ in range(4)]
        at_ms = self._when()
        for _ in range(80):
            at_ms += int(self.dice.expovariate(1 / 20_000))
            ip = self.dice.choice(self._networks)
            viewer = self.dice.randbytes(8)
            yield from self._told("replayers", ip, BROWSER, place, viewer, at_ms, self.dice.choice(traces), 0.01)

    def _click_farm(self) -> Iterator[Report]:
        """People or phones in one house who click on every second ad of one placement."""
        ip, place = self._residential(), self.dice.choice(self.places[40:])
        for _ in range(12):
            viewer, at_ms = self.dice.randbytes(8), self._when()
            for _ in range(30):
                samples = self._look(place, False)
                yield from self._told("click_farm", ip, BROWSER, place, viewer, at_ms, samples, 0.5)
                at_ms += int(samples[-1][0]) + 4_000 + int(self.dice.expovariate(1 / 8_000))

    def _clickers_on_a_timer(self, timer: Timer, viewers: int) -> Iterator[Report]:
        """A script in many homes: plausible rates, but always the same time from ad to click."""
        place = self.places[timer.place]
        for _ in range(viewers):
            ip, viewer = self.dice.choice(self._networks), self.dice.randbytes(8)
            samples = self._look(place, False)
            yield from self._told(
                timer.who, ip, BROWSER, place, viewer, self._when(), samples, timer.ctr,
                delay_ms=timer.delay_ms + self.dice.randrange(timer.jitter_ms),
            )

    def _looper(self) -> Iterator[Report]:
        """A client that stands before a surface where nobody comes, and asks for an ad every minute."""
        ip, viewer, place = self.dice.choice(self._networks), self.dice.randbytes(8), self.dice.choice(self.places[60:])
        at_ms = DAY_MS + self.dice.randrange(2 * HOUR_MS)
        for _ in range(900):
            samples: Samples = [[t_ms, 10_000, 800, 0, True, True] for t_ms in range(0, 1_601, 200)]
            yield from self._told("hidden_loopers", ip, BROWSER, place, viewer, at_ms, samples, 0.0)
            at_ms += 60_000

    def _speeder(self) -> Iterator[Report]:
        """One viewer who claims eight seconds of ten ads at once on the same surface."""
        ip, viewer, place = self.dice.choice(self._networks), self.dice.randbytes(8), self.dice.choice(self.places)
        at_ms = self._when()
        for _ in range(8):
            for ad in range(10):
                samples = self._look(place, False)
                while samples[-1][0] < 8_000:
                    samples.append([samples[-1][0] + 150, *samples[-1][1:]])
                yield from self._told("speeders", ip, BROWSER, place, viewer, at_ms + ad, samples, 0.01)
            at_ms += 10_000

    def _rotating_fleet(self, views: int) -> Iterator[Report]:
        """Headless clients behind one network, a new viewer for every ad, on their owner's placement."""
        ip, place = self._residential(), self.places[100]
        for _ in range(views):
            samples: Samples = [[t_ms, 10_000, 900, 500, True, True] for t_ms in range(0, 1_601, 200)]
            yield from self._told(
                "rotating_fleet", ip, BROWSER, place, self.dice.randbytes(8), self._when(), samples, 0.0
            )

    # ---- what all of them share -------------------------------------------------------------------------------------

    def _told(
        self, who: str, ip: str, user_agent: str, place: Place, viewer: bytes, at_ms: int, samples: Samples,
        ctr: float, delay_ms: int | None = None,
    ) -> Iterator[Report]:
        """A view, and by chance a click."""
        dice = self.dice
        rest = (ip, user_agent, place.publisher, dice.choice((1_000, 2_000, 3_000, 5_000, 8_000)))
        received_ms = at_ms + int(samples[-1][0]) + dice.randrange(50, 5_000)
        mark, network = viewer_mark(viewer, place.number, KEY), network_mark(ip, DAY, KEY)
        yield Report(who, *rest, Seen(
            0, place.number, place.publisher, False, at_ms, received_ms, mark, network, watched_ms(samples),
            is_steady(samples), is_still(samples), trace_of(samples, self._rules.ivt_trace_points_min),
        ))
        if dice.random() < ctr:
            late_ms = delay_ms or int(samples[-1][0]) + int(dice.lognormvariate(*self.click_ms))
            clicked_ms = at_ms + late_ms if delay_ms else max(received_ms + 1, at_ms + late_ms)
            yield Report(who, *rest[:3], 20_000, Seen(
                0, place.number, place.publisher, True, at_ms, clicked_ms, mark, network,
                trace=moment_of(clicked_ms - at_ms, self._rules.ivt_click_moment_ms),
            ))

    def _place(self, number: int) -> Place:
        dice = self.dice
        is_fixed = dice.random() < self.fixed_cameras
        return Place(number, 1 + number // 3, is_fixed, min(0.15, dice.betavariate(*self.click_rates)))

    def _when(self) -> int:
        hour = self.dice.choices(range(24), CURVE)[0]
        return DAY_MS + min(hour * HOUR_MS + self.dice.randrange(HOUR_MS), 85_000_000)

    def _residential(self) -> str:
        """A network of homes: none of a cloud."""
        while True:
            found = f"{self.dice.choice((24, 71, 84, 90, 109))}.{self.dice.randrange(256)}.{self.dice.randrange(256)}.9"
            if ip_address(found) not in self._clouds:
                return found

    def _in_cloud(self) -> str:
        network = ip_network(self.dice.choice(self._cloud))
        return str(ip_address(int(network.network_address) + self.dice.randrange(network.num_addresses)))


class Elsewhere(Town):
    """Other people, displays and scripts than those that the rules were made with: they must not only fit one town.

    Fewer move, and less; displays have two rates; clicks are more, sooner and more alike.
    """

    fixed_cameras, click_rates, click_ms = 0.15, (2.0, 60), (6.5, 0.35)
    gaps_ms, slips_ms = (100, 200), (0, 0, 0, 0, 16)
    moving, steps, looks = 0.7, (15, 5, 8, 3), (2.6, 0.25)
    timers = (
        Timer(2_500, 80, 400, 0.25, 3, "timer_in_a_crowd"), Timer(15_000, 10, 60, 0.8, 10, "timer_few_homes"),
        Timer(9_000, 400, 400, 0.25, 90, "timer_with_jitter"), Timer(1_200, 120, 200, 0.1, 60, "timer_few_clicks"),
    )


CRAWLERS = (
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
)


def _numbered(one: Report, seq: int) -> Report:
    seen = one.seen
    return Report(one.who, one.ip, one.user_agent, one.publisher, one.price, Seen(
        seq, seen.placement, seen.publisher, seen.is_click, seen.decided_ms, seen.received_ms, seen.viewer,
        seen.network, seen.watched_ms, seen.is_steady, seen.is_still, seen.trace,
    ))
