"""Draws documents as PDF, A4. The same document always gives the same bytes: no clock, no random id."""

from collections.abc import Sequence
from io import BytesIO

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from backend.billing.account_statement import AccountStatement
from backend.billing.document import Document, DocumentKind
from backend.billing.profile import BillingProfile
from backend.core.money import usdc

WIDTH, HEIGHT = A4
LEFT, RIGHT, TOP, BOTTOM = 20 * mm, WIDTH - 20 * mm, HEIGHT - 22 * mm, 24 * mm
LINE = 5 * mm
FONT, BOLD = "Helvetica", "Helvetica-Bold"
TITLES = {DocumentKind.INVOICE: "Invoice", DocumentKind.SELF_BILLING: "Self-billing invoice"}
TEXT_CHARACTERS_MAX = 70


class _Sheet:
    """A canvas with a place to write next; a full page begins another with the same heading."""

    def __init__(self, title: str, footer: str) -> None:
        self._buffer = BytesIO()
        self._canvas = Canvas(self._buffer, pagesize=A4, invariant=1)
        self._canvas.setTitle(title)
        self._canvas.setAuthor("Sightline")
        self._footer = footer
        self._page = 1
        self.y = TOP

    def text(self, text: str, *, x: float = LEFT, bold: bool = False, size: float = 9.5) -> None:
        self._canvas.setFont(BOLD if bold else FONT, size)
        self._canvas.drawString(x, self.y, _latin(text))

    def right(self, text: str, *, x: float = RIGHT, bold: bool = False, size: float = 9.5) -> None:
        self._canvas.setFont(BOLD if bold else FONT, size)
        self._canvas.drawRightString(x, self.y, _latin(text))

    def down(self, lines: float = 1) -> None:
        self.y -= lines * LINE
        if self.y < BOTTOM:
            self._end_page()
            self._canvas.showPage()
            self._page += 1
            self.y = TOP

    def rule(self) -> None:
        self._canvas.setLineWidth(0.4)
        self._canvas.line(LEFT, self.y + 1.4 * mm, RIGHT, self.y + 1.4 * mm)

    def done(self) -> bytes:
        self._end_page()
        self._canvas.save()
        return self._buffer.getvalue()

    def _end_page(self) -> None:
        self._canvas.setFont(FONT, 7.5)
        self._canvas.drawString(LEFT, 14 * mm, _latin(self._footer))
        self._canvas.drawRightString(RIGHT, 14 * mm, f"page {self._page}")


def document_pdf(document: Document, digest: str) -> bytes:
    """An invoice. `digest` is that of the stored form, printed so that paper and record can be compared."""
    sheet = _Sheet(document.number, f"{document.number} · SHA-256 of the record {digest}")
    sheet.text(TITLES[document.kind], bold=True, size=18)
    sheet.right(document.number, bold=True, size=12)
    sheet.down(2)
    _facts(sheet, (
        ("Date", document.issued_on.isoformat()),
        ("Service", f"{document.from_day.isoformat()} to {document.to_day.isoformat()} (UTC)"),
        ("Currency", "USDC (amounts with six decimals)"),
    ))
    sheet.down(0.5)
    _party(sheet, "From", document.seller, document.wallet if document.kind is DocumentKind.SELF_BILLING else "")
    _party(sheet, "To", document.buyer, document.wallet if document.kind is DocumentKind.INVOICE else "")
    _lines(sheet, [(line.text, line.reference, line.amount_micro_usdc) for line in document.lines])
    _totals(sheet, (
        ("Net", document.net_micro_usdc), ("VAT", document.vat_micro_usdc), ("Total", document.gross_micro_usdc),
    ))
    sheet.down()
    sheet.text(document.vat.note, size=8.5)
    return sheet.done()


def statement_pdf(statement: AccountStatement) -> bytes:
    """An account statement with the balance after each movement."""
    sheet = _Sheet("Account statement", f"account {statement.wallet}")
    sheet.text("Account statement", bold=True, size=18)
    sheet.down(2)
    _facts(sheet, (
        ("Account", statement.wallet), ("Period", f"{statement.from_day} to {statement.to_day} (UTC)"),
        ("Opening balance", f"{usdc(statement.opening_micro_usdc)} USDC"),
        ("Closing balance", f"{usdc(statement.closing_micro_usdc)} USDC"),
    ))
    sheet.down(0.5)
    _lines(sheet, [
        (f"{movement.day}  {movement.what.replace('_', ' ')}", movement.reference, movement.amount_micro_usdc)
        for movement in statement.movements
    ])
    return sheet.done()


def _facts(sheet: _Sheet, facts: Sequence[tuple[str, str]]) -> None:
    for name, value in facts:
        sheet.text(name)
        sheet.text(value, x=LEFT + 35 * mm)
        sheet.down()


def _party(sheet: _Sheet, heading: str, party: BillingProfile, wallet: str) -> None:
    sheet.text(heading, bold=True)
    rows = [party.name, *party.address, party.country]
    rows += [f"VAT number {party.vat_number}"] if party.vat_number else []
    rows += [f"Account {wallet}"] if wallet else []
    for row in filter(None, rows):
        sheet.text(row, x=LEFT + 35 * mm)
        sheet.down()
    sheet.down(0.5)


def _lines(sheet: _Sheet, lines: Sequence[tuple[str, str, int]]) -> None:
    sheet.text("Description", bold=True)
    sheet.right("Reference", x=RIGHT - 40 * mm, bold=True)
    sheet.right("USDC", bold=True)
    sheet.down(0.6)
    sheet.rule()
    sheet.down(0.6)
    for text, reference, amount in lines:
        sheet.text(text if len(text) <= TEXT_CHARACTERS_MAX else f"{text[:TEXT_CHARACTERS_MAX - 1]}…")
        sheet.right(reference, x=RIGHT - 40 * mm)
        sheet.right(usdc(amount))
        sheet.down()
    sheet.rule()


def _totals(sheet: _Sheet, totals: Sequence[tuple[str, int]]) -> None:
    for name, amount in totals:
        bold = name == "Total"
        sheet.right(name, x=RIGHT - 40 * mm, bold=bold)
        sheet.right(usdc(amount), bold=bold)
        sheet.down()


def _latin(text: str) -> str:
    """The standard fonts of PDF know Latin-1 and a few signs more; anything else is shown as a question mark."""
    return text.encode("cp1252", "replace").decode("cp1252")
