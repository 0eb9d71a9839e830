"""The ruleset of a settlement: every parameter that decides what is charged, versioned and hashed on chain."""

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Parameters of viewability (IAB/MRC intrinsic in-game, 2022) and of charging.

    Shares are basis points, the angle is hundredths of a degree, times are milliseconds or seconds as named.
    """

    version: int = 2
    visible_bp_min: int = 5_000
    screen_bp_min: int = 150
    angle_cdeg_below: int = 5_500
    viewable_ms_min: int = 1_000
    viewable_video_ms_min: int = 2_000
    sample_gap_ms_max: int = 300
    token_seconds: int = 120
    clock_skew_seconds_max: int = 5
    viewer_events_per_minute_max: int = 60
    conversion_days_max: int = 30          # the longest lookback: a conversion is charged under a decision so old
    fee_bps: int = 1_000

    def as_json(self) -> str:
        """Canonical JSON (RFC 8785: sorted keys, no spaces; all values are small integers)."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON: `ruleset` in `CampaignEscrow.propose`."""
        return hashlib.sha256(self.as_json().encode()).digest()
