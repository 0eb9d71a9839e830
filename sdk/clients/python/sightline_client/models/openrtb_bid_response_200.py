from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.openrtb_bid_response_200_seatbid_item import (
        OpenrtbBidResponse200SeatbidItem,
    )


T = TypeVar("T", bound="OpenrtbBidResponse200")


@_attrs_define
class OpenrtbBidResponse200:
    """OpenRTB 2.6, §4.2: with `seatbid`, or with `nbr`

    Attributes:
        id (str):
        bidid (str | Unset):
        cur (str | Unset):
        nbr (int | Unset):
        seatbid (list[OpenrtbBidResponse200SeatbidItem] | Unset):
    """

    id: str
    bidid: str | Unset = UNSET
    cur: str | Unset = UNSET
    nbr: int | Unset = UNSET
    seatbid: list[OpenrtbBidResponse200SeatbidItem] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        bidid = self.bidid

        cur = self.cur

        nbr = self.nbr

        seatbid: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.seatbid, Unset):
            seatbid = []
            for seatbid_item_data in self.seatbid:
                seatbid_item = seatbid_item_data.to_dict()
                seatbid.append(seatbid_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
            }
        )
        if bidid is not UNSET:
            field_dict["bidid"] = bidid
        if cur is not UNSET:
            field_dict["cur"] = cur
        if nbr is not UNSET:
            field_dict["nbr"] = nbr
        if seatbid is not UNSET:
            field_dict["seatbid"] = seatbid

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.openrtb_bid_response_200_seatbid_item import (
            OpenrtbBidResponse200SeatbidItem,  # noqa: PLC0415
        )

        d = dict(src_dict)
        id = d.pop("id")

        bidid = d.pop("bidid", UNSET)

        cur = d.pop("cur", UNSET)

        nbr = d.pop("nbr", UNSET)

        _seatbid = d.pop("seatbid", UNSET)
        seatbid: list[OpenrtbBidResponse200SeatbidItem] | Unset = UNSET
        if _seatbid is not UNSET:
            seatbid = []
            for seatbid_item_data in _seatbid:
                seatbid_item = OpenrtbBidResponse200SeatbidItem.from_dict(
                    seatbid_item_data
                )

                seatbid.append(seatbid_item)

        openrtb_bid_response_200 = cls(
            id=id,
            bidid=bidid,
            cur=cur,
            nbr=nbr,
            seatbid=seatbid,
        )

        openrtb_bid_response_200.additional_properties = d
        return openrtb_bid_response_200

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
