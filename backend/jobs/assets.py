"""Forgets uploads that were never used, and bytes that no upload names any more."""

import time
from itertools import cycle

from backend.creatives.assets.service import AssetService


class AssetsJob:
    """Loop around the sweeps of AssetService: each step looks at one of 256 parts of the files."""

    def __init__(self, assets: AssetService) -> None:
        self._assets = assets
        self._prefixes = cycle(f"{number:02x}" for number in range(256))

    def step(self) -> bool:
        """True when there may be more unused uploads."""
        self._assets.sweep_orphans(next(self._prefixes), time.time())
        return self._assets.sweep()
