"""Paces line items; two workers may run it, one of them works at a time."""

import time

from backend.serving.steering.service import Pacing


class PacingJob:
    """Loop around `Pacing`; every few seconds is enough, since what caps release binds at every moment."""

    def __init__(self, pacing: Pacing) -> None:
        self._pacing = pacing

    def step(self) -> bool:
        """Never asks to be called again at once."""
        self._pacing.step(time.time_ns() // 1_000_000)
        return False
