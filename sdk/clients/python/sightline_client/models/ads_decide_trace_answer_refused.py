from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.ads_decide_trace_answer_refused_additional_property import (
        AdsDecideTraceAnswerRefusedAdditionalProperty,
    )


T = TypeVar("T", bound="AdsDecideTraceAnswerRefused")


@_attrs_define
class AdsDecideTraceAnswerRefused:
    additional_properties: dict[str, AdsDecideTraceAnswerRefusedAdditionalProperty] = (
        _attrs_field(init=False, factory=dict)
    )

    def to_dict(self) -> dict[str, Any]:

        field_dict: dict[str, Any] = {}
        for prop_name, prop in self.additional_properties.items():
            field_dict[prop_name] = prop.to_dict()

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.ads_decide_trace_answer_refused_additional_property import (
            AdsDecideTraceAnswerRefusedAdditionalProperty,  # noqa: PLC0415
        )

        d = dict(src_dict)
        ads_decide_trace_answer_refused = cls()

        additional_properties = {}
        for prop_name, prop_dict in d.items():
            additional_property = (
                AdsDecideTraceAnswerRefusedAdditionalProperty.from_dict(prop_dict)
            )

            additional_properties[prop_name] = additional_property

        ads_decide_trace_answer_refused.additional_properties = additional_properties
        return ads_decide_trace_answer_refused

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> AdsDecideTraceAnswerRefusedAdditionalProperty:
        return self.additional_properties[key]

    def __setitem__(
        self, key: str, value: AdsDecideTraceAnswerRefusedAdditionalProperty
    ) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
