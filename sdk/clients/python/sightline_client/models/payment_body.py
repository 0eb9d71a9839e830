from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="PaymentBody")


@_attrs_define
class PaymentBody:
    """
    Attributes:
        amount_cents (int): US cents
    """

    amount_cents: int

    def to_dict(self) -> dict[str, Any]:
        amount_cents = self.amount_cents

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "amount_cents": amount_cents,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        amount_cents = d.pop("amount_cents")

        payment_body = cls(
            amount_cents=amount_cents,
        )

        return payment_body
