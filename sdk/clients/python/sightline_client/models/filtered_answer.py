from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.filtered_answer_events import FilteredAnswerEvents


T = TypeVar("T", bound="FilteredAnswer")


@_attrs_define
class FilteredAnswer:
    """Of a campaign's events: how many were flagged, and what it did not pay for, or got back, because of that.

    Attributes:
        events (FilteredAnswerEvents): flagged events by what the ledger did with them
        from_day (datetime.date):
        given_back_micro_usdc (int):
        kept_micro_usdc (int): flagged too late: the epoch was closed
        to_day (datetime.date):
    """

    events: FilteredAnswerEvents
    from_day: datetime.date
    given_back_micro_usdc: int
    kept_micro_usdc: int
    to_day: datetime.date
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        events = self.events.to_dict()

        from_day = self.from_day.isoformat()

        given_back_micro_usdc = self.given_back_micro_usdc

        kept_micro_usdc = self.kept_micro_usdc

        to_day = self.to_day.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "events": events,
                "from_day": from_day,
                "given_back_micro_usdc": given_back_micro_usdc,
                "kept_micro_usdc": kept_micro_usdc,
                "to_day": to_day,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.filtered_answer_events import (
            FilteredAnswerEvents,  # noqa: PLC0415
        )

        d = dict(src_dict)
        events = FilteredAnswerEvents.from_dict(d.pop("events"))

        from_day = datetime.date.fromisoformat(d.pop("from_day"))

        given_back_micro_usdc = d.pop("given_back_micro_usdc")

        kept_micro_usdc = d.pop("kept_micro_usdc")

        to_day = datetime.date.fromisoformat(d.pop("to_day"))

        filtered_answer = cls(
            events=events,
            from_day=from_day,
            given_back_micro_usdc=given_back_micro_usdc,
            kept_micro_usdc=kept_micro_usdc,
            to_day=to_day,
        )

        filtered_answer.additional_properties = d
        return filtered_answer

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
