from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="ExchangeBody")


@_attrs_define
class ExchangeBody:
    """An exchange that sells to us. It is paid as the publisher of `world_id`, whose placements are its formats.

    Attributes:
        domain (str):
        name (str):
        seat (str): our name at the exchange
        world_id (int):
        click_macro (str | Unset):  Default: ''.
        needs_schain (bool | Unset):  Default: False.
        networks (list[str] | Unset):
        strict (bool | Unset):  Default: False.
    """

    domain: str
    name: str
    seat: str
    world_id: int
    click_macro: str | Unset = ""
    needs_schain: bool | Unset = False
    networks: list[str] | Unset = UNSET
    strict: bool | Unset = False

    def to_dict(self) -> dict[str, Any]:
        domain = self.domain

        name = self.name

        seat = self.seat

        world_id = self.world_id

        click_macro = self.click_macro

        needs_schain = self.needs_schain

        networks: list[str] | Unset = UNSET
        if not isinstance(self.networks, Unset):
            networks = self.networks

        strict = self.strict

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "domain": domain,
                "name": name,
                "seat": seat,
                "world_id": world_id,
            }
        )
        if click_macro is not UNSET:
            field_dict["click_macro"] = click_macro
        if needs_schain is not UNSET:
            field_dict["needs_schain"] = needs_schain
        if networks is not UNSET:
            field_dict["networks"] = networks
        if strict is not UNSET:
            field_dict["strict"] = strict

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        domain = d.pop("domain")

        name = d.pop("name")

        seat = d.pop("seat")

        world_id = d.pop("world_id")

        click_macro = d.pop("click_macro", UNSET)

        needs_schain = d.pop("needs_schain", UNSET)

        networks = cast(list[str], d.pop("networks", UNSET))

        strict = d.pop("strict", UNSET)

        exchange_body = cls(
            domain=domain,
            name=name,
            seat=seat,
            world_id=world_id,
            click_macro=click_macro,
            needs_schain=needs_schain,
            networks=networks,
            strict=strict,
        )

        return exchange_body
