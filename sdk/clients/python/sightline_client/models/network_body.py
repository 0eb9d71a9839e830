from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="NetworkBody")


@_attrs_define
class NetworkBody:
    """A data centre's network from which worlds are streamed to people. Without a publisher it holds for everybody.

    Attributes:
        network (str):
        note (str | Unset):  Default: ''.
        publisher_index (int | None | Unset):
    """

    network: str
    note: str | Unset = ""
    publisher_index: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        network = self.network

        note = self.note

        publisher_index: int | None | Unset
        if isinstance(self.publisher_index, Unset):
            publisher_index = UNSET
        else:
            publisher_index = self.publisher_index

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "network": network,
            }
        )
        if note is not UNSET:
            field_dict["note"] = note
        if publisher_index is not UNSET:
            field_dict["publisher_index"] = publisher_index

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        network = d.pop("network")

        note = d.pop("note", UNSET)

        def _parse_publisher_index(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        publisher_index = _parse_publisher_index(d.pop("publisher_index", UNSET))

        network_body = cls(
            network=network,
            note=note,
            publisher_index=publisher_index,
        )

        return network_body
