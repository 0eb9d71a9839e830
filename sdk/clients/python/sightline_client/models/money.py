from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Money")


@_attrs_define
class Money:
    """All the money there is, once. `remaining` contains what withdrawals have reserved, `fee` all ever taken.

    Attributes:
        conserved (bool):
        deposited_micro_usdc (int):
        fee_micro_usdc (int):
        paid_micro_usdc (int):
        remaining_micro_usdc (int):
        unclaimed_micro_usdc (int):
        withdrawn_micro_usdc (int):
    """

    conserved: bool
    deposited_micro_usdc: int
    fee_micro_usdc: int
    paid_micro_usdc: int
    remaining_micro_usdc: int
    unclaimed_micro_usdc: int
    withdrawn_micro_usdc: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        conserved = self.conserved

        deposited_micro_usdc = self.deposited_micro_usdc

        fee_micro_usdc = self.fee_micro_usdc

        paid_micro_usdc = self.paid_micro_usdc

        remaining_micro_usdc = self.remaining_micro_usdc

        unclaimed_micro_usdc = self.unclaimed_micro_usdc

        withdrawn_micro_usdc = self.withdrawn_micro_usdc

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "conserved": conserved,
                "deposited_micro_usdc": deposited_micro_usdc,
                "fee_micro_usdc": fee_micro_usdc,
                "paid_micro_usdc": paid_micro_usdc,
                "remaining_micro_usdc": remaining_micro_usdc,
                "unclaimed_micro_usdc": unclaimed_micro_usdc,
                "withdrawn_micro_usdc": withdrawn_micro_usdc,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        conserved = d.pop("conserved")

        deposited_micro_usdc = d.pop("deposited_micro_usdc")

        fee_micro_usdc = d.pop("fee_micro_usdc")

        paid_micro_usdc = d.pop("paid_micro_usdc")

        remaining_micro_usdc = d.pop("remaining_micro_usdc")

        unclaimed_micro_usdc = d.pop("unclaimed_micro_usdc")

        withdrawn_micro_usdc = d.pop("withdrawn_micro_usdc")

        money = cls(
            conserved=conserved,
            deposited_micro_usdc=deposited_micro_usdc,
            fee_micro_usdc=fee_micro_usdc,
            paid_micro_usdc=paid_micro_usdc,
            remaining_micro_usdc=remaining_micro_usdc,
            unclaimed_micro_usdc=unclaimed_micro_usdc,
            withdrawn_micro_usdc=withdrawn_micro_usdc,
        )

        money.additional_properties = d
        return money

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
