from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.block_kind import BlockKind
from ..types import UNSET, Unset

T = TypeVar("T", bound="BlockBody")


@_attrs_define
class BlockBody:
    """`value`: the wallet of an advertiser, a category of campaigns, or a creative's id. `world_id`: only there.

    Attributes:
        kind (BlockKind): What `value` names: the wallet that owns campaigns, a CampaignCategory, or the id of a
            creative.
        value (str):
        world_id (int | None | Unset):
    """

    kind: BlockKind
    value: str
    world_id: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind.value

        value = self.value

        world_id: int | None | Unset
        if isinstance(self.world_id, Unset):
            world_id = UNSET
        else:
            world_id = self.world_id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
                "value": value,
            }
        )
        if world_id is not UNSET:
            field_dict["world_id"] = world_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = BlockKind(d.pop("kind"))

        value = d.pop("value")

        def _parse_world_id(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        world_id = _parse_world_id(d.pop("world_id", UNSET))

        block_body = cls(
            kind=kind,
            value=value,
            world_id=world_id,
        )

        return block_body
