from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="SizeBody")


@_attrs_define
class SizeBody:
    """Both ends count. Pixels are of the texture, millimetres of the surface in the world.

    Attributes:
        height_mm_max (int | None | Unset):
        height_mm_min (int | None | Unset):
        height_pixels_max (int | None | Unset):
        height_pixels_min (int | None | Unset):
        width_mm_max (int | None | Unset):
        width_mm_min (int | None | Unset):
        width_pixels_max (int | None | Unset):
        width_pixels_min (int | None | Unset):
    """

    height_mm_max: int | None | Unset = UNSET
    height_mm_min: int | None | Unset = UNSET
    height_pixels_max: int | None | Unset = UNSET
    height_pixels_min: int | None | Unset = UNSET
    width_mm_max: int | None | Unset = UNSET
    width_mm_min: int | None | Unset = UNSET
    width_pixels_max: int | None | Unset = UNSET
    width_pixels_min: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        height_mm_max: int | None | Unset
        if isinstance(self.height_mm_max, Unset):
            height_mm_max = UNSET
        else:
            height_mm_max = self.height_mm_max

        height_mm_min: int | None | Unset
        if isinstance(self.height_mm_min, Unset):
            height_mm_min = UNSET
        else:
            height_mm_min = self.height_mm_min

        height_pixels_max: int | None | Unset
        if isinstance(self.height_pixels_max, Unset):
            height_pixels_max = UNSET
        else:
            height_pixels_max = self.height_pixels_max

        height_pixels_min: int | None | Unset
        if isinstance(self.height_pixels_min, Unset):
            height_pixels_min = UNSET
        else:
            height_pixels_min = self.height_pixels_min

        width_mm_max: int | None | Unset
        if isinstance(self.width_mm_max, Unset):
            width_mm_max = UNSET
        else:
            width_mm_max = self.width_mm_max

        width_mm_min: int | None | Unset
        if isinstance(self.width_mm_min, Unset):
            width_mm_min = UNSET
        else:
            width_mm_min = self.width_mm_min

        width_pixels_max: int | None | Unset
        if isinstance(self.width_pixels_max, Unset):
            width_pixels_max = UNSET
        else:
            width_pixels_max = self.width_pixels_max

        width_pixels_min: int | None | Unset
        if isinstance(self.width_pixels_min, Unset):
            width_pixels_min = UNSET
        else:
            width_pixels_min = self.width_pixels_min

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if height_mm_max is not UNSET:
            field_dict["height_mm_max"] = height_mm_max
        if height_mm_min is not UNSET:
            field_dict["height_mm_min"] = height_mm_min
        if height_pixels_max is not UNSET:
            field_dict["height_pixels_max"] = height_pixels_max
        if height_pixels_min is not UNSET:
            field_dict["height_pixels_min"] = height_pixels_min
        if width_mm_max is not UNSET:
            field_dict["width_mm_max"] = width_mm_max
        if width_mm_min is not UNSET:
            field_dict["width_mm_min"] = width_mm_min
        if width_pixels_max is not UNSET:
            field_dict["width_pixels_max"] = width_pixels_max
        if width_pixels_min is not UNSET:
            field_dict["width_pixels_min"] = width_pixels_min

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_height_mm_max(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        height_mm_max = _parse_height_mm_max(d.pop("height_mm_max", UNSET))

        def _parse_height_mm_min(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        height_mm_min = _parse_height_mm_min(d.pop("height_mm_min", UNSET))

        def _parse_height_pixels_max(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        height_pixels_max = _parse_height_pixels_max(d.pop("height_pixels_max", UNSET))

        def _parse_height_pixels_min(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        height_pixels_min = _parse_height_pixels_min(d.pop("height_pixels_min", UNSET))

        def _parse_width_mm_max(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        width_mm_max = _parse_width_mm_max(d.pop("width_mm_max", UNSET))

        def _parse_width_mm_min(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        width_mm_min = _parse_width_mm_min(d.pop("width_mm_min", UNSET))

        def _parse_width_pixels_max(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        width_pixels_max = _parse_width_pixels_max(d.pop("width_pixels_max", UNSET))

        def _parse_width_pixels_min(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        width_pixels_min = _parse_width_pixels_min(d.pop("width_pixels_min", UNSET))

        size_body = cls(
            height_mm_max=height_mm_max,
            height_mm_min=height_mm_min,
            height_pixels_max=height_pixels_max,
            height_pixels_min=height_pixels_min,
            width_mm_max=width_mm_max,
            width_mm_min=width_mm_min,
            width_pixels_max=width_pixels_max,
            width_pixels_min=width_pixels_min,
        )

        return size_body
