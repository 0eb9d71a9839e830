from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.rejection_reason import RejectionReason
from ..types import UNSET, Unset

T = TypeVar("T", bound="RefusalBody")


@_attrs_define
class RefusalBody:
    """Why; the note goes to the advertiser and is needed with the reason `other`.

    Attributes:
        reasons (list[RejectionReason]):
        note (None | str | Unset):
    """

    reasons: list[RejectionReason]
    note: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        reasons = []
        for reasons_item_data in self.reasons:
            reasons_item = reasons_item_data.value
            reasons.append(reasons_item)

        note: None | str | Unset
        if isinstance(self.note, Unset):
            note = UNSET
        else:
            note = self.note

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "reasons": reasons,
            }
        )
        if note is not UNSET:
            field_dict["note"] = note

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        reasons = []
        _reasons = d.pop("reasons")
        for reasons_item_data in _reasons:
            reasons_item = RejectionReason(reasons_item_data)

            reasons.append(reasons_item)

        def _parse_note(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        note = _parse_note(d.pop("note", UNSET))

        refusal_body = cls(
            reasons=reasons,
            note=note,
        )

        return refusal_body
