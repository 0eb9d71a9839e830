"""VAT of a service between two parties, as EU law has it for electronically supplied services.

Council Directive 2006/112/EC: Art. 44 (to a business: where it is), Art. 196 (then it owes the tax: reverse charge),
Art. 58 (to a consumer of the EU: where it is, through the One-Stop-Shop), Art. 59 (outside of the EU: not taxed here).
Prices include VAT where it is due: the escrow holds what is paid, and nothing is collected beside it.
"""

from dataclasses import dataclass

from backend.billing.profile import EU, BillingProfile

BASIS_POINTS = 10_000
RATES_AS_OF = "2026-01-01"
STANDARD_RATES_BP = {
    "AT": 2_000, "BE": 2_100, "BG": 2_000, "CY": 1_900, "CZ": 2_100, "DE": 1_900, "DK": 2_500, "EE": 2_400, "ES": 2_100,
    "FI": 2_550, "FR": 2_000, "GR": 2_400, "HR": 2_500, "HU": 2_700, "IE": 2_300, "IT": 2_200, "LT": 2_100, "LU": 1_700,
    "LV": 2_100, "MT": 1_800, "NL": 2_100, "PL": 2_300, "PT": 2_300, "RO": 2_100, "SE": 2_500, "SI": 2_200, "SK": 2_300,
}
REVERSE_CHARGE = "Reverse charge: VAT is to be accounted for by the recipient (Art. 196 Directive 2006/112/EC)."
OUTSIDE = "Not taxable in the EU (Art. 44 and 59 Directive 2006/112/EC)."
SELLER_OUTSIDE = "The seller is not established in the EU; no EU VAT is charged."


@dataclass(frozen=True, slots=True)
class Treatment:
    """Rate in basis points, whose rate it is (ISO country, empty where none), and what the invoice must say."""

    rate_bp: int
    country: str
    note: str


@dataclass(frozen=True, slots=True)
class Taxed:
    """gross = net + vat, micro-USDC."""

    net_micro_usdc: int
    vat_micro_usdc: int


def treatment(seller: BillingProfile, buyer: BillingProfile) -> Treatment:
    """How a service from `seller` to `buyer` is taxed. A buyer of unknown country is a consumer of the seller's."""
    country = buyer.country or seller.country
    if seller.country not in EU:
        return Treatment(0, "", SELLER_OUTSIDE)
    if country not in EU:
        return Treatment(0, "", OUTSIDE)
    if country != seller.country and buyer.vat_number is not None:
        return Treatment(0, "", REVERSE_CHARGE)
    rate = STANDARD_RATES_BP[country]
    percent = f"{rate // 100}.{rate % 100:02d}".rstrip("0").rstrip(".")
    return Treatment(rate, country, f"Includes {percent} % VAT of {country}.")


def split(gross_micro_usdc: int, rate_bp: int) -> Taxed:
    """Net and VAT of a price that includes VAT. The net is rounded to the nearest micro-USDC, the rest is VAT.

    >>> split(119_000_000, 1_900)
    Taxed(net_micro_usdc=100000000, vat_micro_usdc=19000000)
    >>> split(100, 1_900)      # 84.03 of 100
    Taxed(net_micro_usdc=84, vat_micro_usdc=16)
    """
    divisor = BASIS_POINTS + rate_bp
    net = (2 * gross_micro_usdc * BASIS_POINTS + divisor) // (2 * divisor)
    return Taxed(net, gross_micro_usdc - net)
