from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.review_answer import ReviewAnswer
    from ..models.review_entry_answer import ReviewEntryAnswer


T = TypeVar("T", bound="ReviewFileAnswer")


@_attrs_define
class ReviewFileAnswer:
    """A creative with all that happened to it, oldest first.

    Attributes:
        creative (ReviewAnswer): A creative as moderators see it. `appeal_text` is the advertiser's, `claimed_by` the
            moderator who has it now.
        history (list[ReviewEntryAnswer]):
    """

    creative: ReviewAnswer
    history: list[ReviewEntryAnswer]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        creative = self.creative.to_dict()

        history = []
        for history_item_data in self.history:
            history_item = history_item_data.to_dict()
            history.append(history_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "creative": creative,
                "history": history,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.review_answer import ReviewAnswer  # noqa: PLC0415
        from ..models.review_entry_answer import ReviewEntryAnswer  # noqa: PLC0415

        d = dict(src_dict)
        creative = ReviewAnswer.from_dict(d.pop("creative"))

        history = []
        _history = d.pop("history")
        for history_item_data in _history:
            history_item = ReviewEntryAnswer.from_dict(history_item_data)

            history.append(history_item)

        review_file_answer = cls(
            creative=creative,
            history=history,
        )

        review_file_answer.additional_properties = d
        return review_file_answer

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
