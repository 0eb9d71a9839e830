from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.bid_kind import BidKind
from ..models.line_item_status import LineItemStatus
from ..models.pacing import Pacing

if TYPE_CHECKING:
    from ..models.day_parts import DayParts
    from ..models.frequency_cap import FrequencyCap
    from ..models.targeting import Targeting


T = TypeVar("T", bound="LineItemAnswer")


@_attrs_define
class LineItemAnswer:
    """A line item; `bid_micro_usdc` is for one event, `spent_micro_usdc` is what it was charged so far.

    Attributes:
        bid_kind (BidKind): What a line item pays for: each viewable impression, click, attributed conversion, or
            delivered hour.
        bid_micro_usdc (int):
        campaign_id (int):
        created_at (datetime.datetime):
        daily_cap_micro_usdc (int | None):
        day_parts (DayParts | None):
        ends_at (datetime.datetime):
        frequency_cap (FrequencyCap | None):
        id (int):
        name (str):
        pacing (Pacing): asap: as fast as auctions are won; even: as traffic comes; front_loaded: half as fast again at
            first.
        recency_minutes (int | None):
        spent_micro_usdc (int):
        starts_at (datetime.datetime):
        status (LineItemStatus):
        targeting (Targeting): An empty list wants everything; several lists must all agree; an exclusion always wins.

            `publishers` are indices, `formats` kinds of placements, `countries` ISO 3166-1 alpha-2, `languages` ISO 639-1.
            What the ad request does not say (country, language, device) is in no list, and may be in any exclusion: a line
            item that names a dimension is shown only where the value is known.
        total_cap_micro_usdc (int | None):
    """

    bid_kind: BidKind
    bid_micro_usdc: int
    campaign_id: int
    created_at: datetime.datetime
    daily_cap_micro_usdc: int | None
    day_parts: DayParts | None
    ends_at: datetime.datetime
    frequency_cap: FrequencyCap | None
    id: int
    name: str
    pacing: Pacing
    recency_minutes: int | None
    spent_micro_usdc: int
    starts_at: datetime.datetime
    status: LineItemStatus
    targeting: Targeting
    total_cap_micro_usdc: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.day_parts import DayParts  # noqa: PLC0415
        from ..models.frequency_cap import FrequencyCap  # noqa: PLC0415

        bid_kind = self.bid_kind.value

        bid_micro_usdc = self.bid_micro_usdc

        campaign_id = self.campaign_id

        created_at = self.created_at.isoformat()

        daily_cap_micro_usdc: int | None
        daily_cap_micro_usdc = self.daily_cap_micro_usdc

        day_parts: dict[str, Any] | None
        if isinstance(self.day_parts, DayParts):
            day_parts = self.day_parts.to_dict()
        else:
            day_parts = self.day_parts

        ends_at = self.ends_at.isoformat()

        frequency_cap: dict[str, Any] | None
        if isinstance(self.frequency_cap, FrequencyCap):
            frequency_cap = self.frequency_cap.to_dict()
        else:
            frequency_cap = self.frequency_cap

        id = self.id

        name = self.name

        pacing = self.pacing.value

        recency_minutes: int | None
        recency_minutes = self.recency_minutes

        spent_micro_usdc = self.spent_micro_usdc

        starts_at = self.starts_at.isoformat()

        status = self.status.value

        targeting = self.targeting.to_dict()

        total_cap_micro_usdc: int | None
        total_cap_micro_usdc = self.total_cap_micro_usdc

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "bid_kind": bid_kind,
                "bid_micro_usdc": bid_micro_usdc,
                "campaign_id": campaign_id,
                "created_at": created_at,
                "daily_cap_micro_usdc": daily_cap_micro_usdc,
                "day_parts": day_parts,
                "ends_at": ends_at,
                "frequency_cap": frequency_cap,
                "id": id,
                "name": name,
                "pacing": pacing,
                "recency_minutes": recency_minutes,
                "spent_micro_usdc": spent_micro_usdc,
                "starts_at": starts_at,
                "status": status,
                "targeting": targeting,
                "total_cap_micro_usdc": total_cap_micro_usdc,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.day_parts import DayParts  # noqa: PLC0415
        from ..models.frequency_cap import FrequencyCap  # noqa: PLC0415
        from ..models.targeting import Targeting  # noqa: PLC0415

        d = dict(src_dict)
        bid_kind = BidKind(d.pop("bid_kind"))

        bid_micro_usdc = d.pop("bid_micro_usdc")

        campaign_id = d.pop("campaign_id")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_daily_cap_micro_usdc(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        daily_cap_micro_usdc = _parse_daily_cap_micro_usdc(
            d.pop("daily_cap_micro_usdc")
        )

        def _parse_day_parts(data: object) -> DayParts | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                day_parts_type_0 = DayParts.from_dict(data)

                return day_parts_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DayParts | None, data)

        day_parts = _parse_day_parts(d.pop("day_parts"))

        ends_at = datetime.datetime.fromisoformat(d.pop("ends_at"))

        def _parse_frequency_cap(data: object) -> FrequencyCap | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                frequency_cap_type_0 = FrequencyCap.from_dict(data)

                return frequency_cap_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(FrequencyCap | None, data)

        frequency_cap = _parse_frequency_cap(d.pop("frequency_cap"))

        id = d.pop("id")

        name = d.pop("name")

        pacing = Pacing(d.pop("pacing"))

        def _parse_recency_minutes(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        recency_minutes = _parse_recency_minutes(d.pop("recency_minutes"))

        spent_micro_usdc = d.pop("spent_micro_usdc")

        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))

        status = LineItemStatus(d.pop("status"))

        targeting = Targeting.from_dict(d.pop("targeting"))

        def _parse_total_cap_micro_usdc(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        total_cap_micro_usdc = _parse_total_cap_micro_usdc(
            d.pop("total_cap_micro_usdc")
        )

        line_item_answer = cls(
            bid_kind=bid_kind,
            bid_micro_usdc=bid_micro_usdc,
            campaign_id=campaign_id,
            created_at=created_at,
            daily_cap_micro_usdc=daily_cap_micro_usdc,
            day_parts=day_parts,
            ends_at=ends_at,
            frequency_cap=frequency_cap,
            id=id,
            name=name,
            pacing=pacing,
            recency_minutes=recency_minutes,
            spent_micro_usdc=spent_micro_usdc,
            starts_at=starts_at,
            status=status,
            targeting=targeting,
            total_cap_micro_usdc=total_cap_micro_usdc,
        )

        line_item_answer.additional_properties = d
        return line_item_answer

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
