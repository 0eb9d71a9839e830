"""Dollars per thousand, as OpenRTB has prices, and whole micro-USDC for one impression, as we have them.

One US dollar is one USDC. One micro-USDC for an impression is 0.001 dollars per thousand, so whatever we bid is exact;
floors of others are rounded up and their prices down, so that rounding never costs an advertiser anything.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation

USD = "USD"
MICRO_PER_CPM_DOLLAR = 1_000
PRICE_MICRO_USDC_MAX = 10**9
CPM_MAX = PRICE_MICRO_USDC_MAX // MICRO_PER_CPM_DOLLAR
_DIGITS_MAX = 30


def floor_micro_usdc(cpm: Decimal | None) -> int:
    """The least whole price of an impression that reaches a floor; 0 without one. What is no number is above all bids.

    >>> floor_micro_usdc(Decimal("1.2501"))
    1251
    """
    if cpm is None or (not cpm.is_nan() and cpm <= 0):
        return 0
    if cpm.is_nan() or cpm > CPM_MAX:
        return PRICE_MICRO_USDC_MAX + 1         # more than anybody may bid
    return int((cpm * MICRO_PER_CPM_DOLLAR).to_integral_value(ROUND_CEILING))


def cpm(price_micro_usdc: int) -> Decimal:
    """Dollars per thousand impressions, without needless zeros.

    >>> cpm(2_350), cpm(2_000)
    (Decimal('2.35'), Decimal('2'))
    """
    price = Decimal(price_micro_usdc) / MICRO_PER_CPM_DOLLAR
    return price.quantize(Decimal(1)) if price == price.to_integral_value() else price.normalize()


def cleared_micro_usdc(text: str | None) -> int | None:
    """What an exchange's ${AUCTION_PRICE} means for one impression; None when it is no price.

    >>> cleared_micro_usdc("2.3509"), cleared_micro_usdc("${AUCTION_PRICE}"), cleared_micro_usdc("-1")
    (2350, None, None)
    """
    if text is None or not 0 < len(text) <= _DIGITS_MAX or not text.isascii():
        return None
    try:
        price = Decimal(text)
    except InvalidOperation:
        return None
    if not price.is_finite() or not 0 < price * MICRO_PER_CPM_DOLLAR <= PRICE_MICRO_USDC_MAX:
        return None
    return int((price * MICRO_PER_CPM_DOLLAR).to_integral_value(ROUND_FLOOR))
