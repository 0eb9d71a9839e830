from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.world_category import WorldCategory
from ..models.world_engine import WorldEngine
from ..types import UNSET, Unset

T = TypeVar("T", bound="WorldBody")


@_attrs_define
class WorldBody:
    """
    Attributes:
        category (WorldCategory): Main content of a world. The values are public and stable.
        engine (WorldEngine): What renders the world. The values are public and stable.
        name (str):
        url (str):
        place (None | str | Unset):
    """

    category: WorldCategory
    engine: WorldEngine
    name: str
    url: str
    place: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        category = self.category.value

        engine = self.engine.value

        name = self.name

        url = self.url

        place: None | str | Unset
        if isinstance(self.place, Unset):
            place = UNSET
        else:
            place = self.place

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "category": category,
                "engine": engine,
                "name": name,
                "url": url,
            }
        )
        if place is not UNSET:
            field_dict["place"] = place

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        category = WorldCategory(d.pop("category"))

        engine = WorldEngine(d.pop("engine"))

        name = d.pop("name")

        url = d.pop("url")

        def _parse_place(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        place = _parse_place(d.pop("place", UNSET))

        world_body = cls(
            category=category,
            engine=engine,
            name=name,
            url=url,
            place=place,
        )

        return world_body
