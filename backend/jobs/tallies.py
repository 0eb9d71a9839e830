"""Copies the counters of ad requests into `serving_tally`."""

import time

from backend.serving.tally.service import TallyFlush


class TalliesJob:
    """Loop around `TallyFlush`; every few seconds is enough."""

    def __init__(self, tallies: TallyFlush) -> None:
        self._tallies = tallies

    def step(self) -> bool:
        """Never asks to be called again at once."""
        return self._tallies.flush(time.time_ns() // 1_000_000)
