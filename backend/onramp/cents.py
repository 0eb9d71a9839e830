"""US cents of cards and micro-USDC of the ledger: one US dollar buys one USDC, exactly."""

from backend.core.money import MICRO_USDC_PER_CENT


def micro_usdc(cents: int) -> int:
    """
    >>> micro_usdc(5_00)
    5000000
    """
    return cents * MICRO_USDC_PER_CENT


def whole_cents(micro_usdc: int) -> int:
    """Cents that an amount covers, floored; what is left of it stays where it is.

    >>> whole_cents(19_999)
    1
    """
    return micro_usdc // MICRO_USDC_PER_CENT
