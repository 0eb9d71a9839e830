from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.unpaid_placement_reasons import UnpaidPlacementReasons


T = TypeVar("T", bound="UnpaidPlacement")


@_attrs_define
class UnpaidPlacement:
    """
    Attributes:
        placement_id (int):
        reasons (UnpaidPlacementReasons):
    """

    placement_id: int
    reasons: UnpaidPlacementReasons
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        placement_id = self.placement_id

        reasons = self.reasons.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "placement_id": placement_id,
                "reasons": reasons,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.unpaid_placement_reasons import (
            UnpaidPlacementReasons,  # noqa: PLC0415
        )

        d = dict(src_dict)
        placement_id = d.pop("placement_id")

        reasons = UnpaidPlacementReasons.from_dict(d.pop("reasons"))

        unpaid_placement = cls(
            placement_id=placement_id,
            reasons=reasons,
        )

        unpaid_placement.additional_properties = d
        return unpaid_placement

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
