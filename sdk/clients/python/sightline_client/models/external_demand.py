from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="ExternalDemand")


@_attrs_define
class ExternalDemand:
    """Whether bidders on servers of their own compete for the placement; each ad request then waits for them.

    Attributes:
        asked (bool):
    """

    asked: bool

    def to_dict(self) -> dict[str, Any]:
        asked = self.asked

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "asked": asked,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        asked = d.pop("asked")

        external_demand = cls(
            asked=asked,
        )

        return external_demand
