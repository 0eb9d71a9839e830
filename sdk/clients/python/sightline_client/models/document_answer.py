from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.document_kind import DocumentKind

T = TypeVar("T", bound="DocumentAnswer")


@_attrs_define
class DocumentAnswer:
    """An issued document. `sha256` is of its stored form, and is printed on the PDF.

    Attributes:
        from_day (datetime.date):
        gross_micro_usdc (int):
        id (int):
        issued_on (datetime.date):
        kind (DocumentKind): invoice: for an advertiser's charges; self_billing: for a publisher's earnings, issued by
            us in its name.
        number (str):
        sha256 (str):
        to_day (datetime.date):
    """

    from_day: datetime.date
    gross_micro_usdc: int
    id: int
    issued_on: datetime.date
    kind: DocumentKind
    number: str
    sha256: str
    to_day: datetime.date
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from_day = self.from_day.isoformat()

        gross_micro_usdc = self.gross_micro_usdc

        id = self.id

        issued_on = self.issued_on.isoformat()

        kind = self.kind.value

        number = self.number

        sha256 = self.sha256

        to_day = self.to_day.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "from_day": from_day,
                "gross_micro_usdc": gross_micro_usdc,
                "id": id,
                "issued_on": issued_on,
                "kind": kind,
                "number": number,
                "sha256": sha256,
                "to_day": to_day,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        from_day = datetime.date.fromisoformat(d.pop("from_day"))

        gross_micro_usdc = d.pop("gross_micro_usdc")

        id = d.pop("id")

        issued_on = datetime.date.fromisoformat(d.pop("issued_on"))

        kind = DocumentKind(d.pop("kind"))

        number = d.pop("number")

        sha256 = d.pop("sha256")

        to_day = datetime.date.fromisoformat(d.pop("to_day"))

        document_answer = cls(
            from_day=from_day,
            gross_micro_usdc=gross_micro_usdc,
            id=id,
            issued_on=issued_on,
            kind=kind,
            number=number,
            sha256=sha256,
            to_day=to_day,
        )

        document_answer.additional_properties = d
        return document_answer

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
