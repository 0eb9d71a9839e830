"""Even pacing: a cap is released in proportion to the time that has passed, so that it lasts until the end."""


def allowed_micro_usdc(cap_micro_usdc: int, start_ms: int, end_ms: int, now_ms: int, lead_micro_usdc: int) -> int:
    """How much of a cap may be spent by now: the elapsed share of it, and one event (`lead`) ahead.

    A cap of 1,000,000 for a day, six hours in, with bids of 5,000: 250,000 + 5,000. Without the lead a cap worth a
    single event would wait for the last moment.

    >>> allowed_micro_usdc(1_000_000, 0, 86_400_000, 21_600_000, 5_000)
    255000
    """
    elapsed_ms = max(0, min(now_ms, end_ms) - start_ms)
    return min(cap_micro_usdc, cap_micro_usdc * elapsed_ms // max(1, end_ms - start_ms) + lead_micro_usdc)


def kept_back_micro_usdc(cap_micro_usdc: int, start_ms: int, end_ms: int, now_ms: int, lead_micro_usdc: int) -> int:
    """The part of a cap that must still be left in its purse now; 0 once the time is over."""
    return cap_micro_usdc - allowed_micro_usdc(cap_micro_usdc, start_ms, end_ms, now_ms, lead_micro_usdc)
