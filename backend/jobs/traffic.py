"""Loops of invalid traffic: events are counted and judged, charges given back, lists fetched, marks forgotten."""

from backend.ledger.reversal.service import ReversalService
from backend.traffic.service import ListKeeper, TrafficService


class TrafficJob:
    """A batch of events a step; safe in several processes, of which one works."""

    def __init__(self, service: TrafficService) -> None:
        self._service = service

    def step(self) -> bool:
        """True when there were events."""
        return self._service.step()

    def forget(self) -> bool:
        """True when more marks are old."""
        return self._service.forget()


class ReversalJob:
    """A batch of flagged events a step, under the ledger's lock."""

    def __init__(self, service: ReversalService) -> None:
        self._service = service

    def step(self) -> bool:
        """True when more may wait."""
        return self._service.step()


class ListsJob:
    """One list a step, each once a day."""

    def __init__(self, keeper: ListKeeper) -> None:
        self._keeper = keeper

    def step(self) -> bool:
        """True when a list was due."""
        return self._keeper.step()
