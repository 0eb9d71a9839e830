from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="AcceptBody")


@_attrs_define
class AcceptBody:
    """The line item that buys by the deal from now on.

    Attributes:
        line_item_id (int):
    """

    line_item_id: int

    def to_dict(self) -> dict[str, Any]:
        line_item_id = self.line_item_id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "line_item_id": line_item_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        line_item_id = d.pop("line_item_id")

        accept_body = cls(
            line_item_id=line_item_id,
        )

        return accept_body
