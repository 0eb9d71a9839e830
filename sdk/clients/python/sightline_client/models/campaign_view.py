from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="CampaignView")


@_attrs_define
class CampaignView:
    """A chain campaign. deposited = withdrawn + reserved + remaining + debited; `open_micro_usdc` is not settled.

    Attributes:
        active (bool):
        campaign (int):
        debited_micro_usdc (int):
        deposited_micro_usdc (int):
        name (None | str):
        open_micro_usdc (int):
        owner (str):
        remaining_micro_usdc (int):
        reserved_micro_usdc (int):
        withdrawn_micro_usdc (int):
    """

    active: bool
    campaign: int
    debited_micro_usdc: int
    deposited_micro_usdc: int
    name: None | str
    open_micro_usdc: int
    owner: str
    remaining_micro_usdc: int
    reserved_micro_usdc: int
    withdrawn_micro_usdc: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        active = self.active

        campaign = self.campaign

        debited_micro_usdc = self.debited_micro_usdc

        deposited_micro_usdc = self.deposited_micro_usdc

        name: None | str
        name = self.name

        open_micro_usdc = self.open_micro_usdc

        owner = self.owner

        remaining_micro_usdc = self.remaining_micro_usdc

        reserved_micro_usdc = self.reserved_micro_usdc

        withdrawn_micro_usdc = self.withdrawn_micro_usdc

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "active": active,
                "campaign": campaign,
                "debited_micro_usdc": debited_micro_usdc,
                "deposited_micro_usdc": deposited_micro_usdc,
                "name": name,
                "open_micro_usdc": open_micro_usdc,
                "owner": owner,
                "remaining_micro_usdc": remaining_micro_usdc,
                "reserved_micro_usdc": reserved_micro_usdc,
                "withdrawn_micro_usdc": withdrawn_micro_usdc,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        active = d.pop("active")

        campaign = d.pop("campaign")

        debited_micro_usdc = d.pop("debited_micro_usdc")

        deposited_micro_usdc = d.pop("deposited_micro_usdc")

        def _parse_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        name = _parse_name(d.pop("name"))

        open_micro_usdc = d.pop("open_micro_usdc")

        owner = d.pop("owner")

        remaining_micro_usdc = d.pop("remaining_micro_usdc")

        reserved_micro_usdc = d.pop("reserved_micro_usdc")

        withdrawn_micro_usdc = d.pop("withdrawn_micro_usdc")

        campaign_view = cls(
            active=active,
            campaign=campaign,
            debited_micro_usdc=debited_micro_usdc,
            deposited_micro_usdc=deposited_micro_usdc,
            name=name,
            open_micro_usdc=open_micro_usdc,
            owner=owner,
            remaining_micro_usdc=remaining_micro_usdc,
            reserved_micro_usdc=reserved_micro_usdc,
            withdrawn_micro_usdc=withdrawn_micro_usdc,
        )

        campaign_view.additional_properties = d
        return campaign_view

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
