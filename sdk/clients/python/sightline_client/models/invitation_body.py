from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.member_role import MemberRole

T = TypeVar("T", bound="InvitationBody")


@_attrs_define
class InvitationBody:
    """Who is asked to join, and as what.

    Attributes:
        role (MemberRole): What a member of an organisation is.
        wallet (str):
    """

    role: MemberRole
    wallet: str

    def to_dict(self) -> dict[str, Any]:
        role = self.role.value

        wallet = self.wallet

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "role": role,
                "wallet": wallet,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        role = MemberRole(d.pop("role"))

        wallet = d.pop("wallet")

        invitation_body = cls(
            role=role,
            wallet=wallet,
        )

        return invitation_body
