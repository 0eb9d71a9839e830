"""Forgets uploads that were never used."""

from backend.creatives.assets.service import AssetService


class AssetsJob:
    """Loop around `AssetService.sweep`; every few minutes is enough."""

    def __init__(self, assets: AssetService) -> None:
        self._assets = assets

    def step(self) -> bool:
        """True when there may be more."""
        return self._assets.sweep()
