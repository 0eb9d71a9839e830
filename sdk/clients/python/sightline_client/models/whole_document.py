from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.document_kind import DocumentKind

if TYPE_CHECKING:
    from ..models.line_answer import LineAnswer
    from ..models.profile_answer import ProfileAnswer


T = TypeVar("T", bound="WholeDocument")


@_attrs_define
class WholeDocument:
    """Amounts include VAT where it is due: gross = net + vat.

    Attributes:
        buyer (ProfileAnswer):
        from_day (datetime.date):
        gross_micro_usdc (int):
        issued_on (datetime.date):
        kind (DocumentKind): invoice: for an advertiser's charges; self_billing: for a publisher's earnings, issued by
            us in its name.
        lines (list[LineAnswer]):
        net_micro_usdc (int):
        number (str):
        seller (ProfileAnswer):
        sha256 (str):
        to_day (datetime.date):
        vat_country (str):
        vat_micro_usdc (int):
        vat_note (str):
        vat_rate_bp (int):
        wallet (str):
    """

    buyer: ProfileAnswer
    from_day: datetime.date
    gross_micro_usdc: int
    issued_on: datetime.date
    kind: DocumentKind
    lines: list[LineAnswer]
    net_micro_usdc: int
    number: str
    seller: ProfileAnswer
    sha256: str
    to_day: datetime.date
    vat_country: str
    vat_micro_usdc: int
    vat_note: str
    vat_rate_bp: int
    wallet: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        buyer = self.buyer.to_dict()

        from_day = self.from_day.isoformat()

        gross_micro_usdc = self.gross_micro_usdc

        issued_on = self.issued_on.isoformat()

        kind = self.kind.value

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        net_micro_usdc = self.net_micro_usdc

        number = self.number

        seller = self.seller.to_dict()

        sha256 = self.sha256

        to_day = self.to_day.isoformat()

        vat_country = self.vat_country

        vat_micro_usdc = self.vat_micro_usdc

        vat_note = self.vat_note

        vat_rate_bp = self.vat_rate_bp

        wallet = self.wallet

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "buyer": buyer,
                "from_day": from_day,
                "gross_micro_usdc": gross_micro_usdc,
                "issued_on": issued_on,
                "kind": kind,
                "lines": lines,
                "net_micro_usdc": net_micro_usdc,
                "number": number,
                "seller": seller,
                "sha256": sha256,
                "to_day": to_day,
                "vat_country": vat_country,
                "vat_micro_usdc": vat_micro_usdc,
                "vat_note": vat_note,
                "vat_rate_bp": vat_rate_bp,
                "wallet": wallet,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.line_answer import LineAnswer  # noqa: PLC0415
        from ..models.profile_answer import ProfileAnswer  # noqa: PLC0415

        d = dict(src_dict)
        buyer = ProfileAnswer.from_dict(d.pop("buyer"))

        from_day = datetime.date.fromisoformat(d.pop("from_day"))

        gross_micro_usdc = d.pop("gross_micro_usdc")

        issued_on = datetime.date.fromisoformat(d.pop("issued_on"))

        kind = DocumentKind(d.pop("kind"))

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = LineAnswer.from_dict(lines_item_data)

            lines.append(lines_item)

        net_micro_usdc = d.pop("net_micro_usdc")

        number = d.pop("number")

        seller = ProfileAnswer.from_dict(d.pop("seller"))

        sha256 = d.pop("sha256")

        to_day = datetime.date.fromisoformat(d.pop("to_day"))

        vat_country = d.pop("vat_country")

        vat_micro_usdc = d.pop("vat_micro_usdc")

        vat_note = d.pop("vat_note")

        vat_rate_bp = d.pop("vat_rate_bp")

        wallet = d.pop("wallet")

        whole_document = cls(
            buyer=buyer,
            from_day=from_day,
            gross_micro_usdc=gross_micro_usdc,
            issued_on=issued_on,
            kind=kind,
            lines=lines,
            net_micro_usdc=net_micro_usdc,
            number=number,
            seller=seller,
            sha256=sha256,
            to_day=to_day,
            vat_country=vat_country,
            vat_micro_usdc=vat_micro_usdc,
            vat_note=vat_note,
            vat_rate_bp=vat_rate_bp,
            wallet=wallet,
        )

        whole_document.additional_properties = d
        return whole_document

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
