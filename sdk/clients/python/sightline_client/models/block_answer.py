from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.block_kind import BlockKind

T = TypeVar("T", bound="BlockAnswer")


@_attrs_define
class BlockAnswer:
    """
    Attributes:
        created_at (datetime.datetime):
        id (int):
        kind (BlockKind): What `value` names: the wallet that owns campaigns, a CampaignCategory, or the id of a
            creative.
        value (str):
        world_id (int | None):
    """

    created_at: datetime.datetime
    id: int
    kind: BlockKind
    value: str
    world_id: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        id = self.id

        kind = self.kind.value

        value = self.value

        world_id: int | None
        world_id = self.world_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "id": id,
                "kind": kind,
                "value": value,
                "world_id": world_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        id = d.pop("id")

        kind = BlockKind(d.pop("kind"))

        value = d.pop("value")

        def _parse_world_id(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        world_id = _parse_world_id(d.pop("world_id"))

        block_answer = cls(
            created_at=created_at,
            id=id,
            kind=kind,
            value=value,
            world_id=world_id,
        )

        block_answer.additional_properties = d
        return block_answer

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
