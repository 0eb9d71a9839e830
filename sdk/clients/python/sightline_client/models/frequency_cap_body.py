from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="FrequencyCapBody")


@_attrs_define
class FrequencyCapBody:
    """At most so many ads to one viewer within any so many hours of a UTC day; a viewer is known no longer than that.

    Where views must not be counted (no consent, or Sec-GPC), a line item with a cap is not shown.

        Attributes:
            hours (int):
            impressions (int):
    """

    hours: int
    impressions: int

    def to_dict(self) -> dict[str, Any]:
        hours = self.hours

        impressions = self.impressions

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "hours": hours,
                "impressions": impressions,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        hours = d.pop("hours")

        impressions = d.pop("impressions")

        frequency_cap_body = cls(
            hours=hours,
            impressions=impressions,
        )

        return frequency_cap_body
