"""Counts by reason, of placements and of line items, as columns: fifty thousand of them are one text in Redis."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from backend.serving.index.codes import Numbers

Side = tuple[Numbers, Numbers, Numbers]
"""Ids, places in `reasons`, counts."""


@dataclass(frozen=True, slots=True)
class Margins:
    """Of each side of the market, with the other side added up."""

    reasons: Sequence[str]
    placements: Side
    line_items: Side


class _Text(msgspec.Struct, array_like=True):
    reasons: list[str]
    placements: list[bytes]
    line_items: list[bytes]


def encode_margins(margins: Margins) -> bytes:
    return msgspec.msgpack.encode(
        _Text(list(margins.reasons), _columns(margins.placements), _columns(margins.line_items))
    )


def decode_margins(text: bytes) -> Counter[tuple[int, int, str]]:
    """Counts by placement (0: of a line item), line item (0: of a placement) and reason."""
    found = msgspec.msgpack.decode(text, type=_Text)
    total: Counter[tuple[int, int, str]] = Counter()
    for one, reason, n in _rows(found.placements):
        total[one, 0, found.reasons[reason]] += n
    for one, reason, n in _rows(found.line_items):
        total[0, one, found.reasons[reason]] += n
    return total


def _columns(side: Side) -> list[bytes]:
    return [np.ascontiguousarray(column, "<i8").tobytes() for column in side]


def _rows(columns: Sequence[bytes]) -> Sequence[tuple[int, int, int]]:
    ids, reasons, counts = (np.frombuffer(column, "<i8").tolist() for column in columns)
    return list(zip(ids, reasons, counts, strict=True))
