from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.rejection_reason import RejectionReason

T = TypeVar("T", bound="ReviewEntryAnswer")


@_attrs_define
class ReviewEntryAnswer:
    """`moderator` is null for what the advertiser did, or a setting.

    Attributes:
        action (str):
        created_at (datetime.datetime):
        moderator (None | str):
        note (None | str):
        reasons (list[RejectionReason]):
    """

    action: str
    created_at: datetime.datetime
    moderator: None | str
    note: None | str
    reasons: list[RejectionReason]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        action = self.action

        created_at = self.created_at.isoformat()

        moderator: None | str
        moderator = self.moderator

        note: None | str
        note = self.note

        reasons = []
        for reasons_item_data in self.reasons:
            reasons_item = reasons_item_data.value
            reasons.append(reasons_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "action": action,
                "created_at": created_at,
                "moderator": moderator,
                "note": note,
                "reasons": reasons,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        action = d.pop("action")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_moderator(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        moderator = _parse_moderator(d.pop("moderator"))

        def _parse_note(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        note = _parse_note(d.pop("note"))

        reasons = []
        _reasons = d.pop("reasons")
        for reasons_item_data in _reasons:
            reasons_item = RejectionReason(reasons_item_data)

            reasons.append(reasons_item)

        review_entry_answer = cls(
            action=action,
            created_at=created_at,
            moderator=moderator,
            note=note,
            reasons=reasons,
        )

        review_entry_answer.additional_properties = d
        return review_entry_answer

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
