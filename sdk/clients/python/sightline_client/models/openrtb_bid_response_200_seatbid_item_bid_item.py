from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="OpenrtbBidResponse200SeatbidItemBidItem")


@_attrs_define
class OpenrtbBidResponse200SeatbidItemBidItem:
    """
    Attributes:
        id (str):
        impid (str):
        price (float):
        adm (str | Unset):
        adomain (list[str] | Unset):
        burl (str | Unset):
        crid (str | Unset):
    """

    id: str
    impid: str
    price: float
    adm: str | Unset = UNSET
    adomain: list[str] | Unset = UNSET
    burl: str | Unset = UNSET
    crid: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        impid = self.impid

        price = self.price

        adm = self.adm

        adomain: list[str] | Unset = UNSET
        if not isinstance(self.adomain, Unset):
            adomain = self.adomain

        burl = self.burl

        crid = self.crid

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "impid": impid,
                "price": price,
            }
        )
        if adm is not UNSET:
            field_dict["adm"] = adm
        if adomain is not UNSET:
            field_dict["adomain"] = adomain
        if burl is not UNSET:
            field_dict["burl"] = burl
        if crid is not UNSET:
            field_dict["crid"] = crid

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        impid = d.pop("impid")

        price = d.pop("price")

        adm = d.pop("adm", UNSET)

        adomain = cast(list[str], d.pop("adomain", UNSET))

        burl = d.pop("burl", UNSET)

        crid = d.pop("crid", UNSET)

        openrtb_bid_response_200_seatbid_item_bid_item = cls(
            id=id,
            impid=impid,
            price=price,
            adm=adm,
            adomain=adomain,
            burl=burl,
            crid=crid,
        )

        openrtb_bid_response_200_seatbid_item_bid_item.additional_properties = d
        return openrtb_bid_response_200_seatbid_item_bid_item

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
