from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="FlagDecision")


@_attrs_define
class FlagDecision:
    """Final either way; the note goes to the publisher.

    Attributes:
        lifted (bool):
        note (None | str | Unset):
    """

    lifted: bool
    note: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        lifted = self.lifted

        note: None | str | Unset
        if isinstance(self.note, Unset):
            note = UNSET
        else:
            note = self.note

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "lifted": lifted,
            }
        )
        if note is not UNSET:
            field_dict["note"] = note

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        lifted = d.pop("lifted")

        def _parse_note(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        note = _parse_note(d.pop("note", UNSET))

        flag_decision = cls(
            lifted=lifted,
            note=note,
        )

        return flag_decision
