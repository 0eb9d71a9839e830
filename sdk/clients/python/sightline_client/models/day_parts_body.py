from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="DayPartsBody")


@_attrs_define
class DayPartsBody:
    """Hours of the week on the clocks of an IANA time zone: 168 bits in hex, bit 0 (the last one) is Monday 00:00.

    Attributes:
        hours (str):
        time_zone (str | Unset):  Default: 'UTC'.
    """

    hours: str
    time_zone: str | Unset = "UTC"

    def to_dict(self) -> dict[str, Any]:
        hours = self.hours

        time_zone = self.time_zone

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "hours": hours,
            }
        )
        if time_zone is not UNSET:
            field_dict["time_zone"] = time_zone

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        hours = d.pop("hours")

        time_zone = d.pop("time_zone", UNSET)

        day_parts_body = cls(
            hours=hours,
            time_zone=time_zone,
        )

        return day_parts_body
