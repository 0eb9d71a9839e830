"""Looks every day whether publishers still control the worlds that they sell."""

from datetime import UTC, datetime

from backend.placements.proofs.service import ProofService


class ProofsJob:
    """Safe in several processes: a world that another has checked meanwhile is left alone."""

    def __init__(self, service: ProofService) -> None:
        self._service = service

    def step(self) -> bool:
        return self._service.check_due(datetime.now(UTC))
