"""Writes consent strings from bits; shares nothing with the reader in backend/core/tcf.py but the specification."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Ids = frozenset[int]
NONE: Ids = frozenset()


def bits(number: int, width: int) -> str:
    return f"{number:0{width}b}"


def field(ids: Iterable[int], width: int) -> str:
    return "".join("1" if number in ids else "0" for number in range(1, width + 1))


def letters(pair: str) -> str:
    return "".join(bits(ord(letter) - ord("A"), 6) for letter in pair)


def runs(ids: Ids) -> str:
    """NumEntries and the entries: neighbours become one range."""
    found: list[list[int]] = []
    for number in sorted(ids):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    entries = [bits(0, 1) + bits(a, 16) if a == b else bits(1, 1) + bits(a, 16) + bits(b, 16) for a, b in found]
    return bits(len(entries), 12) + "".join(entries)


def vendors(ids: Ids, *, ranged: bool) -> str:
    largest = max(ids, default=0)
    return bits(largest, 16) + bits(ranged, 1) + (runs(ids) if ranged else field(ids, largest))


def text(content: str) -> str:
    """base64url of bits, filled up to whole bytes."""
    filled = content + "0" * (-len(content) % 8)
    raw = int(filled, 2).to_bytes(len(filled) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True)
class Choices:
    """A viewer's answers, as a consent platform would write them down."""

    purposes: Ids = NONE
    interests: Ids = NONE
    vendors: Ids = NONE
    vendor_interests: Ids = NONE
    features: Ids = NONE
    restrictions: tuple[tuple[int, int, Ids], ...] = ()     # purpose, kind, vendors
    disclosed: Ids | None = None
    allowed: Ids | None = None
    publisher: Ids | None = None
    publisher_interests: Ids = NONE
    custom: Ids = NONE
    custom_count: int = 0
    created: datetime = datetime(2026, 1, 10, tzinfo=UTC)
    updated: datetime = datetime(2026, 1, 10, tzinfo=UTC)
    cmp: int = 27
    language: str = "EN"
    country: str = "DE"
    ranged: bool = False


def core(said: Choices) -> str:
    """The first segment, as bits."""
    deciseconds = [round((moment - EPOCH).total_seconds() * 10) for moment in (said.created, said.updated)]
    restricted = "".join(
        bits(purpose, 6) + bits(kind, 2) + runs(whom) for purpose, kind, whom in said.restrictions
    )
    return "".join((
        bits(2, 6), *(bits(moment, 36) for moment in deciseconds), bits(said.cmp, 12), bits(1, 12), bits(3, 6),
        letters(said.language), bits(48, 12), bits(4, 6), "1", "0", field(said.features, 12),
        field(said.purposes, 24), field(said.interests, 24), "0", letters(said.country),
        vendors(said.vendors, ranged=said.ranged), vendors(said.vendor_interests, ranged=not said.ranged),
        bits(len(said.restrictions), 12), restricted,
    ))


def encode(said: Choices) -> str:
    """The whole string."""
    segments = [core(said)]
    if said.disclosed is not None:
        segments.append(bits(1, 3) + vendors(said.disclosed, ranged=said.ranged))
    if said.allowed is not None:
        segments.append(bits(2, 3) + vendors(said.allowed, ranged=not said.ranged))
    if said.publisher is not None:
        segments.append(
            bits(3, 3) + field(said.publisher, 24) + field(said.publisher_interests, 24) + bits(said.custom_count, 6)
            + field(said.custom, said.custom_count) * 2
        )
    return ".".join(text(segment) for segment in segments)


COUNTING_ALLOWED = encode(Choices(publisher=frozenset({1, 2, 7})))
"""The viewer allowed the publisher what frequency capping needs."""
COUNTING_REFUSED = encode(Choices(publisher=frozenset({1, 7})))
