from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="ListingBody")


@_attrs_define
class ListingBody:
    """How you agree to be named in sellers.json. The domain must be the host of a world of yours that is verified.

    Attributes:
        domain (str):
        name (str):
    """

    domain: str
    name: str

    def to_dict(self) -> dict[str, Any]:
        domain = self.domain

        name = self.name

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "domain": domain,
                "name": name,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        domain = d.pop("domain")

        name = d.pop("name")

        listing_body = cls(
            domain=domain,
            name=name,
        )

        return listing_body
