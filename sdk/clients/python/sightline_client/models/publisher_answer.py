from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.payout_mode import PayoutMode

T = TypeVar("T", bound="PublisherAnswer")


@_attrs_define
class PublisherAnswer:
    """`earned` is in no epoch yet, before the fee; `payable` is settled and not sent yet; `paid` was sent on chain.

    Attributes:
        earned_micro_usdc (int):
        index (int): place in the settlement tree, stable for life
        paid_micro_usdc (int):
        payable_micro_usdc (int):
        payout_mode (PayoutMode): auto: the keeper pays after each final epoch; manual: the publisher claims.
        wallet (str):
    """

    earned_micro_usdc: int
    index: int
    paid_micro_usdc: int
    payable_micro_usdc: int
    payout_mode: PayoutMode
    wallet: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        earned_micro_usdc = self.earned_micro_usdc

        index = self.index

        paid_micro_usdc = self.paid_micro_usdc

        payable_micro_usdc = self.payable_micro_usdc

        payout_mode = self.payout_mode.value

        wallet = self.wallet

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "earned_micro_usdc": earned_micro_usdc,
                "index": index,
                "paid_micro_usdc": paid_micro_usdc,
                "payable_micro_usdc": payable_micro_usdc,
                "payout_mode": payout_mode,
                "wallet": wallet,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        earned_micro_usdc = d.pop("earned_micro_usdc")

        index = d.pop("index")

        paid_micro_usdc = d.pop("paid_micro_usdc")

        payable_micro_usdc = d.pop("payable_micro_usdc")

        payout_mode = PayoutMode(d.pop("payout_mode"))

        wallet = d.pop("wallet")

        publisher_answer = cls(
            earned_micro_usdc=earned_micro_usdc,
            index=index,
            paid_micro_usdc=paid_micro_usdc,
            payable_micro_usdc=payable_micro_usdc,
            payout_mode=payout_mode,
            wallet=wallet,
        )

        publisher_answer.additional_properties = d
        return publisher_answer

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
