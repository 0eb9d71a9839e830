from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.campaign_category import CampaignCategory

if TYPE_CHECKING:
    from ..models.line_item_body import LineItemBody


T = TypeVar("T", bound="ForecastBody")


@_attrs_define
class ForecastBody:
    """A line item as it would be sent to a campaign of this category; nothing is saved.

    Attributes:
        category (CampaignCategory): What is advertised. The values are public and stable.
        line_item (LineItemBody): The bid is given per event (`bid_micro_usdc`) or, for vcpm, per thousand
            (`bid_vcpm_micro_usdc`).

            The bid of a `sponsorship` is the price of one hour of the one placement in `targeting.placements`; it starts
            and
            ends on whole hours and has no caps and no other targeting. `pacing` spreads caps over their time: `even` as
            traffic
            comes, `front_loaded` half as fast again at first, `asap` not at all. `recency_minutes` is the least time
            between
            two ads to one viewer within a UTC day; like a frequency cap it needs viewers who may be counted.
    """

    category: CampaignCategory
    line_item: LineItemBody

    def to_dict(self) -> dict[str, Any]:
        category = self.category.value

        line_item = self.line_item.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "category": category,
                "line_item": line_item,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.line_item_body import LineItemBody  # noqa: PLC0415

        d = dict(src_dict)
        category = CampaignCategory(d.pop("category"))

        line_item = LineItemBody.from_dict(d.pop("line_item"))

        forecast_body = cls(
            category=category,
            line_item=line_item,
        )

        return forecast_body
