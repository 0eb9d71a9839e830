from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="AdsDecideDecisionAnswerRulesAnswer")


@_attrs_define
class AdsDecideDecisionAnswerRulesAnswer:
    """When a sample counts and how long it must last; shares in basis points, the angle in 1/100 degree.

    Attributes:
        angle_cdeg_below (int):
        sample_gap_ms_max (int):
        screen_bp_min (int):
        viewable_ms_min (int):
        visible_bp_min (int):
    """

    angle_cdeg_below: int
    sample_gap_ms_max: int
    screen_bp_min: int
    viewable_ms_min: int
    visible_bp_min: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        angle_cdeg_below = self.angle_cdeg_below

        sample_gap_ms_max = self.sample_gap_ms_max

        screen_bp_min = self.screen_bp_min

        viewable_ms_min = self.viewable_ms_min

        visible_bp_min = self.visible_bp_min

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "angle_cdeg_below": angle_cdeg_below,
                "sample_gap_ms_max": sample_gap_ms_max,
                "screen_bp_min": screen_bp_min,
                "viewable_ms_min": viewable_ms_min,
                "visible_bp_min": visible_bp_min,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        angle_cdeg_below = d.pop("angle_cdeg_below")

        sample_gap_ms_max = d.pop("sample_gap_ms_max")

        screen_bp_min = d.pop("screen_bp_min")

        viewable_ms_min = d.pop("viewable_ms_min")

        visible_bp_min = d.pop("visible_bp_min")

        ads_decide_decision_answer_rules_answer = cls(
            angle_cdeg_below=angle_cdeg_below,
            sample_gap_ms_max=sample_gap_ms_max,
            screen_bp_min=screen_bp_min,
            viewable_ms_min=viewable_ms_min,
            visible_bp_min=visible_bp_min,
        )

        ads_decide_decision_answer_rules_answer.additional_properties = d
        return ads_decide_decision_answer_rules_answer

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
