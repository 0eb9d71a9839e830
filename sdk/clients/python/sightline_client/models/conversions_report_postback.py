from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="ConversionsReportPostback")


@_attrs_define
class ConversionsReportPostback:
    """The body. `order_id` is the advertiser's name of the conversion: sent again, it is counted once.

    Attributes:
        click_id (str):
        goal_id (int):
        order_id (str):
    """

    click_id: str
    goal_id: int
    order_id: str

    def to_dict(self) -> dict[str, Any]:
        click_id = self.click_id

        goal_id = self.goal_id

        order_id = self.order_id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "click_id": click_id,
                "goal_id": goal_id,
                "order_id": order_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        click_id = d.pop("click_id")

        goal_id = d.pop("goal_id")

        order_id = d.pop("order_id")

        conversions_report_postback = cls(
            click_id=click_id,
            goal_id=goal_id,
            order_id=order_id,
        )

        return conversions_report_postback
