"""What one process remembers of its answers, and what becomes of it by minute and by hour."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from backend.core.reasons import NoBidReason
from backend.serving.index.audience import Said
from backend.serving.index.stall import Lot
from backend.serving.tally.landscape import SPONSORED, bounds_of, bucket_of

DIMENSIONS = ("country", "language", "device")

Answer = tuple[int, int, int, int, int]
"""Minute, placement, who won (0: nobody), eCPM of its bid (-1: a sponsorship), eCPM of what it had to beat."""
Met = tuple[int, int, int, NoBidReason]
"""Minute, placement, line item, and why it did not buy although it was its turn."""
AUDIENCES_MAX = 64
"""Of a placement, between two flushes, that are told apart; whatever else is said is taken to be as those are."""
AUDIENCES_IN_ALL_MAX = 50_000
"""Of all placements; beyond, one of each is told apart."""
HEARD_MAX = 100_000
"""Values by placement of what is beyond those; more are forgotten, or whoever invents countries fills the memory."""
ANSWERS_EXACT_MAX = 20_000
"""Beyond, bids and prices are counted by the bucket they are in at last: a soft floor makes a price of each request."""


@dataclass(frozen=True, slots=True)
class Tally:
    """`n` answers of one outcome: `decision`, `no_bid` (line item 0), or a NoBidReason.

    A reason is told of a placement, of all line items together (line item 0), and of a line item, on all placements
    together (placement 0). Of whoever had his turn and could not buy it is told by both.
    """

    placement: int
    line_item: int
    outcome: str
    n: int


@dataclass(frozen=True, slots=True)
class Sold:
    """`n` answers of an hour by who won (0: nobody) and the buckets of its bid and of what it had to beat."""

    placement: int
    line_item: int
    bid_bucket: int
    price_bucket: int
    n: int


@dataclass(frozen=True, slots=True)
class Audience:
    """`n` ad requests of an hour that said this of a dimension: country, language or device."""

    placement: int
    dimension: str
    value: str
    n: int


class Counts:
    """Answers since the last flush. What is the same for many answers is multiplied out later: see `spread.py`."""

    def __init__(self, *, exact_max: int = ANSWERS_EXACT_MAX) -> None:
        self._exact_max = exact_max
        self.answers: Counter[Answer] = Counter()
        self.met: Counter[Met] = Counter()
        self.asked: dict[int, dict[Said, int]] = {}         # auctions by placement and audience
        self.more: Counter[int] = Counter()                 # auctions for audiences beyond those
        self.heard: Counter[tuple[int, str, str]] = Counter()       # placement, dimension, value: of all others
        self.audiences = 0                          # how many there are in `asked`, about
        self.now_ms = 0                             # of the last answer

    def __bool__(self) -> bool:
        return bool(self.answers)

    def sold(self, now_ms: int, placement: int, said: Said, lot: Lot, price_micro_usdc: int) -> None:
        """An auction that somebody won."""
        bid, minute, self.now_ms = lot.bid, now_ms // 60_000, now_ms
        offered, paid, answers = bid.ecpm_nano_usdc, price_micro_usdc * bid.rate_ppm, self.answers
        if len(answers) >= self._exact_max:
            offered, paid = _rounded(offered), _rounded(paid)
        answers[minute, placement, bid.line_item, offered, paid] += 1
        self._ask(placement, said)

    def nobody(self, now_ms: int, placement: int, said: Said) -> None:
        """An auction that nobody won."""
        minute, self.now_ms = now_ms // 60_000, now_ms
        self.answers[minute, placement, 0, 0, 0] += 1
        self._ask(placement, said)

    def sponsored(self, now_ms: int, placement: int, said: Said, line_item: int) -> None:
        """No auction: a sponsorship has the placement."""
        minute, self.now_ms = now_ms // 60_000, now_ms
        self.answers[minute, placement, line_item, -1, 0] += 1
        self._hear(placement, said)

    def _ask(self, placement: int, said: Said) -> None:
        known = self.asked.get(placement)
        if known is None:
            known = self.asked[placement] = {}
        if said in known:
            known[said] += 1
        elif not known or (len(known) < AUDIENCES_MAX and self.audiences < AUDIENCES_IN_ALL_MAX):
            known[said] = 1
            self.audiences += 1
        else:
            self.more[placement] += 1
            self._hear(placement, said)

    def _hear(self, placement: int, said: Said) -> None:
        for dimension, value in zip(DIMENSIONS, said, strict=False):
            if isinstance(value, str):
                heard = placement, dimension, value
                if len(self.heard) < HEARD_MAX or heard in self.heard:
                    self.heard[heard] += 1

    def refused(self, now_ms: int, placement: int, line_item: int, reason: NoBidReason) -> None:
        """It was a line item's turn, and it could not buy."""
        self.met[now_ms // 60_000, placement, line_item, reason] += 1

    @property
    def size(self) -> int:
        """How many counters there are."""
        return len(self.answers) + len(self.met) + len(self.heard) + sum(map(len, self.asked.values()))

    def without_auctions(self) -> "Counts":
        """After it was told why all others did not win: only what was said is left of the auctions."""
        for placement, known in self.asked.items():
            for said, n in known.items():
                for dimension, value in zip(DIMENSIONS, said, strict=False):
                    if isinstance(value, str):
                        self.heard[placement, dimension, value] += n
        self.asked.clear()
        self.more.clear()
        self.audiences = 0
        return self

    def update(self, other: "Counts") -> None:
        self.answers.update(other.answers)
        self.met.update(other.met)
        for placement, known in other.asked.items():
            mine = self.asked.setdefault(placement, {})
            for said, n in known.items():
                mine[said] = mine.get(said, 0) + n
        self.audiences = sum(map(len, self.asked.values()))
        self.more.update(other.more)
        self.heard.update(other.heard)
        self.now_ms = max(self.now_ms, other.now_ms)


def _rounded(ecpm_nano_usdc: int) -> int:
    """The least that is in the same bucket."""
    return bounds_of(bucket_of(ecpm_nano_usdc))[0]


def pieces(counts: Counts, size: int) -> list[Counts]:
    """The same, placement by placement in pieces of at least `size` counters (but the last)."""
    whole = sorted(_by_placement(counts).values(), key=lambda one: one.size)
    found: list[Counts] = []
    for one in whole:
        if not found or found[-1].size >= size:
            found.append(one)
        else:
            found[-1].update(one)
    return found


def _by_placement(counts: Counts) -> dict[int, Counts]:
    found: dict[int, Counts] = defaultdict(Counts)
    for answer, n in counts.answers.items():
        found[answer[1]].answers[answer] = n
    for met, n in counts.met.items():
        found[met[1]].met[met] = n
    for placement, known in counts.asked.items():
        found[placement].asked[placement] = known
    for placement, n in counts.more.items():
        found[placement].more[placement] = n
    for heard, n in counts.heard.items():
        found[heard[0]].heard[heard] = n
    for one in found.values():
        one.now_ms = counts.now_ms
    return found


def by_minute(counts: Counts) -> dict[int, list[Tally]]:
    """Whoever won or had his turn, and how many requests nobody won."""
    total: Counter[tuple[int, int, int, str]] = Counter()
    for (minute, placement, winner, _, _), n in counts.answers.items():
        total[minute, placement, winner, "decision" if winner else "no_bid"] += n
    for (minute, placement, line_item, reason), n in counts.met.items():
        total[minute, placement, line_item, reason.value] += n
    found: dict[int, list[Tally]] = defaultdict(list)
    for (minute, placement, line_item, outcome), n in total.items():
        found[minute].append(Tally(placement, line_item, outcome, n))
    return found


def by_hour(answers: Mapping[Answer, int]) -> dict[int, list[Sold]]:
    """What was sold in each hour, in buckets."""
    total: Counter[tuple[int, int, int, int, int]] = Counter()
    for (minute, placement, winner, bid, beaten), n in answers.items():
        buckets = (SPONSORED, SPONSORED) if bid < 0 else (bucket_of(bid), bucket_of(beaten))
        total[minute // 60, placement, winner, *buckets] += n
    found: dict[int, list[Sold]] = defaultdict(list)
    for (hour, placement, winner, bid_bucket, price_bucket), n in total.items():
        found[hour].append(Sold(placement, winner, bid_bucket, price_bucket, n))
    return found


def audiences(counts: Counts) -> list[Audience]:
    """What was said of the viewers, each dimension for itself."""
    total = counts.heard.copy()
    for placement, known in counts.asked.items():
        for said, n in known.items():
            for dimension, value in zip(DIMENSIONS, said, strict=False):
                if isinstance(value, str):
                    total[placement, dimension, value] += n
    return [Audience(placement, dimension, value, n) for (placement, dimension, value), n in total.items()]
