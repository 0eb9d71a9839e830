"""Prices per event and per thousand. One event costs whole micro-USDC, so a thousand cost a multiple of 1000."""

EVENTS_PER_MILLE = 1_000


def per_event_micro_usdc(per_mille_micro_usdc: int) -> int | None:
    """Price of one event; None when the thousand does not divide into whole micro-USDC.

    >>> per_event_micro_usdc(2_500_000), per_event_micro_usdc(2_500_001)   # 2.50 USDC per thousand
    (2500, None)
    """
    each, rest = divmod(per_mille_micro_usdc, EVENTS_PER_MILLE)
    return None if rest else each
