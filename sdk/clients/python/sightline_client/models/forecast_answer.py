from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.range_answer import RangeAnswer


T = TypeVar("T", bound="ForecastAnswer")


@_attrs_define
class ForecastAnswer:
    """What the recorded ad requests say. Others are taken to go on bidding as they do; frequency caps are not in it.

    Attributes:
        impressions (RangeAnswer): 80 % of outcomes lie between `low` and `high`, if days go on to differ as they did.
        limited_by (None | str): daily_cap or total_cap, when it cuts
        opportunities (RangeAnswer): 80 % of outcomes lie between `low` and `high`, if days go on to differ as they did.
        placements (int): placements on which it may run
        recorded_hours (int): hours of records behind this, at most four weeks
        spend_micro_usdc (RangeAnswer): 80 % of outcomes lie between `low` and `high`, if days go on to differ as they
            did.
        win_share_ppm (int): of a million opportunities, won if no cap stopped it
    """

    impressions: RangeAnswer
    limited_by: None | str
    opportunities: RangeAnswer
    placements: int
    recorded_hours: int
    spend_micro_usdc: RangeAnswer
    win_share_ppm: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        impressions = self.impressions.to_dict()

        limited_by: None | str
        limited_by = self.limited_by

        opportunities = self.opportunities.to_dict()

        placements = self.placements

        recorded_hours = self.recorded_hours

        spend_micro_usdc = self.spend_micro_usdc.to_dict()

        win_share_ppm = self.win_share_ppm

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "impressions": impressions,
                "limited_by": limited_by,
                "opportunities": opportunities,
                "placements": placements,
                "recorded_hours": recorded_hours,
                "spend_micro_usdc": spend_micro_usdc,
                "win_share_ppm": win_share_ppm,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.range_answer import RangeAnswer  # noqa: PLC0415

        d = dict(src_dict)
        impressions = RangeAnswer.from_dict(d.pop("impressions"))

        def _parse_limited_by(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        limited_by = _parse_limited_by(d.pop("limited_by"))

        opportunities = RangeAnswer.from_dict(d.pop("opportunities"))

        placements = d.pop("placements")

        recorded_hours = d.pop("recorded_hours")

        spend_micro_usdc = RangeAnswer.from_dict(d.pop("spend_micro_usdc"))

        win_share_ppm = d.pop("win_share_ppm")

        forecast_answer = cls(
            impressions=impressions,
            limited_by=limited_by,
            opportunities=opportunities,
            placements=placements,
            recorded_hours=recorded_hours,
            spend_micro_usdc=spend_micro_usdc,
            win_share_ppm=win_share_ppm,
        )

        forecast_answer.additional_properties = d
        return forecast_answer

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
