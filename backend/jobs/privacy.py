"""Loops of people's rights: exports are made, what is over is deleted, what a backup brought back is erased again."""

from backend.privacy.erasure.service import ErasureService
from backend.privacy.export.service import ExportMaker
from backend.privacy.retention.service import RetentionService


class ExportsJob:
    """One export a step; several workers make different ones."""

    def __init__(self, maker: ExportMaker) -> None:
        self._maker = maker

    def step(self) -> bool:
        """True when an export was made and another may wait."""
        return self._maker.step()


class RetentionJob:
    """A batch of everything that is over; safe in several processes, which then share the work."""

    def __init__(self, retention: RetentionService, maker: ExportMaker, erasures: ErasureService) -> None:
        self._retention = retention
        self._maker = maker
        self._erasures = erasures

    def step(self) -> bool:
        """True when more is left."""
        again = self._erasures.step()
        self._maker.sweep()
        return self._retention.step() or again
