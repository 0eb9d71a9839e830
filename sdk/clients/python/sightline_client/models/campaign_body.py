from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.campaign_category import CampaignCategory
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.line_item_body import LineItemBody


T = TypeVar("T", bound="CampaignBody")


@_attrs_define
class CampaignBody:
    """`line_items` become part of the terms whose hash is `meta` on chain; more can be added at any time.

    Attributes:
        category (CampaignCategory): What is advertised. The values are public and stable.
        name (str):
        line_items (list[LineItemBody] | Unset):
    """

    category: CampaignCategory
    name: str
    line_items: list[LineItemBody] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        category = self.category.value

        name = self.name

        line_items: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.line_items, Unset):
            line_items = []
            for line_items_item_data in self.line_items:
                line_items_item = line_items_item_data.to_dict()
                line_items.append(line_items_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "category": category,
                "name": name,
            }
        )
        if line_items is not UNSET:
            field_dict["line_items"] = line_items

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.line_item_body import LineItemBody  # noqa: PLC0415

        d = dict(src_dict)
        category = CampaignCategory(d.pop("category"))

        name = d.pop("name")

        _line_items = d.pop("line_items", UNSET)
        line_items: list[LineItemBody] | Unset = UNSET
        if _line_items is not UNSET:
            line_items = []
            for line_items_item_data in _line_items:
                line_items_item = LineItemBody.from_dict(line_items_item_data)

                line_items.append(line_items_item)

        campaign_body = cls(
            category=category,
            name=name,
            line_items=line_items,
        )

        return campaign_body
