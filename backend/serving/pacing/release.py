"""How much of a cap may be spent by now: the hard limit of pacing, exact however many processes decide."""

from backend.serving.pacing.curve import Span, planned_micro_usdc

AHEAD = 100         # a hundredth of the cap may be spent ahead of the plan, so that there is something to steer by


def lead_micro_usdc(cap_micro_usdc: int, bid_micro_usdc: int) -> int:
    """How far ahead of its plan a cap may be: a hundredth of it, and one event at the least."""
    return max(bid_micro_usdc, cap_micro_usdc // AHEAD)


def allowed_micro_usdc(cap_micro_usdc: int, span: Span, now_ms: int, lead_micro_usdc: int) -> int:
    """How much of a cap may be spent by now: what should be, and a little (`lead`) ahead.

    A cap of 1,000,000 for a day, six hours in, with bids of 5,000: 250,000 + 5,000. Without the lead a cap worth a
    single event would wait for the last moment.

    >>> allowed_micro_usdc(1_000_000, Span(0, 86_400_000), 21_600_000, 5_000)
    255000
    """
    return min(cap_micro_usdc, planned_micro_usdc(cap_micro_usdc, span, now_ms) + lead_micro_usdc)


def kept_back_micro_usdc(cap_micro_usdc: int, span: Span, now_ms: int, lead_micro_usdc: int) -> int:
    """The part of a cap that must still be left in its purse now; 0 once the time is over."""
    return cap_micro_usdc - allowed_micro_usdc(cap_micro_usdc, span, now_ms, lead_micro_usdc)
