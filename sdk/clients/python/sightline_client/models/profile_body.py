from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="ProfileBody")


@_attrs_define
class ProfileBody:
    """`vat_number` is for businesses of the EU, with its country in front; its form is checked, VIES is not asked.

    Attributes:
        address (list[str]):
        country (str):
        name (str):
        business (bool | Unset):  Default: True.
        vat_number (None | str | Unset):
    """

    address: list[str]
    country: str
    name: str
    business: bool | Unset = True
    vat_number: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        address = self.address

        country = self.country

        name = self.name

        business = self.business

        vat_number: None | str | Unset
        if isinstance(self.vat_number, Unset):
            vat_number = UNSET
        else:
            vat_number = self.vat_number

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "address": address,
                "country": country,
                "name": name,
            }
        )
        if business is not UNSET:
            field_dict["business"] = business
        if vat_number is not UNSET:
            field_dict["vat_number"] = vat_number

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        address = cast(list[str], d.pop("address"))

        country = d.pop("country")

        name = d.pop("name")

        business = d.pop("business", UNSET)

        def _parse_vat_number(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        vat_number = _parse_vat_number(d.pop("vat_number", UNSET))

        profile_body = cls(
            address=address,
            country=country,
            name=name,
            business=business,
            vat_number=vat_number,
        )

        return profile_body
