"""From what one process remembers of its answers to counts by minute and by hour."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from backend.core.reasons import NoBidReason
from backend.serving.decision import Book
from backend.serving.tally.landscape import SPONSORED, bucket_of

DIMENSIONS = ("country", "language", "device")

Answer = tuple[int, Book, int, int, int]
"""Minute, book, who won (0: nobody), eCPM of its bid (-1: a sponsorship), eCPM of what it had to beat."""
Refused = tuple[int, Book, int, NoBidReason]
"""Minute, book, line item, and why it did not compete for an ad request although its book has it."""
Asked = tuple[int, int, str | None, str | None, str | None]
"""Hour, placement, and what an ad request said: country, language, device."""


@dataclass(frozen=True, slots=True)
class Tally:
    """`n` answers of one outcome: `decision`, `no_bid` (line item 0), or the NoBidReason of a line item."""

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


def by_minute(answers: Mapping[Answer, int], refused: Mapping[Refused, int]) -> dict[int, list[Tally]]:
    """Every line item has one outcome per answer: refused for good, refused at the moment, won, or else outbid.

    While a sponsorship has the placement, nobody is outbid: they are `sponsored` away.
    """
    total: Counter[tuple[int, int, int, str]] = Counter()
    known: Counter[tuple[int, Book, int]] = Counter()
    given: Counter[tuple[int, Book]] = Counter()
    sponsored: Counter[tuple[int, Book]] = Counter()
    for (minute, book, line_item, reason), n in refused.items():
        total[minute, book.placement.id, line_item, reason] += n
        known[minute, book, line_item] += n
    for (minute, book, winner, bid, _), n in answers.items():
        total[minute, book.placement.id, winner, "decision" if winner else "no_bid"] += n
        known[minute, book, winner] += n
        given[minute, book] += n
        if bid < 0:
            sponsored[minute, book] += n
    for (minute, book), n in given.items():
        place, away = book.placement.id, sponsored[minute, book]
        for line_item, reason in book.refused.items():
            total[minute, place, line_item, reason] += n
        for offer in book.offers:
            line_item = offer.line_item.id
            total[minute, place, line_item, NoBidReason.SPONSORED] += away
            total[minute, place, line_item, NoBidReason.OUTBID] += n - away - known[minute, book, line_item]
    by_minute: dict[int, list[Tally]] = defaultdict(list)
    for (minute, placement, line_item, outcome), n in total.items():
        if n:
            by_minute[minute].append(Tally(placement, line_item, str(outcome), n))
    return by_minute


def by_hour(answers: Mapping[Answer, int]) -> dict[int, list[Sold]]:
    """What was sold in each hour, in buckets."""
    total: Counter[tuple[int, int, int, int, int]] = Counter()
    for (minute, book, winner, bid, beaten), n in answers.items():
        buckets = (SPONSORED, SPONSORED) if bid < 0 else (bucket_of(bid), bucket_of(beaten))
        total[minute // 60, book.placement.id, winner, *buckets] += n
    by_hour: dict[int, list[Sold]] = defaultdict(list)
    for (hour, placement, winner, bid_bucket, price_bucket), n in total.items():
        by_hour[hour].append(Sold(placement, winner, bid_bucket, price_bucket, n))
    return by_hour


def audiences(audience: Mapping[Asked, int]) -> dict[int, list[Audience]]:
    """What was said of the viewers in each hour, each dimension for itself."""
    total: Counter[tuple[int, int, str, str]] = Counter()
    for (hour, placement, *said), n in audience.items():
        for dimension, value in zip(DIMENSIONS, said, strict=True):
            if value is not None:
                total[hour, placement, dimension, str(value)] += n
    by_hour: dict[int, list[Audience]] = defaultdict(list)
    for (hour, placement, dimension, value), n in total.items():
        by_hour[hour].append(Audience(placement, dimension, value, n))
    return by_hour
