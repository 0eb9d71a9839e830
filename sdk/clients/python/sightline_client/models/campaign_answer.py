from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.campaign_category import CampaignCategory
from ..models.campaign_status import CampaignStatus

if TYPE_CHECKING:
    from ..models.campaign_money import CampaignMoney
    from ..models.how_to_fund import HowToFund


T = TypeVar("T", bound="CampaignAnswer")


@_attrs_define
class CampaignAnswer:
    """A campaign and its money. `chain_campaign` is null until a deposit is seen on chain.

    Attributes:
        category (CampaignCategory): What is advertised. The values are public and stable.
        created_at (datetime.datetime):
        how_to_fund (HowToFund): The contract call that gives the campaign money; `amount` (micro-USDC) is the
            advertiser's choice. Approve the
            escrow for USDC first, or call `open_campaign_with_permit` with the same arguments and an EIP-2612 permit.
        id (int):
        meta (str): bytes32 that ties the escrow account to this campaign
        money (CampaignMoney): Money of a campaign, micro-USDC. `chain_campaign` is null until a deposit for it is seen
            on chain.

            `deposited` counts confirmed deposits only. `charged` is all that was ever charged, settled or not.
        name (str):
        owner (str):
        status (CampaignStatus): active ⇄ paused → ended; ended is final.
    """

    category: CampaignCategory
    created_at: datetime.datetime
    how_to_fund: HowToFund
    id: int
    meta: str
    money: CampaignMoney
    name: str
    owner: str
    status: CampaignStatus
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        category = self.category.value

        created_at = self.created_at.isoformat()

        how_to_fund = self.how_to_fund.to_dict()

        id = self.id

        meta = self.meta

        money = self.money.to_dict()

        name = self.name

        owner = self.owner

        status = self.status.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "category": category,
                "created_at": created_at,
                "how_to_fund": how_to_fund,
                "id": id,
                "meta": meta,
                "money": money,
                "name": name,
                "owner": owner,
                "status": status,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.campaign_money import CampaignMoney  # noqa: PLC0415
        from ..models.how_to_fund import HowToFund  # noqa: PLC0415

        d = dict(src_dict)
        category = CampaignCategory(d.pop("category"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        how_to_fund = HowToFund.from_dict(d.pop("how_to_fund"))

        id = d.pop("id")

        meta = d.pop("meta")

        money = CampaignMoney.from_dict(d.pop("money"))

        name = d.pop("name")

        owner = d.pop("owner")

        status = CampaignStatus(d.pop("status"))

        campaign_answer = cls(
            category=category,
            created_at=created_at,
            how_to_fund=how_to_fund,
            id=id,
            meta=meta,
            money=money,
            name=name,
            owner=owner,
            status=status,
        )

        campaign_answer.additional_properties = d
        return campaign_answer

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
