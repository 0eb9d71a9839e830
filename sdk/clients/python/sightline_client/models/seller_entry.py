from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="SellerEntry")


@_attrs_define
class SellerEntry:
    """IAB sellers.json 1.0, object Seller. Confidential ones have neither name nor domain.

    Attributes:
        seller_id (str):
        seller_type (str):
        domain (None | str | Unset):
        is_confidential (int | None | Unset):
        name (None | str | Unset):
    """

    seller_id: str
    seller_type: str
    domain: None | str | Unset = UNSET
    is_confidential: int | None | Unset = UNSET
    name: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        seller_id = self.seller_id

        seller_type = self.seller_type

        domain: None | str | Unset
        if isinstance(self.domain, Unset):
            domain = UNSET
        else:
            domain = self.domain

        is_confidential: int | None | Unset
        if isinstance(self.is_confidential, Unset):
            is_confidential = UNSET
        else:
            is_confidential = self.is_confidential

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "seller_id": seller_id,
                "seller_type": seller_type,
            }
        )
        if domain is not UNSET:
            field_dict["domain"] = domain
        if is_confidential is not UNSET:
            field_dict["is_confidential"] = is_confidential
        if name is not UNSET:
            field_dict["name"] = name

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        seller_id = d.pop("seller_id")

        seller_type = d.pop("seller_type")

        def _parse_domain(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        domain = _parse_domain(d.pop("domain", UNSET))

        def _parse_is_confidential(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        is_confidential = _parse_is_confidential(d.pop("is_confidential", UNSET))

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        seller_entry = cls(
            seller_id=seller_id,
            seller_type=seller_type,
            domain=domain,
            is_confidential=is_confidential,
            name=name,
        )

        seller_entry.additional_properties = d
        return seller_entry

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
