from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.permission import Permission

T = TypeVar("T", bound="Me")


@_attrs_define
class Me:
    """Who is signed in.

    Attributes:
        account (str): acted for, as Sightline-Account says
        chain_id (int):
        expires_at (datetime.datetime):
        permissions (list[Permission]): what you may do for this account
        wallet (str):
    """

    account: str
    chain_id: int
    expires_at: datetime.datetime
    permissions: list[Permission]
    wallet: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        account = self.account

        chain_id = self.chain_id

        expires_at = self.expires_at.isoformat()

        permissions = []
        for permissions_item_data in self.permissions:
            permissions_item = permissions_item_data.value
            permissions.append(permissions_item)

        wallet = self.wallet

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account": account,
                "chain_id": chain_id,
                "expires_at": expires_at,
                "permissions": permissions,
                "wallet": wallet,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        account = d.pop("account")

        chain_id = d.pop("chain_id")

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        permissions = []
        _permissions = d.pop("permissions")
        for permissions_item_data in _permissions:
            permissions_item = Permission(permissions_item_data)

            permissions.append(permissions_item)

        wallet = d.pop("wallet")

        me = cls(
            account=account,
            chain_id=chain_id,
            expires_at=expires_at,
            permissions=permissions,
            wallet=wallet,
        )

        me.additional_properties = d
        return me

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
