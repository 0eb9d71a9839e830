"""Billing profiles, invoices, account statements, and the daily reconciliation for the platform's own people."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.api.access import Access
from backend.api.fields import After, Body, Day, Limit, Name, next_after
from backend.api.problems import responses
from backend.auth.permissions import Permission, Side
from backend.billing import account_statement, document
from backend.billing.document import Document, DocumentKind, Issued
from backend.billing.pdf import document_pdf, statement_pdf
from backend.billing.profile import ADDRESS_LINES_MAX, BillingProfile
from backend.billing.reconciling.figures import Status
from backend.billing.reconciling.service import ReconciliationService
from backend.billing.service import BillingService
from backend.core.ids import Address

Number = Annotated[str, Path(pattern=r"^[A-Z]{2}-\d{4}-\d{6}$", examples=["SL-2026-000001"])]


class Form(StrEnum):
    """What a document is answered as."""

    JSON = "json"
    PDF = "pdf"
    CSV = "csv"


class ProfileBody(Body):
    """`vat_number` is for businesses of the EU, with its country in front; its form is checked, VIES is not asked."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{
        "name": "Shop of the Advertiser", "address": ["Example Street 1", "10115 Berlin"], "country": "DE",
        "vat_number": "DE123456789", "business": True,
    }]})
    name: Name
    address: Annotated[tuple[Name, ...], Field(min_length=1, max_length=ADDRESS_LINES_MAX)]
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$", min_length=2, max_length=2)]
    vat_number: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9+*]{4,15}$", max_length=15)] | None = None
    business: bool = True


class ProfileAnswer(BaseModel):
    name: str
    address: list[str]
    country: str
    vat_number: str | None
    business: bool


class DocumentAnswer(BaseModel):
    """An issued document. `sha256` is of its stored form, and is printed on the PDF."""

    id: int
    number: str = Field(examples=["SL-2026-000001"])
    kind: DocumentKind
    issued_on: date
    from_day: date
    to_day: date
    gross_micro_usdc: int
    sha256: str


class DocumentPage(BaseModel):
    items: list[DocumentAnswer]
    next_after: int | None


class LineAnswer(BaseModel):
    reference: str = Field(examples=["campaign:7"])
    text: str
    amount_micro_usdc: int


class WholeDocument(BaseModel):
    """Amounts include VAT where it is due: gross = net + vat."""

    number: str = Field(examples=["SL-2026-000001"])
    kind: DocumentKind
    issued_on: date
    from_day: date
    to_day: date
    seller: ProfileAnswer
    buyer: ProfileAnswer
    wallet: str
    lines: list[LineAnswer]
    vat_rate_bp: int
    vat_country: str
    vat_note: str
    net_micro_usdc: int
    vat_micro_usdc: int
    gross_micro_usdc: int
    sha256: str


class MovementAnswer(BaseModel):
    """In: positive; out: negative."""

    day: date
    what: str = Field(examples=["deposit"])
    reference: str = Field(examples=["campaign:7"])
    amount_micro_usdc: int


class StatementAnswer(BaseModel):
    """closing = opening + all movements."""

    wallet: str
    from_day: date
    to_day: date
    opening_micro_usdc: int
    closing_micro_usdc: int
    movements: list[MovementAnswer]


class ReconciliationAnswer(BaseModel):
    """A day's comparison of chain, ledger and Stripe."""

    day: date
    status: Status
    report: dict[str, object] = Field(examples=[{"differences": [], "agreed": 12, "missing": []}])
    created_at: datetime


class ReconciliationPage(BaseModel):
    items: list[ReconciliationAnswer]
    next_before: date | None = Field(examples=[None])


_FORMS: dict[str, object] = {"application/pdf": {"schema": {"type": "string", "format": "binary"}},
                             "text/csv": {"schema": {"type": "string"}}}


def router(service: BillingService, reconciliation: ReconciliationService, access: Access) -> APIRouter:
    """Routes under /v1/billing and /v1/reconciliations."""
    api = APIRouter(prefix="/v1")
    _add_profile(api, service, access)
    _add_documents(api, service, access)
    _add_statement(api, service, access)
    _add_reconciliation(api, reconciliation, access)
    return api


def _add_profile(api: APIRouter, service: BillingService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.BILLING_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.BILLING_WRITE))]

    @api.get("/billing/profile", tags=["billing"], summary="Who you are on your invoices",
             responses=responses(401, 403, 404))
    def profile(account: Reader) -> ProfileAnswer:
        return _profile(service.profile(account))

    @api.put("/billing/profile", tags=["billing"], summary="Say who you are on your invoices from now on",
             responses=responses(401, 403))
    def set_profile(body: ProfileBody, account: Writer) -> ProfileAnswer:
        wished = BillingProfile(body.name, body.address, body.country, body.vat_number, body.business)
        return _profile(service.set_profile(account, wished))


def _add_documents(api: APIRouter, service: BillingService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.BILLING_READ))]

    @api.get("/billing/documents", tags=["billing"], summary="Invoices and self-billing invoices",
             responses=responses(401, 403))
    def documents(account: Reader, after: After = 0, limit: Limit = 50) -> DocumentPage:
        items = [_issued(one) for one in service.documents(account, after=after, limit=limit)]
        return DocumentPage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.get("/billing/documents/{number}", tags=["billing"], summary="One of them, as JSON, PDF or CSV",
             response_model=WholeDocument, responses={200: {"content": _FORMS}, **responses(401, 403, 404)})
    def document_of(
        number: Number, account: Reader, form: Annotated[Form, Query(alias="format")] = Form.JSON
    ) -> object:
        found, digest = service.document(account, number)
        if form is Form.JSON:
            return _whole(found, digest)
        content = document_pdf(found, digest) if form is Form.PDF else document.as_csv(found)
        return _file(content, form, number)


def _add_statement(api: APIRouter, service: BillingService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.BILLING_READ))]

    @api.get("/billing/statement", tags=["billing"], summary="Everything that moved your money between two days",
             response_model=StatementAnswer, responses={200: {"content": _FORMS}, **responses(401, 403)})
    def statement(
        account: Reader, from_day: Day, to_day: Day, side: Side = Side.ADVERTISER,
        form: Annotated[Form, Query(alias="format")] = Form.JSON,
    ) -> object:
        found = service.statement(account, from_day, to_day, publisher=side is Side.PUBLISHER)
        if form is Form.JSON:
            # a year of a thousand campaigns: a model for each movement would take seconds
            whole = {name: getattr(found, name) for name in StatementAnswer.model_fields}
            return Response(msgspec.json.encode(whole), media_type="application/json")
        content = statement_pdf(found) if form is Form.PDF else account_statement.as_csv(found)
        return _file(content, form, f"statement-{from_day}-{to_day}")


def _add_reconciliation(api: APIRouter, service: ReconciliationService, access: Access) -> None:
    @api.get("/reconciliations", tags=["operation"], summary="Do chain, ledger and Stripe agree? A report a day",
             responses=responses(401, 403), dependencies=[Depends(access.may(Permission.ADMIN_READ))])
    def page(before: Annotated[Day | None, Query(description="the last day of the page before")] = None,
             limit: Limit = 30) -> ReconciliationPage:
        items = [
            ReconciliationAnswer(day=run.day, status=run.status, report=dict(run.report), created_at=run.created_at)
            for run in service.runs(before=before, limit=limit)
        ]
        return ReconciliationPage(items=items, next_before=items[-1].day if len(items) == limit else None)


def _file(content: str | bytes, form: Form, name: str) -> Response:
    media = "application/pdf" if form is Form.PDF else "text/csv; charset=utf-8"
    disposition = f'attachment; filename="{name}.{form.value}"'
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return Response(content, media_type=media, headers=headers)


def _profile(profile: BillingProfile) -> ProfileAnswer:
    return ProfileAnswer(
        name=profile.name, address=list(profile.address), country=profile.country, vat_number=profile.vat_number,
        business=profile.business,
    )


def _issued(one: Issued) -> DocumentAnswer:
    return DocumentAnswer(
        id=one.id, number=one.number, kind=one.kind, issued_on=one.issued_on, from_day=one.from_day, to_day=one.to_day,
        gross_micro_usdc=one.gross_micro_usdc, sha256=one.sha256,
    )


def _whole(found: Document, digest: str) -> WholeDocument:
    lines = [LineAnswer(reference=line.reference, text=line.text, amount_micro_usdc=line.amount_micro_usdc)
             for line in found.lines]
    return WholeDocument(
        number=found.number, kind=found.kind, issued_on=found.issued_on, from_day=found.from_day, to_day=found.to_day,
        seller=_profile(found.seller), buyer=_profile(found.buyer), wallet=found.wallet, lines=lines,
        vat_rate_bp=found.vat.rate_bp, vat_country=found.vat.country, vat_note=found.vat.note,
        net_micro_usdc=found.net_micro_usdc, vat_micro_usdc=found.vat_micro_usdc,
        gross_micro_usdc=found.gross_micro_usdc, sha256=digest,
    )
