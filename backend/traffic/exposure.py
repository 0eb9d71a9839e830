"""What is counted of one accepted event: how long, how regular, whether anything moved, and a name for its trace."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from struct import pack
from typing import Any

GAPS_MIN = 4        # fewer cannot be called regular
Raw = Sequence[Any]
"""A sample as it is stored: [t_ms, visible_bp, screen_bp, angle_cdeg, active, foreground]."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A view or a click. `decided_ms` is when its ad was chosen, `received_ms` when we heard of it; both our clock.

    `is_steady`: sampled by a timer that never slipped a millisecond; `is_still`: nothing moved by a hundredth of a
    degree. `trace` names the sequence of what was measured, None unless it moved through enough different views; of a
    click it names the moment after its decision.
    """

    seq: int
    placement: int
    publisher: int
    is_click: bool
    decided_ms: int
    received_ms: int
    viewer: int | None
    network: int | None
    watched_ms: int = 0
    is_steady: bool = False
    is_still: bool = False
    trace: int | None = None


def watched_ms(samples: Sequence[Raw]) -> int:
    return int(samples[-1][0] - samples[0][0]) if samples else 0


def is_steady(samples: Sequence[Raw]) -> bool:
    """Whether all gaps are the same to the millisecond."""
    if len(samples) <= GAPS_MIN:
        return False
    gap = samples[1][0] - samples[0][0]
    return all(later[0] - earlier[0] == gap for earlier, later in pairwise(samples))


def trace_of(samples: Sequence[Raw], points_min: int) -> int | None:
    """64 bits that are the same for the same sequence of views, whatever their times; None when hardly anything moved.

    Visibility, share of the screen and angle are measured to a ten thousandth and a hundredth of a degree: two people
    never move alike, and a recording does.
    """
    points = [(one[1], one[2], one[3]) for one in samples]
    if len(set(points)) < points_min:
        return None
    content = b"".join(pack(">HHH", *point) for point in points)
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big", signed=True)


def moment_of(delay_ms: int, moment_ms: int) -> int:
    """64 bits that are the same for clicks which come at the same moment after their decisions; a moment is so long."""
    content = b"click" + pack(">Q", max(0, delay_ms) // moment_ms)
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big", signed=True)


def is_still(samples: Sequence[Raw]) -> bool:
    return bool(samples) and all(one[1:4] == samples[0][1:4] for one in samples)
