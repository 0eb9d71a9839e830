from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ConversionAnswer")


@_attrs_define
class ConversionAnswer:
    """A conversion. `price_micro_usdc` is what was charged for it; `event_id` names the charge in the settlement.

    Attributes:
        attributed_to (None | str): click or viewable
        goal_id (int):
        id (int):
        line_item_id (int | None):
        occurred_at_ms (int):
        order_id (str):
        price_micro_usdc (int):
        received_at_ms (int):
        verdict (str): waiting, pending, charged, counted (attributed, but free), or the reason why it is not due to an
            ad
    """

    attributed_to: None | str
    goal_id: int
    id: int
    line_item_id: int | None
    occurred_at_ms: int
    order_id: str
    price_micro_usdc: int
    received_at_ms: int
    verdict: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        attributed_to: None | str
        attributed_to = self.attributed_to

        goal_id = self.goal_id

        id = self.id

        line_item_id: int | None
        line_item_id = self.line_item_id

        occurred_at_ms = self.occurred_at_ms

        order_id = self.order_id

        price_micro_usdc = self.price_micro_usdc

        received_at_ms = self.received_at_ms

        verdict = self.verdict

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "attributed_to": attributed_to,
                "goal_id": goal_id,
                "id": id,
                "line_item_id": line_item_id,
                "occurred_at_ms": occurred_at_ms,
                "order_id": order_id,
                "price_micro_usdc": price_micro_usdc,
                "received_at_ms": received_at_ms,
                "verdict": verdict,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_attributed_to(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        attributed_to = _parse_attributed_to(d.pop("attributed_to"))

        goal_id = d.pop("goal_id")

        id = d.pop("id")

        def _parse_line_item_id(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        line_item_id = _parse_line_item_id(d.pop("line_item_id"))

        occurred_at_ms = d.pop("occurred_at_ms")

        order_id = d.pop("order_id")

        price_micro_usdc = d.pop("price_micro_usdc")

        received_at_ms = d.pop("received_at_ms")

        verdict = d.pop("verdict")

        conversion_answer = cls(
            attributed_to=attributed_to,
            goal_id=goal_id,
            id=id,
            line_item_id=line_item_id,
            occurred_at_ms=occurred_at_ms,
            order_id=order_id,
            price_micro_usdc=price_micro_usdc,
            received_at_ms=received_at_ms,
            verdict=verdict,
        )

        conversion_answer.additional_properties = d
        return conversion_answer

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
