from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="NetworkAnswer")


@_attrs_define
class NetworkAnswer:
    """
    Attributes:
        created_at (datetime.datetime):
        id (int):
        network (str):
        note (str):
        publisher_index (int | None):
    """

    created_at: datetime.datetime
    id: int
    network: str
    note: str
    publisher_index: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        id = self.id

        network = self.network

        note = self.note

        publisher_index: int | None
        publisher_index = self.publisher_index

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "id": id,
                "network": network,
                "note": note,
                "publisher_index": publisher_index,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        id = d.pop("id")

        network = d.pop("network")

        note = d.pop("note")

        def _parse_publisher_index(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        publisher_index = _parse_publisher_index(d.pop("publisher_index"))

        network_answer = cls(
            created_at=created_at,
            id=id,
            network=network,
            note=note,
            publisher_index=publisher_index,
        )

        network_answer.additional_properties = d
        return network_answer

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
