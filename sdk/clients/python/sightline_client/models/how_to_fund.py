from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.how_to_fund_args import HowToFundArgs


T = TypeVar("T", bound="HowToFund")


@_attrs_define
class HowToFund:
    """The contract call that gives the campaign money; `amount` (micro-USDC) is the advertiser's choice. Approve the
    escrow for USDC first, or call `open_campaign_with_permit` with the same arguments and an EIP-2612 permit.

        Attributes:
            args (HowToFundArgs):
            chain_id (int):
            escrow (str):
            function (str | Unset):  Default: 'open_campaign(address,uint256,bytes32)'.
    """

    args: HowToFundArgs
    chain_id: int
    escrow: str
    function: str | Unset = "open_campaign(address,uint256,bytes32)"
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        args = self.args.to_dict()

        chain_id = self.chain_id

        escrow = self.escrow

        function = self.function

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "args": args,
                "chain_id": chain_id,
                "escrow": escrow,
            }
        )
        if function is not UNSET:
            field_dict["function"] = function

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.how_to_fund_args import HowToFundArgs  # noqa: PLC0415

        d = dict(src_dict)
        args = HowToFundArgs.from_dict(d.pop("args"))

        chain_id = d.pop("chain_id")

        escrow = d.pop("escrow")

        function = d.pop("function", UNSET)

        how_to_fund = cls(
            args=args,
            chain_id=chain_id,
            escrow=escrow,
            function=function,
        )

        how_to_fund.additional_properties = d
        return how_to_fund

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
