"""The CPU of a decision alone, without HTTP: market, auction, hold, token, answer; at 1,000 to 100,000 line items.

Every hold is granted at once, so that nothing but our own work is measured.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from itertools import cycle
from random import Random
from typing import Any

from backend.api.decisions import Decide
from backend.core.events import BidKind
from backend.core.ruleset import Ruleset
from backend.net.resp import Resp
from backend.pctr.rate import Rates
from backend.serving.catalogue import Creative, LineItem, Placement, Target, Wanted
from backend.serving.index.market import Market, known, order_of
from backend.serving.index.pace import paces_of
from backend.serving.index.terms import Compiler
from backend.serving.published import Budgets
from backend.serving.service import DecisionService

SIZES = (1_000, 10_000, 100_000)
PLACEMENTS, WORLDS = 20, 60
DECISIONS = 20_000
COUNTRIES = [first + second for first in "ABCDEFGHIJ" for second in "ABCDEFGHIJKLMNOPQRST"]
LANGUAGES = [first + second for first in "abcde" for second in "abcdefgh"]
DEVICES = ("vr", "desktop", "mobile")


def items_of(count: int) -> list[LineItem]:
    """Line items of the same kind of market as in bench/serving.py: a third wants worlds, half wants countries."""
    dice = Random(1)
    wishes = [
        Wanted(
            worlds=_some(dice, range(WORLDS), 3, 0.3), countries=_some(dice, COUNTRIES, 8, 0.5),
            languages=_some(dice, LANGUAGES, 4, 0.3), devices=_some(dice, DEVICES, 1, 0.2),
        )
        for _ in range(1_000)
    ]
    return [
        LineItem(
            id=number, campaign=number // 10, owner=f"0x{number // 10:040x}", bid_kind=BidKind.VCPM,
            bid_micro_usdc=dice.randint(1_000, 9_000), starts_ms=0, ends_ms=2**50, wanted=dice.choice(wishes),
            creatives=(Creative(
                number, "image", 1_024, 512, f"https://assets.example/{number}.png", "ab" * 32, "https://shop.example/"
            ),),
            chain_campaign=number // 10 + 1,
        )
        for number in range(1, count + 1)
    ]


def _some(dice: Random, values: Sequence[int | str], count: int, share: float) -> Target:
    return Target(frozenset(dice.sample(list(values), count))) if dice.random() < share else Target()


def market_of(count: int) -> Market:
    """Everybody is funded and may spend."""
    terms = Compiler().compile(items_of(count))
    learned, paces = known(terms, Rates()), paces_of(terms, Budgets())
    surfaces = {
        number: Placement(number, number % WORLDS, "social", 1, "0xpublisher", "image", 1_024, 512, 500)
        for number in range(1, PLACEMENTS + 1)
    }
    order = order_of(terms, learned, paces.multipliers_ppm)
    return Market(1, 0, surfaces, terms, learned, order, paces)


class Standing:
    """A feed whose market never changes."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def current(self, _now_ms: int) -> Market:
        return self._market

    def refresh(self, _now_ms: int) -> Market:
        return self._market

    async def run(self) -> None:
        return None


class Granted:
    """An answer of Redis that is there already: the hold is taken."""

    def __await__(self) -> Generator[None, None, int]:
        yield from ()
        return 0


class Granting(Resp):
    """Redis, as far as a decision sees it, in no time."""

    granted = Granted()

    def send(self, packed: bytes) -> Any:
        return self.granted


def measure(count: int) -> dict[str, object]:
    """Microseconds of CPU for a decision and its answer's bytes; megabytes of the process."""
    began = time.thread_time()
    market = market_of(count)
    compiled_seconds = time.thread_time() - began
    client = Granting("unix://nowhere")
    answer = Decide(DecisionService(Standing(market), client, 31337, bytes(range(32)), Ruleset())).answer
    dice = Random(2)
    bodies = cycle([
        json.dumps({
            "placement_id": 1 + number % PLACEMENTS, "viewer_key": f"viewer-{number:08}",
            "country": dice.choice(COUNTRIES), "language": dice.choice(LANGUAGES), "device": dice.choice(DEVICES),
        }).encode()
        for number in range(5_000)
    ])
    _ask(answer, bodies, DECISIONS // 2)
    took = min(_ask(answer, bodies, DECISIONS // 4) for _ in range(12))
    return {
        "value": round(took * 1e6 / (DECISIONS // 4), 1), "unit": "us of CPU",
        "compile_seconds": round(compiled_seconds, 2),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _ask(answer: Callable[..., Coroutine[Any, Any, bytes]], bodies: Iterator[bytes], count: int) -> float:
    """Seconds of CPU. Nobody waits for anything, so no event loop is needed."""
    began = time.thread_time()
    for _ in range(count):
        content = b""
        try:
            answer(next(bodies), {}).send(None)
        except StopIteration as answered:
            content = answered.value
        assert b'"token"' in content
    return time.thread_time() - began


def main() -> None:
    """Print a row for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    rows = {f"decide_core_{count}": measure(count) for count in SIZES}
    print(json.dumps(rows) if as_json else "\n".join(f"{name:20} {row}" for name, row in rows.items()))


if __name__ == "__main__":
    main()
