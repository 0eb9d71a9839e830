"""Money is whole micro-USDC. Multiply, then divide, floor; what rounding leaves goes to the dust account."""

from collections.abc import Mapping
from dataclasses import dataclass

BASIS_POINTS = 10_000
MICRO_USDC_PER_USDC = 1_000_000
MICRO_USDC_PER_CENT = 10_000        # one US dollar of a card buys one USDC, exactly


def fee(total_micro_usdc: int, fee_bps: int) -> int:
    """Platform fee of an epoch in micro-USDC, floored exactly as `CampaignEscrow.finalize` does.

    >>> fee(999_999, 1_000)
    99999
    """
    return total_micro_usdc * fee_bps // BASIS_POINTS


@dataclass(frozen=True, slots=True)
class Split:
    """What becomes of an epoch's charges: total = fee + sum(net of publishers) + dust, all micro-USDC."""

    fee_micro_usdc: int
    net_micro_usdc: dict[int, int]
    dust_micro_usdc: int


def split(gross_micro_usdc: Mapping[int, int], fee_bps: int) -> Split:
    """Split charges by publisher into the fee, each publisher's net and dust.

    Three publishers who sold 1, 1 and 1 micro-USDC at a fee of 10 %: the fee is floor(0.3) = 0, each net is
    floor(0.9) = 0, so 3 micro-USDC are dust.

    >>> split({1: 1, 2: 1, 3: 1}, 1_000)
    Split(fee_micro_usdc=0, net_micro_usdc={1: 0, 2: 0, 3: 0}, dust_micro_usdc=3)
    """
    total = sum(gross_micro_usdc.values())
    fee_micro_usdc = fee(total, fee_bps)
    net = {who: gross * (BASIS_POINTS - fee_bps) // BASIS_POINTS for who, gross in gross_micro_usdc.items()}
    return Split(fee_micro_usdc, net, total - fee_micro_usdc - sum(net.values()))


def usdc(micro_usdc: int) -> str:
    """Decimal USDC for people, always six decimals.

    >>> usdc(1_234_567)
    '1.234567'
    """
    sign = "-" if micro_usdc < 0 else ""
    whole, micro = divmod(abs(micro_usdc), MICRO_USDC_PER_USDC)
    return f"{sign}{whole:,}.{micro:06d}"
