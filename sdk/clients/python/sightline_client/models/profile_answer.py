from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ProfileAnswer")


@_attrs_define
class ProfileAnswer:
    """
    Attributes:
        address (list[str]):
        business (bool):
        country (str):
        name (str):
        vat_number (None | str):
    """

    address: list[str]
    business: bool
    country: str
    name: str
    vat_number: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        address = self.address

        business = self.business

        country = self.country

        name = self.name

        vat_number: None | str
        vat_number = self.vat_number

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "address": address,
                "business": business,
                "country": country,
                "name": name,
                "vat_number": vat_number,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        address = cast(list[str], d.pop("address"))

        business = d.pop("business")

        country = d.pop("country")

        name = d.pop("name")

        def _parse_vat_number(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        vat_number = _parse_vat_number(d.pop("vat_number"))

        profile_answer = cls(
            address=address,
            business=business,
            country=country,
            name=name,
            vat_number=vat_number,
        )

        profile_answer.additional_properties = d
        return profile_answer

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
