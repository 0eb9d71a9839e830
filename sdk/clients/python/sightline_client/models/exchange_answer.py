from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.partner_status import PartnerStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="ExchangeAnswer")


@_attrs_define
class ExchangeAnswer:
    """`token` is there once: when it is made.

    Attributes:
        click_macro (str):
        created_at (datetime.datetime):
        domain (str):
        id (int):
        name (str):
        needs_schain (bool):
        networks (list[str]):
        publisher_index (int):
        seat (str):
        status (PartnerStatus):
        strict (bool):
        world_id (int):
        token (None | str | Unset):
    """

    click_macro: str
    created_at: datetime.datetime
    domain: str
    id: int
    name: str
    needs_schain: bool
    networks: list[str]
    publisher_index: int
    seat: str
    status: PartnerStatus
    strict: bool
    world_id: int
    token: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        click_macro = self.click_macro

        created_at = self.created_at.isoformat()

        domain = self.domain

        id = self.id

        name = self.name

        needs_schain = self.needs_schain

        networks = self.networks

        publisher_index = self.publisher_index

        seat = self.seat

        status = self.status.value

        strict = self.strict

        world_id = self.world_id

        token: None | str | Unset
        if isinstance(self.token, Unset):
            token = UNSET
        else:
            token = self.token

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "click_macro": click_macro,
                "created_at": created_at,
                "domain": domain,
                "id": id,
                "name": name,
                "needs_schain": needs_schain,
                "networks": networks,
                "publisher_index": publisher_index,
                "seat": seat,
                "status": status,
                "strict": strict,
                "world_id": world_id,
            }
        )
        if token is not UNSET:
            field_dict["token"] = token

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        click_macro = d.pop("click_macro")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        domain = d.pop("domain")

        id = d.pop("id")

        name = d.pop("name")

        needs_schain = d.pop("needs_schain")

        networks = cast(list[str], d.pop("networks"))

        publisher_index = d.pop("publisher_index")

        seat = d.pop("seat")

        status = PartnerStatus(d.pop("status"))

        strict = d.pop("strict")

        world_id = d.pop("world_id")

        def _parse_token(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        token = _parse_token(d.pop("token", UNSET))

        exchange_answer = cls(
            click_macro=click_macro,
            created_at=created_at,
            domain=domain,
            id=id,
            name=name,
            needs_schain=needs_schain,
            networks=networks,
            publisher_index=publisher_index,
            seat=seat,
            status=status,
            strict=strict,
            world_id=world_id,
            token=token,
        )

        exchange_answer.additional_properties = d
        return exchange_answer

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
