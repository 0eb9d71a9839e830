from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.listing_status import ListingStatus
from ..models.world_category import WorldCategory
from ..models.world_engine import WorldEngine

T = TypeVar("T", bound="WorldAnswer")


@_attrs_define
class WorldAnswer:
    """
    Attributes:
        category (WorldCategory): Main content of a world. The values are public and stable.
        created_at (datetime.datetime):
        engine (WorldEngine): What renders the world. The values are public and stable.
        id (int):
        name (str):
        place (None | str):
        publisher_index (int):
        status (ListingStatus): Of worlds and placements: paused ones are not sold.
        url (str):
        verified (bool): whether you have proved that you control it
    """

    category: WorldCategory
    created_at: datetime.datetime
    engine: WorldEngine
    id: int
    name: str
    place: None | str
    publisher_index: int
    status: ListingStatus
    url: str
    verified: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        category = self.category.value

        created_at = self.created_at.isoformat()

        engine = self.engine.value

        id = self.id

        name = self.name

        place: None | str
        place = self.place

        publisher_index = self.publisher_index

        status = self.status.value

        url = self.url

        verified = self.verified

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "category": category,
                "created_at": created_at,
                "engine": engine,
                "id": id,
                "name": name,
                "place": place,
                "publisher_index": publisher_index,
                "status": status,
                "url": url,
                "verified": verified,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        category = WorldCategory(d.pop("category"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        engine = WorldEngine(d.pop("engine"))

        id = d.pop("id")

        name = d.pop("name")

        def _parse_place(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        place = _parse_place(d.pop("place"))

        publisher_index = d.pop("publisher_index")

        status = ListingStatus(d.pop("status"))

        url = d.pop("url")

        verified = d.pop("verified")

        world_answer = cls(
            category=category,
            created_at=created_at,
            engine=engine,
            id=id,
            name=name,
            place=place,
            publisher_index=publisher_index,
            status=status,
            url=url,
            verified=verified,
        )

        world_answer.additional_properties = d
        return world_answer

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
