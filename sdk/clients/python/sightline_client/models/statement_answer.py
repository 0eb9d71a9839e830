from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.movement_answer import MovementAnswer


T = TypeVar("T", bound="StatementAnswer")


@_attrs_define
class StatementAnswer:
    """closing = opening + all movements.

    Attributes:
        closing_micro_usdc (int):
        from_day (datetime.date):
        movements (list[MovementAnswer]):
        opening_micro_usdc (int):
        to_day (datetime.date):
        wallet (str):
    """

    closing_micro_usdc: int
    from_day: datetime.date
    movements: list[MovementAnswer]
    opening_micro_usdc: int
    to_day: datetime.date
    wallet: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        closing_micro_usdc = self.closing_micro_usdc

        from_day = self.from_day.isoformat()

        movements = []
        for movements_item_data in self.movements:
            movements_item = movements_item_data.to_dict()
            movements.append(movements_item)

        opening_micro_usdc = self.opening_micro_usdc

        to_day = self.to_day.isoformat()

        wallet = self.wallet

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "closing_micro_usdc": closing_micro_usdc,
                "from_day": from_day,
                "movements": movements,
                "opening_micro_usdc": opening_micro_usdc,
                "to_day": to_day,
                "wallet": wallet,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.movement_answer import MovementAnswer  # noqa: PLC0415

        d = dict(src_dict)
        closing_micro_usdc = d.pop("closing_micro_usdc")

        from_day = datetime.date.fromisoformat(d.pop("from_day"))

        movements = []
        _movements = d.pop("movements")
        for movements_item_data in _movements:
            movements_item = MovementAnswer.from_dict(movements_item_data)

            movements.append(movements_item)

        opening_micro_usdc = d.pop("opening_micro_usdc")

        to_day = datetime.date.fromisoformat(d.pop("to_day"))

        wallet = d.pop("wallet")

        statement_answer = cls(
            closing_micro_usdc=closing_micro_usdc,
            from_day=from_day,
            movements=movements,
            opening_micro_usdc=opening_micro_usdc,
            to_day=to_day,
            wallet=wallet,
        )

        statement_answer.additional_properties = d
        return statement_answer

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
