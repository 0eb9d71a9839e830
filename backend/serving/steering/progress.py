"""One line item's step: from what it has spent, holds and lately paid to its controller's next state."""

from collections.abc import Sequence
from dataclasses import replace

from backend.serving.catalogue import LineItem, Spending, day_of
from backend.serving.eligibility import caps, likely
from backend.serving.pacing.controller import PPM, Pace, Progress, State, next_multiplier
from backend.serving.pacing.curve import planned_micro_usdc

STEP_MS_MAX = 60_000        # of the past, that a step makes up for


def stepped(
    item: LineItem, spending: Spending, prices_micro_usdc: Sequence[int], state: State, last_ms: int, now_ms: int
) -> tuple[State, Pace]:
    """`prices_micro_usdc` are those of its newest events or holds; `last_ms` is when `state` was made.

    A new day owes nothing for the last one: that its cap was not reached then is no error that has grown since.
    """
    if item.daily_cap_micro_usdc is not None and day_of(last_ms) < day_of(now_ms):
        state = replace(state, error=max(0, state.error))
    since_ms = max(last_ms, now_ms - STEP_MS_MAX)
    progress = []
    for cap, spent in zip(caps(item, now_ms), likely(item, spending, day_of(now_ms)), strict=True):
        if cap is not None:
            planned = planned_micro_usdc(*cap, now_ms)
            progress.append(Progress(cap[0], planned, spent, planned - planned_micro_usdc(*cap, since_ms)))
    paid_ppm = None
    if prices_micro_usdc:
        paid_ppm = PPM * sum(prices_micro_usdc) // (len(prices_micro_usdc) * item.bid_micro_usdc)
    return next_multiplier(state, progress, item.bid_micro_usdc, paid_ppm)
