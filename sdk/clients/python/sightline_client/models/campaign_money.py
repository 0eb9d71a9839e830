from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="CampaignMoney")


@_attrs_define
class CampaignMoney:
    """Money of a campaign, micro-USDC. `chain_campaign` is null until a deposit for it is seen on chain.

    `deposited` counts confirmed deposits only. `charged` is all that was ever charged, settled or not.

        Attributes:
            active_on_chain (bool | Unset):  Default: False.
            chain_campaign (int | None | Unset):
            charged_micro_usdc (int | Unset):  Default: 0.
            deposited_micro_usdc (int | Unset):  Default: 0.
            reserved_micro_usdc (int | Unset):  Default: 0.
            spendable_micro_usdc (int | Unset):  Default: 0.
            withdrawn_micro_usdc (int | Unset):  Default: 0.
    """

    active_on_chain: bool | Unset = False
    chain_campaign: int | None | Unset = UNSET
    charged_micro_usdc: int | Unset = 0
    deposited_micro_usdc: int | Unset = 0
    reserved_micro_usdc: int | Unset = 0
    spendable_micro_usdc: int | Unset = 0
    withdrawn_micro_usdc: int | Unset = 0
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        active_on_chain = self.active_on_chain

        chain_campaign: int | None | Unset
        if isinstance(self.chain_campaign, Unset):
            chain_campaign = UNSET
        else:
            chain_campaign = self.chain_campaign

        charged_micro_usdc = self.charged_micro_usdc

        deposited_micro_usdc = self.deposited_micro_usdc

        reserved_micro_usdc = self.reserved_micro_usdc

        spendable_micro_usdc = self.spendable_micro_usdc

        withdrawn_micro_usdc = self.withdrawn_micro_usdc

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if active_on_chain is not UNSET:
            field_dict["active_on_chain"] = active_on_chain
        if chain_campaign is not UNSET:
            field_dict["chain_campaign"] = chain_campaign
        if charged_micro_usdc is not UNSET:
            field_dict["charged_micro_usdc"] = charged_micro_usdc
        if deposited_micro_usdc is not UNSET:
            field_dict["deposited_micro_usdc"] = deposited_micro_usdc
        if reserved_micro_usdc is not UNSET:
            field_dict["reserved_micro_usdc"] = reserved_micro_usdc
        if spendable_micro_usdc is not UNSET:
            field_dict["spendable_micro_usdc"] = spendable_micro_usdc
        if withdrawn_micro_usdc is not UNSET:
            field_dict["withdrawn_micro_usdc"] = withdrawn_micro_usdc

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        active_on_chain = d.pop("active_on_chain", UNSET)

        def _parse_chain_campaign(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        chain_campaign = _parse_chain_campaign(d.pop("chain_campaign", UNSET))

        charged_micro_usdc = d.pop("charged_micro_usdc", UNSET)

        deposited_micro_usdc = d.pop("deposited_micro_usdc", UNSET)

        reserved_micro_usdc = d.pop("reserved_micro_usdc", UNSET)

        spendable_micro_usdc = d.pop("spendable_micro_usdc", UNSET)

        withdrawn_micro_usdc = d.pop("withdrawn_micro_usdc", UNSET)

        campaign_money = cls(
            active_on_chain=active_on_chain,
            chain_campaign=chain_campaign,
            charged_micro_usdc=charged_micro_usdc,
            deposited_micro_usdc=deposited_micro_usdc,
            reserved_micro_usdc=reserved_micro_usdc,
            spendable_micro_usdc=spendable_micro_usdc,
            withdrawn_micro_usdc=withdrawn_micro_usdc,
        )

        campaign_money.additional_properties = d
        return campaign_money

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
