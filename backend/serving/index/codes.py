"""Reasons as small numbers, for arrays: 0 is no objection."""

from typing import Any

import numpy as np
import numpy.typing as npt

from backend.core.reasons import NoBidReason

Codes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

REASONS = tuple(NoBidReason)
CODE: dict[NoBidReason | None, int] = {None: 0} | {reason: n for n, reason in enumerate(REASONS, 1)}
CODES_MAX = len(REASONS) + 1


def reason_of(code: int) -> NoBidReason | None:
    """The reason behind a number."""
    return REASONS[code - 1] if code else None


def counted(codes: Codes, weights: Any = None) -> dict[NoBidReason, int]:
    """How often each reason occurs, weighted if asked; 0 is left out."""
    found = np.bincount(codes, weights=weights, minlength=CODES_MAX)
    return {REASONS[code - 1]: int(found[code]) for code in np.flatnonzero(found[1:]) + 1}


def bits(flags: Flags) -> int:
    """Flags as one number: flag i is bit i."""
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")
