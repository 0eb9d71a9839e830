from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.bid_kind import BidKind
from ..models.pacing import Pacing
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.day_parts_body import DayPartsBody
    from ..models.frequency_cap_body import FrequencyCapBody
    from ..models.targeting_body import TargetingBody


T = TypeVar("T", bound="LineItemBody")


@_attrs_define
class LineItemBody:
    """The bid is given per event (`bid_micro_usdc`) or, for vcpm, per thousand (`bid_vcpm_micro_usdc`).

    The bid of a `sponsorship` is the price of one hour of the one placement in `targeting.placements`; it starts and
    ends on whole hours and has no caps and no other targeting. `pacing` spreads caps over their time: `even` as traffic
    comes, `front_loaded` half as fast again at first, `asap` not at all. `recency_minutes` is the least time between
    two ads to one viewer within a UTC day; like a frequency cap it needs viewers who may be counted.

        Attributes:
            bid_kind (BidKind): What a line item pays for: each viewable impression, click, attributed conversion, or
                delivered hour.
            ends_at (datetime.datetime):
            name (str):
            starts_at (datetime.datetime):
            bid_micro_usdc (int | None | Unset):
            bid_vcpm_micro_usdc (int | None | Unset):
            daily_cap_micro_usdc (int | None | Unset):
            day_parts (DayPartsBody | None | Unset):
            frequency_cap (FrequencyCapBody | None | Unset):
            pacing (Pacing | Unset): asap: as fast as auctions are won; even: as traffic comes; front_loaded: half as fast
                again at first.
            recency_minutes (int | None | Unset):
            targeting (TargetingBody | Unset): Empty lists want everything; several lists must all agree; an exclusion
                always wins.

                `publishers` are indices, `formats` kinds of placements, `countries` ISO 3166-1 alpha-2, `languages` ISO 639-1.
                Who
                names a country, language or device, wanted or excluded, is not shown where the ad request does not say it.
            total_cap_micro_usdc (int | None | Unset):
    """

    bid_kind: BidKind
    ends_at: datetime.datetime
    name: str
    starts_at: datetime.datetime
    bid_micro_usdc: int | None | Unset = UNSET
    bid_vcpm_micro_usdc: int | None | Unset = UNSET
    daily_cap_micro_usdc: int | None | Unset = UNSET
    day_parts: DayPartsBody | None | Unset = UNSET
    frequency_cap: FrequencyCapBody | None | Unset = UNSET
    pacing: Pacing | Unset = UNSET
    recency_minutes: int | None | Unset = UNSET
    targeting: TargetingBody | Unset = UNSET
    total_cap_micro_usdc: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.day_parts_body import DayPartsBody  # noqa: PLC0415
        from ..models.frequency_cap_body import FrequencyCapBody  # noqa: PLC0415

        bid_kind = self.bid_kind.value

        ends_at = self.ends_at.isoformat()

        name = self.name

        starts_at = self.starts_at.isoformat()

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

        frequency_cap: dict[str, Any] | None | Unset
        if isinstance(self.frequency_cap, Unset):
            frequency_cap = UNSET
        elif isinstance(self.frequency_cap, FrequencyCapBody):
            frequency_cap = self.frequency_cap.to_dict()
        else:
            frequency_cap = self.frequency_cap

        pacing: str | Unset = UNSET
        if not isinstance(self.pacing, Unset):
            pacing = self.pacing.value

        recency_minutes: int | None | Unset
        if isinstance(self.recency_minutes, Unset):
            recency_minutes = UNSET
        else:
            recency_minutes = self.recency_minutes

        targeting: dict[str, Any] | Unset = UNSET
        if not isinstance(self.targeting, Unset):
            targeting = self.targeting.to_dict()

        total_cap_micro_usdc: int | None | Unset
        if isinstance(self.total_cap_micro_usdc, Unset):
            total_cap_micro_usdc = UNSET
        else:
            total_cap_micro_usdc = self.total_cap_micro_usdc

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "bid_kind": bid_kind,
                "ends_at": ends_at,
                "name": name,
                "starts_at": starts_at,
            }
        )
        if bid_micro_usdc is not UNSET:
            field_dict["bid_micro_usdc"] = bid_micro_usdc
        if bid_vcpm_micro_usdc is not UNSET:
            field_dict["bid_vcpm_micro_usdc"] = bid_vcpm_micro_usdc
        if daily_cap_micro_usdc is not UNSET:
            field_dict["daily_cap_micro_usdc"] = daily_cap_micro_usdc
        if day_parts is not UNSET:
            field_dict["day_parts"] = day_parts
        if frequency_cap is not UNSET:
            field_dict["frequency_cap"] = frequency_cap
        if pacing is not UNSET:
            field_dict["pacing"] = pacing
        if recency_minutes is not UNSET:
            field_dict["recency_minutes"] = recency_minutes
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
        bid_kind = BidKind(d.pop("bid_kind"))

        ends_at = datetime.datetime.fromisoformat(d.pop("ends_at"))

        name = d.pop("name")

        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))

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

        _pacing = d.pop("pacing", UNSET)
        pacing: Pacing | Unset
        if isinstance(_pacing, Unset):
            pacing = UNSET
        else:
            pacing = Pacing(_pacing)

        def _parse_recency_minutes(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        recency_minutes = _parse_recency_minutes(d.pop("recency_minutes", UNSET))

        _targeting = d.pop("targeting", UNSET)
        targeting: TargetingBody | Unset
        if isinstance(_targeting, Unset):
            targeting = UNSET
        else:
            targeting = TargetingBody.from_dict(_targeting)

        def _parse_total_cap_micro_usdc(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        total_cap_micro_usdc = _parse_total_cap_micro_usdc(
            d.pop("total_cap_micro_usdc", UNSET)
        )

        line_item_body = cls(
            bid_kind=bid_kind,
            ends_at=ends_at,
            name=name,
            starts_at=starts_at,
            bid_micro_usdc=bid_micro_usdc,
            bid_vcpm_micro_usdc=bid_vcpm_micro_usdc,
            daily_cap_micro_usdc=daily_cap_micro_usdc,
            day_parts=day_parts,
            frequency_cap=frequency_cap,
            pacing=pacing,
            recency_minutes=recency_minutes,
            targeting=targeting,
            total_cap_micro_usdc=total_cap_micro_usdc,
        )

        return line_item_body
