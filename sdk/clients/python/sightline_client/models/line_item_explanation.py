from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.reason_answer import ReasonAnswer


T = TypeVar("T", bound="LineItemExplanation")


@_attrs_define
class LineItemExplanation:
    """What became of a line item: in how many ad requests it was asked, and won.

    Attributes:
        asked (int):
        reasons (list[ReasonAnswer]):
        since (datetime.datetime):
        until (datetime.datetime):
        won (int):
    """

    asked: int
    reasons: list[ReasonAnswer]
    since: datetime.datetime
    until: datetime.datetime
    won: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        asked = self.asked

        reasons = []
        for reasons_item_data in self.reasons:
            reasons_item = reasons_item_data.to_dict()
            reasons.append(reasons_item)

        since = self.since.isoformat()

        until = self.until.isoformat()

        won = self.won

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "asked": asked,
                "reasons": reasons,
                "since": since,
                "until": until,
                "won": won,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.reason_answer import ReasonAnswer  # noqa: PLC0415

        d = dict(src_dict)
        asked = d.pop("asked")

        reasons = []
        _reasons = d.pop("reasons")
        for reasons_item_data in _reasons:
            reasons_item = ReasonAnswer.from_dict(reasons_item_data)

            reasons.append(reasons_item)

        since = datetime.datetime.fromisoformat(d.pop("since"))

        until = datetime.datetime.fromisoformat(d.pop("until"))

        won = d.pop("won")

        line_item_explanation = cls(
            asked=asked,
            reasons=reasons,
            since=since,
            until=until,
            won=won,
        )

        line_item_explanation.additional_properties = d
        return line_item_explanation

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
