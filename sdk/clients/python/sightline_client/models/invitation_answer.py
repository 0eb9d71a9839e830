from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.member_role import MemberRole

T = TypeVar("T", bound="InvitationAnswer")


@_attrs_define
class InvitationAnswer:
    """
    Attributes:
        account (str):
        expires_at (datetime.datetime):
        id (int):
        invited_by (str):
        name (str): of the organisation
        role (MemberRole): What a member of an organisation is.
        wallet (str):
    """

    account: str
    expires_at: datetime.datetime
    id: int
    invited_by: str
    name: str
    role: MemberRole
    wallet: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        account = self.account

        expires_at = self.expires_at.isoformat()

        id = self.id

        invited_by = self.invited_by

        name = self.name

        role = self.role.value

        wallet = self.wallet

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account": account,
                "expires_at": expires_at,
                "id": id,
                "invited_by": invited_by,
                "name": name,
                "role": role,
                "wallet": wallet,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        account = d.pop("account")

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        id = d.pop("id")

        invited_by = d.pop("invited_by")

        name = d.pop("name")

        role = MemberRole(d.pop("role"))

        wallet = d.pop("wallet")

        invitation_answer = cls(
            account=account,
            expires_at=expires_at,
            id=id,
            invited_by=invited_by,
            name=name,
            role=role,
            wallet=wallet,
        )

        invitation_answer.additional_properties = d
        return invitation_answer

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
