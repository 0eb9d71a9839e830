from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.openrtb_bid_response_200_seatbid_item_bid_item import (
        OpenrtbBidResponse200SeatbidItemBidItem,
    )


T = TypeVar("T", bound="OpenrtbBidResponse200SeatbidItem")


@_attrs_define
class OpenrtbBidResponse200SeatbidItem:
    """
    Attributes:
        bid (list[OpenrtbBidResponse200SeatbidItemBidItem]):
        group (int | Unset):
        seat (str | Unset):
    """

    bid: list[OpenrtbBidResponse200SeatbidItemBidItem]
    group: int | Unset = UNSET
    seat: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        bid = []
        for bid_item_data in self.bid:
            bid_item = bid_item_data.to_dict()
            bid.append(bid_item)

        group = self.group

        seat = self.seat

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "bid": bid,
            }
        )
        if group is not UNSET:
            field_dict["group"] = group
        if seat is not UNSET:
            field_dict["seat"] = seat

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.openrtb_bid_response_200_seatbid_item_bid_item import (
            OpenrtbBidResponse200SeatbidItemBidItem,  # noqa: PLC0415
        )

        d = dict(src_dict)
        bid = []
        _bid = d.pop("bid")
        for bid_item_data in _bid:
            bid_item = OpenrtbBidResponse200SeatbidItemBidItem.from_dict(bid_item_data)

            bid.append(bid_item)

        group = d.pop("group", UNSET)

        seat = d.pop("seat", UNSET)

        openrtb_bid_response_200_seatbid_item = cls(
            bid=bid,
            group=group,
            seat=seat,
        )

        openrtb_bid_response_200_seatbid_item.additional_properties = d
        return openrtb_bid_response_200_seatbid_item

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
