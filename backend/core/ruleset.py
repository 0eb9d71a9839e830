"""The ruleset of a settlement: every parameter that decides what is charged, versioned and hashed on chain."""

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Parameters of viewability (IAB/MRC intrinsic in-game, 2022) and of charging.

    Shares are basis points, the angle is hundredths of a degree, times are milliseconds or seconds as named.
    """

    version: int = 3
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
    # invalid traffic (docs/invalid-traffic.md): what is counted per placement, UTC day and viewer, network or trace
    ivt_clock_slack_ms: int = 5_000                # more seen than this beyond the time that has passed is impossible
    ivt_viewer_views_per_day_max: int = 1_500      # of one viewer on one placement
    ivt_trace_points_min: int = 4                  # different views in a trace that cannot come twice by chance
    ivt_trace_repeats_max: int = 5                 # how often such a trace may be reported
    ivt_click_views_min: int = 20                  # fewer views say nothing about clicks
    ivt_click_times_min: int = 5                   # clicks must be so many times what is expected, and …
    ivt_click_alpha_exponent: int = 9              # … less probable than 10^-this, over all looks at a cell
    ivt_click_prior_views: int = 100               # how much honest places differ: a Beta prior that weighs as much
    ivt_click_delays_min: int = 20                 # clicks whose delays are compared
    ivt_click_delay_spread_bp_min: int = 1_000     # standard deviation of a person's delays over their mean
    ivt_click_moment_ms: int = 100                 # clicks are also compared by when they come after their decision
    ivt_click_moment_bp_max: int = 1_000           # people's clicks on a placement that come at one such moment
    ivt_signal_views_min: int = 50                 # weak signals need so many views, and add up to 100
    ivt_steady_bp_min: int = 9_800                 # share of views that were sampled by a timer that never slips
    ivt_still_bp_min: int = 9_800                  # share of views in which nothing moved
    ivt_endless_ms_min: int = 10_800_000           # a viewer that stays so long, with …
    ivt_endless_views_min: int = 200               # … so many views, on one placement
    ivt_network_views_min: int = 500               # a placement with fewer views can be one school's or one office's
    ivt_network_share_bp_max: int = 6_000          # of a placement's views from one network
    ivt_churn_bp_min: int = 9_500                  # viewers per view of a network that changes its viewers each time
    ivt_churn_others_bp_max: int = 7_000           # … where the other networks' viewers stay

    def as_json(self) -> str:
        """Canonical JSON (RFC 8785: sorted keys, no spaces; all values are small integers)."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON: `ruleset` in `CampaignEscrow.propose`."""
        return hashlib.sha256(self.as_json().encode()).digest()
