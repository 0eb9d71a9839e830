from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.side import Side

T = TypeVar("T", bound="OrganisationBody")


@_attrs_define
class OrganisationBody:
    """What an account is called, and where it stands in the market.

    Attributes:
        name (str):
        sides (list[Side]):
    """

    name: str
    sides: list[Side]

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        sides = []
        for sides_item_data in self.sides:
            sides_item = sides_item_data.value
            sides.append(sides_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "sides": sides,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        sides = []
        _sides = d.pop("sides")
        for sides_item_data in _sides:
            sides_item = Side(sides_item_data)

            sides.append(sides_item)

        organisation_body = cls(
            name=name,
            sides=sides,
        )

        return organisation_body
