from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ConversionsReportPostbackAnswer")


@_attrs_define
class ConversionsReportPostbackAnswer:
    """`repeated`: this order id was reported before, and this is what became of it.

    Attributes:
        conversion_id (int):
        repeated (bool):
        verdict (str):
    """

    conversion_id: int
    repeated: bool
    verdict: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        conversion_id = self.conversion_id

        repeated = self.repeated

        verdict = self.verdict

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "conversion_id": conversion_id,
                "repeated": repeated,
                "verdict": verdict,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        conversion_id = d.pop("conversion_id")

        repeated = d.pop("repeated")

        verdict = d.pop("verdict")

        conversions_report_postback_answer = cls(
            conversion_id=conversion_id,
            repeated=repeated,
            verdict=verdict,
        )

        conversions_report_postback_answer.additional_properties = d
        return conversions_report_postback_answer

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
