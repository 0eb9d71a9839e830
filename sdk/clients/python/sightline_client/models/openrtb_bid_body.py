from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.openrtb_bid_body_imp_item import OpenrtbBidBodyImpItem


T = TypeVar("T", bound="OpenrtbBidBody")


@_attrs_define
class OpenrtbBidBody:
    """OpenRTB 2.6, §3.2. What is not known is ignored; docs/openrtb.md says what is read.

    Attributes:
        id (str):
        imp (list[OpenrtbBidBodyImpItem]):
    """

    id: str
    imp: list[OpenrtbBidBodyImpItem]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        imp = []
        for imp_item_data in self.imp:
            imp_item = imp_item_data.to_dict()
            imp.append(imp_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "imp": imp,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.openrtb_bid_body_imp_item import (
            OpenrtbBidBodyImpItem,  # noqa: PLC0415
        )

        d = dict(src_dict)
        id = d.pop("id")

        imp = []
        _imp = d.pop("imp")
        for imp_item_data in _imp:
            imp_item = OpenrtbBidBodyImpItem.from_dict(imp_item_data)

            imp.append(imp_item)

        openrtb_bid_body = cls(
            id=id,
            imp=imp,
        )

        openrtb_bid_body.additional_properties = d
        return openrtb_bid_body

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
