from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.line_item_status import LineItemStatus
from ..models.pacing import Pacing
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.day_parts_body import DayPartsBody
    from ..models.frequency_cap_body import FrequencyCapBody
    from ..models.targeting_body import TargetingBody


T = TypeVar("T", bound="LineItemChange")


@_attrs_define
class LineItemChange:
    """What is left out stays as it is; null takes a cap or the hours of the week away.

    Attributes:
        bid_micro_usdc (int | None | Unset):
        bid_vcpm_micro_usdc (int | None | Unset):
        daily_cap_micro_usdc (int | None | Unset):
        day_parts (DayPartsBody | None | Unset):
        ends_at (datetime.datetime | None | Unset):
        frequency_cap (FrequencyCapBody | None | Unset):
        name (None | str | Unset):
        pacing (None | Pacing | Unset):
        recency_minutes (int | None | Unset):
        status (LineItemStatus | None | Unset):
        targeting (None | TargetingBody | Unset):
        total_cap_micro_usdc (int | None | Unset):
    """

    bid_micro_usdc: int | None | Unset = UNSET
    bid_vcpm_micro_usdc: int | None | Unset = UNSET
    daily_cap_micro_usdc: int | None | Unset = UNSET
    day_parts: DayPartsBody | None | Unset = UNSET
    ends_at: datetime.datetime | None | Unset = UNSET
    frequency_cap: FrequencyCapBody | None | Unset = UNSET
    name: None | str | Unset = UNSET
    pacing: None | Pacing | Unset = UNSET
    recency_minutes: int | None | Unset = UNSET
    status: LineItemStatus | None | Unset = UNSET
    targeting: None | TargetingBody | Unset = UNSET
    total_cap_micro_usdc: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.day_parts_body import DayPartsBody  # noqa: PLC0415
        from ..models.frequency_cap_body import FrequencyCapBody  # noqa: PLC0415
        from ..models.targeting_body import TargetingBody  # noqa: PLC0415

        bid_micro_usdc: int | None | Unset
        if isinstance(self.bid_micro_usdc, Unset):
            bid_micro_usdc = UNSET
        else:
            bid_micro_usdc = self.bid_micro_usdc

        bid_vcpm_micro_usdc: int | None | Unset
        if isinstance(self.bid_vcpm_micro_usdc, Unset):
            bid_vcpm_micro_usdc = UNSET
        else:
            bid_vcpm_micro_usdc = self.bid_vcpm_micro_usdc

        daily_cap_micro_usdc: int | None | Unset
        if isinstance(self.daily_cap_micro_usdc, Unset):
            daily_cap_micro_usdc = UNSET
        else:
            daily_cap_micro_usdc = self.daily_cap_micro_usdc

        day_parts: dict[str, Any] | None | Unset
        if isinstance(self.day_parts, Unset):
            day_parts = UNSET
        elif isinstance(self.day_parts, DayPartsBody):
            day_parts = self.day_parts.to_dict()
        else:
            day_parts = self.day_parts

        ends_at: None | str | Unset
        if isinstance(self.ends_at, Unset):
            ends_at = UNSET
        elif isinstance(self.ends_at, datetime.datetime):
            ends_at = self.ends_at.isoformat()
        else:
            ends_at = self.ends_at

        frequency_cap: dict[str, Any] | None | Unset
        if isinstance(self.frequency_cap, Unset):
            frequency_cap = UNSET
        elif isinstance(self.frequency_cap, FrequencyCapBody):
            frequency_cap = self.frequency_cap.to_dict()
        else:
            frequency_cap = self.frequency_cap

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        pacing: None | str | Unset
        if isinstance(self.pacing, Unset):
            pacing = UNSET
        elif isinstance(self.pacing, Pacing):
            pacing = self.pacing.value
        else:
            pacing = self.pacing

        recency_minutes: int | None | Unset
        if isinstance(self.recency_minutes, Unset):
            recency_minutes = UNSET
        else:
            recency_minutes = self.recency_minutes

        status: None | str | Unset
        if isinstance(self.status, Unset):
            status = UNSET
        elif isinstance(self.status, LineItemStatus):
            status = self.status.value
        else:
            status = self.status

        targeting: dict[str, Any] | None | Unset
        if isinstance(self.targeting, Unset):
            targeting = UNSET
        elif isinstance(self.targeting, TargetingBody):
            targeting = self.targeting.to_dict()
        else:
            targeting = self.targeting

        total_cap_micro_usdc: int | None | Unset
        if isinstance(self.total_cap_micro_usdc, Unset):
            total_cap_micro_usdc = UNSET
        else:
            total_cap_micro_usdc = self.total_cap_micro_usdc

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if bid_micro_usdc is not UNSET:
            field_dict["bid_micro_usdc"] = bid_micro_usdc
        if bid_vcpm_micro_usdc is not UNSET:
            field_dict["bid_vcpm_micro_usdc"] = bid_vcpm_micro_usdc
        if daily_cap_micro_usdc is not UNSET:
            field_dict["daily_cap_micro_usdc"] = daily_cap_micro_usdc
        if day_parts is not UNSET:
            field_dict["day_parts"] = day_parts
        if ends_at is not UNSET:
            field_dict["ends_at"] = ends_at
        if frequency_cap is not UNSET:
            field_dict["frequency_cap"] = frequency_cap
        if name is not UNSET:
            field_dict["name"] = name
        if pacing is not UNSET:
            field_dict["pacing"] = pacing
        if recency_minutes is not UNSET:
            field_dict["recency_minutes"] = recency_minutes
        if status is not UNSET:
            field_dict["status"] = status
        if targeting is not UNSET:
            field_dict["targeting"] = targeting
        if total_cap_micro_usdc is not UNSET:
            field_dict["total_cap_micro_usdc"] = total_cap_micro_usdc

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.day_parts_body import DayPartsBody  # noqa: PLC0415
        from ..models.frequency_cap_body import FrequencyCapBody  # noqa: PLC0415
        from ..models.targeting_body import TargetingBody  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_bid_micro_usdc(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        bid_micro_usdc = _parse_bid_micro_usdc(d.pop("bid_micro_usdc", UNSET))

        def _parse_bid_vcpm_micro_usdc(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        bid_vcpm_micro_usdc = _parse_bid_vcpm_micro_usdc(
            d.pop("bid_vcpm_micro_usdc", UNSET)
        )

        def _parse_daily_cap_micro_usdc(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        daily_cap_micro_usdc = _parse_daily_cap_micro_usdc(
            d.pop("daily_cap_micro_usdc", UNSET)
        )

        def _parse_day_parts(data: object) -> DayPartsBody | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                day_parts_type_0 = DayPartsBody.from_dict(data)

                return day_parts_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DayPartsBody | None | Unset, data)

        day_parts = _parse_day_parts(d.pop("day_parts", UNSET))

        def _parse_ends_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ends_at_type_0 = datetime.datetime.fromisoformat(data)

                return ends_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        ends_at = _parse_ends_at(d.pop("ends_at", UNSET))

        def _parse_frequency_cap(data: object) -> FrequencyCapBody | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                frequency_cap_type_0 = FrequencyCapBody.from_dict(data)

                return frequency_cap_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(FrequencyCapBody | None | Unset, data)

        frequency_cap = _parse_frequency_cap(d.pop("frequency_cap", UNSET))

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        def _parse_pacing(data: object) -> None | Pacing | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                pacing_type_0 = Pacing(data)

                return pacing_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Pacing | Unset, data)

        pacing = _parse_pacing(d.pop("pacing", UNSET))

        def _parse_recency_minutes(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        recency_minutes = _parse_recency_minutes(d.pop("recency_minutes", UNSET))

        def _parse_status(data: object) -> LineItemStatus | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                status_type_0 = LineItemStatus(data)

                return status_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(LineItemStatus | None | Unset, data)

        status = _parse_status(d.pop("status", UNSET))

        def _parse_targeting(data: object) -> None | TargetingBody | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                targeting_type_0 = TargetingBody.from_dict(data)

                return targeting_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | TargetingBody | Unset, data)

        targeting = _parse_targeting(d.pop("targeting", UNSET))

        def _parse_total_cap_micro_usdc(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        total_cap_micro_usdc = _parse_total_cap_micro_usdc(
            d.pop("total_cap_micro_usdc", UNSET)
        )

        line_item_change = cls(
            bid_micro_usdc=bid_micro_usdc,
            bid_vcpm_micro_usdc=bid_vcpm_micro_usdc,
            daily_cap_micro_usdc=daily_cap_micro_usdc,
            day_parts=day_parts,
            ends_at=ends_at,
            frequency_cap=frequency_cap,
            name=name,
            pacing=pacing,
            recency_minutes=recency_minutes,
            status=status,
            targeting=targeting,
            total_cap_micro_usdc=total_cap_micro_usdc,
        )

        return line_item_change
