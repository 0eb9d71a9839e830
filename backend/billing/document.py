"""Invoices and statements: what they say, before anything is drawn. An issued one never changes; its digest tells."""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import msgspec

from backend.billing.profile import BillingProfile
from backend.billing.vat import Treatment, split
from backend.core.money import usdc

TRIGGERS = "=+-@\t\r"


class DocumentKind(StrEnum):
    """invoice: for an advertiser's charges; self_billing: for a publisher's earnings, issued by us in its name."""

    INVOICE = "invoice"
    SELF_BILLING = "self_billing"


SERIES = {DocumentKind.INVOICE: "SL", DocumentKind.SELF_BILLING: "SB"}


@dataclass(frozen=True, slots=True)
class Line:
    """`amount_micro_usdc` includes VAT where it is due. `reference` is `campaign:7`, `epoch:12`."""

    reference: str
    text: str
    amount_micro_usdc: int


@dataclass(frozen=True, slots=True)
class Document:
    """`from_day` to `to_day`, both included, UTC. Totals: gross = net + vat, and the lines sum to gross."""

    number: str
    kind: DocumentKind
    issued_on: date
    from_day: date
    to_day: date
    seller: BillingProfile
    buyer: BillingProfile
    wallet: str
    lines: tuple[Line, ...]
    vat: Treatment
    net_micro_usdc: int
    vat_micro_usdc: int
    gross_micro_usdc: int


@dataclass(frozen=True, slots=True)
class Issued:
    """A document in a list."""

    id: int
    number: str
    kind: DocumentKind
    issued_on: date
    from_day: date
    to_day: date
    gross_micro_usdc: int
    sha256: str


def number_of(kind: DocumentKind, year: int, serial: int) -> str:
    """`SL-2026-000017`: without gaps within a series and a year."""
    return f"{SERIES[kind]}-{year}-{serial:06d}"


def draw_up(
    number: str, kind: DocumentKind, issued_on: date, days: tuple[date, date],
    parties: tuple[BillingProfile, BillingProfile], wallet: str, lines: Sequence[Line], treatment: Treatment,
) -> Document:
    """The document over `lines`. `parties` are seller and buyer; on self-billing the publisher is the seller."""
    gross = sum(line.amount_micro_usdc for line in lines)
    taxed = split(gross, treatment.rate_bp)
    return Document(
        number, kind, issued_on, *days, *parties, wallet, tuple(lines), treatment, taxed.net_micro_usdc,
        taxed.vat_micro_usdc, gross,
    )


def encode(document: Document) -> bytes:
    """The form that is stored and hashed."""
    return msgspec.json.encode(document)


def decode(raw: bytes) -> Document:
    return msgspec.json.decode(raw, type=Document)


def digest(raw: bytes) -> str:
    """SHA-256 of the stored form, hex."""
    return hashlib.sha256(raw).hexdigest()


def as_csv(document: Document) -> str:
    """A row per line, then the totals; RFC 4180. Amounts are decimal USDC and micro-USDC."""
    rows: list[Sequence[object]] = [("number", "kind", "issued_on", "reference", "text", "usdc", "micro_usdc")]
    head = (document.number, document.kind.value, document.issued_on.isoformat())
    rows += [(*head, line.reference, line.text, usdc(line.amount_micro_usdc), line.amount_micro_usdc)
             for line in document.lines]
    for name, amount in (("net", document.net_micro_usdc), ("vat", document.vat_micro_usdc),
                         ("gross", document.gross_micro_usdc)):
        rows.append((*head, name, document.vat.note if name == "vat" else "", usdc(amount), amount))
    return table(rows)


def table(rows: Iterable[Sequence[object]]) -> str:
    """RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe (OWASP, CSV injection)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    return out.getvalue()


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple(TRIGGERS) else cell
