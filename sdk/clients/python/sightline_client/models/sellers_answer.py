from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.seller_entry import SellerEntry


T = TypeVar("T", bound="SellersAnswer")


@_attrs_define
class SellersAnswer:
    """IAB sellers.json 1.0.

    Attributes:
        sellers (list[SellerEntry]):
        version (str):
        contact_email (None | str | Unset):
    """

    sellers: list[SellerEntry]
    version: str
    contact_email: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        sellers = []
        for sellers_item_data in self.sellers:
            sellers_item = sellers_item_data.to_dict()
            sellers.append(sellers_item)

        version = self.version

        contact_email: None | str | Unset
        if isinstance(self.contact_email, Unset):
            contact_email = UNSET
        else:
            contact_email = self.contact_email

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "sellers": sellers,
                "version": version,
            }
        )
        if contact_email is not UNSET:
            field_dict["contact_email"] = contact_email

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.seller_entry import SellerEntry  # noqa: PLC0415

        d = dict(src_dict)
        sellers = []
        _sellers = d.pop("sellers")
        for sellers_item_data in _sellers:
            sellers_item = SellerEntry.from_dict(sellers_item_data)

            sellers.append(sellers_item)

        version = d.pop("version")

        def _parse_contact_email(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        contact_email = _parse_contact_email(d.pop("contact_email", UNSET))

        sellers_answer = cls(
            sellers=sellers,
            version=version,
            contact_email=contact_email,
        )

        sellers_answer.additional_properties = d
        return sellers_answer

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
