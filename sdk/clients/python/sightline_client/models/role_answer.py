from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.platform_role import PlatformRole

T = TypeVar("T", bound="RoleAnswer")


@_attrs_define
class RoleAnswer:
    """
    Attributes:
        created_at (datetime.datetime):
        granted_by (str):
        role (PlatformRole): A person of the operator. An auditor reads everything and changes nothing, not even in an
            account of its own.
        wallet (str):
    """

    created_at: datetime.datetime
    granted_by: str
    role: PlatformRole
    wallet: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        granted_by = self.granted_by

        role = self.role.value

        wallet = self.wallet

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "granted_by": granted_by,
                "role": role,
                "wallet": wallet,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        granted_by = d.pop("granted_by")

        role = PlatformRole(d.pop("role"))

        wallet = d.pop("wallet")

        role_answer = cls(
            created_at=created_at,
            granted_by=granted_by,
            role=role,
            wallet=wallet,
        )

        role_answer.additional_properties = d
        return role_answer

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
