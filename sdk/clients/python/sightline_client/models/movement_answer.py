from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="MovementAnswer")


@_attrs_define
class MovementAnswer:
    """In: positive; out: negative.

    Attributes:
        amount_micro_usdc (int):
        day (datetime.date):
        reference (str):
        what (str):
    """

    amount_micro_usdc: int
    day: datetime.date
    reference: str
    what: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        amount_micro_usdc = self.amount_micro_usdc

        day = self.day.isoformat()

        reference = self.reference

        what = self.what

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "amount_micro_usdc": amount_micro_usdc,
                "day": day,
                "reference": reference,
                "what": what,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        amount_micro_usdc = d.pop("amount_micro_usdc")

        day = datetime.date.fromisoformat(d.pop("day"))

        reference = d.pop("reference")

        what = d.pop("what")

        movement_answer = cls(
            amount_micro_usdc=amount_micro_usdc,
            day=day,
            reference=reference,
            what=what,
        )

        movement_answer.additional_properties = d
        return movement_answer

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
