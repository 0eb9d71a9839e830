from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="OnrampBody")


@_attrs_define
class OnrampBody:
    """`amount_micro_usdc` is a proposal; the buyer may choose another amount at Stripe.

    Attributes:
        amount_micro_usdc (int | None | Unset):
    """

    amount_micro_usdc: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        amount_micro_usdc: int | None | Unset
        if isinstance(self.amount_micro_usdc, Unset):
            amount_micro_usdc = UNSET
        else:
            amount_micro_usdc = self.amount_micro_usdc

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if amount_micro_usdc is not UNSET:
            field_dict["amount_micro_usdc"] = amount_micro_usdc

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_amount_micro_usdc(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        amount_micro_usdc = _parse_amount_micro_usdc(d.pop("amount_micro_usdc", UNSET))

        onramp_body = cls(
            amount_micro_usdc=amount_micro_usdc,
        )

        return onramp_body
