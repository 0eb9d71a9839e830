"""Who is on an invoice: a name, an address, a country, and for businesses of the EU a VAT number."""

import re
from dataclasses import dataclass

from backend.core.errors import Unprocessable

ADDRESS_LINES_MAX = 5
# Greece's prefix in VAT numbers is EL, everybody else's is the country. Forms: VIES, European Commission.
VAT_NUMBERS = {
    "AT": r"ATU\d{8}", "BE": r"BE[01]\d{9}", "BG": r"BG\d{9,10}", "CY": r"CY\d{8}[A-Z]", "CZ": r"CZ\d{8,10}",
    "DE": r"DE\d{9}", "DK": r"DK\d{8}", "EE": r"EE\d{9}", "ES": r"ES[A-Z0-9]\d{7}[A-Z0-9]", "FI": r"FI\d{8}",
    "FR": r"FR[A-HJ-NP-Z0-9]{2}\d{9}", "GR": r"EL\d{9}", "HR": r"HR\d{11}", "HU": r"HU\d{8}",
    "IE": r"IE\d[A-Z0-9+*]\d{5}[A-Z]{1,2}", "IT": r"IT\d{11}", "LT": r"LT(\d{9}|\d{12})", "LU": r"LU\d{8}",
    "LV": r"LV\d{11}", "MT": r"MT\d{8}", "NL": r"NL\d{9}B\d{2}", "PL": r"PL\d{10}", "PT": r"PT\d{9}",
    "RO": r"RO\d{2,10}", "SE": r"SE\d{12}", "SI": r"SI\d{8}", "SK": r"SK\d{10}",
}
EU = frozenset(VAT_NUMBERS)


@dataclass(frozen=True, slots=True)
class BillingProfile:
    """`country` is ISO 3166-1 alpha-2. A VAT number says that it is a business; elsewhere `business` does."""

    name: str
    address: tuple[str, ...]
    country: str
    vat_number: str | None = None
    business: bool = True


UNKNOWN = BillingProfile("", (), "", None, False)
"""Whoever has not told us: invoiced by wallet, taxed as a consumer of the seller's country."""


def check(profile: BillingProfile) -> None:
    """Raises Unprocessable `vat_number_malformed` unless the number has the form of its country; it is not looked up
    in VIES."""
    number = profile.vat_number
    if number is None:
        return
    form = VAT_NUMBERS.get(profile.country)
    if form is None:
        raise Unprocessable("vat_number_malformed", f"{profile.country} has no VAT numbers of the EU; leave it out")
    if not re.fullmatch(form, number):
        raise Unprocessable("vat_number_malformed", f"this is not the form of a VAT number of {profile.country}")
