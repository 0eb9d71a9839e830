"""Loops of conversions: those that wait for their click, and those that contracts log."""

from backend.conversions.service import ChainConversions, WaitingConversions


class WaitingConversionsJob:
    """Two workers may run it: each takes rows that the other has not."""

    def __init__(self, conversions: WaitingConversions) -> None:
        self._conversions = conversions

    def step(self) -> bool:
        """Never asks to be called again at once."""
        return self._conversions.settle()


class ChainConversionsJob:
    """Two workers may run it: each takes goals that the other has not."""

    def __init__(self, conversions: ChainConversions) -> None:
        self._conversions = conversions

    def step(self) -> bool:
        """True when a goal is still behind the chain."""
        return self._conversions.step()
