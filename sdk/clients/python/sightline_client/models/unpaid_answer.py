from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.reason_answer import ReasonAnswer
    from ..models.unpaid_placement import UnpaidPlacement


T = TypeVar("T", bound="UnpaidAnswer")


@_attrs_define
class UnpaidAnswer:
    """Events that were not paid, in all and for the hundred placements with the most of them.

    Attributes:
        events (int):
        placements (list[UnpaidPlacement]):
        reasons (list[ReasonAnswer]):
        since (datetime.datetime):
        until (datetime.datetime):
    """

    events: int
    placements: list[UnpaidPlacement]
    reasons: list[ReasonAnswer]
    since: datetime.datetime
    until: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        events = self.events

        placements = []
        for placements_item_data in self.placements:
            placements_item = placements_item_data.to_dict()
            placements.append(placements_item)

        reasons = []
        for reasons_item_data in self.reasons:
            reasons_item = reasons_item_data.to_dict()
            reasons.append(reasons_item)

        since = self.since.isoformat()

        until = self.until.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "events": events,
                "placements": placements,
                "reasons": reasons,
                "since": since,
                "until": until,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.reason_answer import ReasonAnswer  # noqa: PLC0415
        from ..models.unpaid_placement import UnpaidPlacement  # noqa: PLC0415

        d = dict(src_dict)
        events = d.pop("events")

        placements = []
        _placements = d.pop("placements")
        for placements_item_data in _placements:
            placements_item = UnpaidPlacement.from_dict(placements_item_data)

            placements.append(placements_item)

        reasons = []
        _reasons = d.pop("reasons")
        for reasons_item_data in _reasons:
            reasons_item = ReasonAnswer.from_dict(reasons_item_data)

            reasons.append(reasons_item)

        since = datetime.datetime.fromisoformat(d.pop("since"))

        until = datetime.datetime.fromisoformat(d.pop("until"))

        unpaid_answer = cls(
            events=events,
            placements=placements,
            reasons=reasons,
            since=since,
            until=until,
        )

        unpaid_answer.additional_properties = d
        return unpaid_answer

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
