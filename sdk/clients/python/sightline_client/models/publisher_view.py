from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="PublisherView")


@_attrs_define
class PublisherView:
    """What a publisher earned in finalised epochs and was paid; index 0 is the account for what rounding leaves.

    Attributes:
        earned_micro_usdc (int):
        paid_micro_usdc (int):
        payout_mode (str):
        publisher_index (int):
        recipient (str):
    """

    earned_micro_usdc: int
    paid_micro_usdc: int
    payout_mode: str
    publisher_index: int
    recipient: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        earned_micro_usdc = self.earned_micro_usdc

        paid_micro_usdc = self.paid_micro_usdc

        payout_mode = self.payout_mode

        publisher_index = self.publisher_index

        recipient = self.recipient

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "earned_micro_usdc": earned_micro_usdc,
                "paid_micro_usdc": paid_micro_usdc,
                "payout_mode": payout_mode,
                "publisher_index": publisher_index,
                "recipient": recipient,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        earned_micro_usdc = d.pop("earned_micro_usdc")

        paid_micro_usdc = d.pop("paid_micro_usdc")

        payout_mode = d.pop("payout_mode")

        publisher_index = d.pop("publisher_index")

        recipient = d.pop("recipient")

        publisher_view = cls(
            earned_micro_usdc=earned_micro_usdc,
            paid_micro_usdc=paid_micro_usdc,
            payout_mode=payout_mode,
            publisher_index=publisher_index,
            recipient=recipient,
        )

        publisher_view.additional_properties = d
        return publisher_view

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
