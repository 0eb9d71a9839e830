from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.partner_status import PartnerStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="ExchangeChange")


@_attrs_define
class ExchangeChange:
    """What is left out stays as it is. `new_token` ends the old token at once.

    Attributes:
        click_macro (None | str | Unset):
        name (None | str | Unset):
        needs_schain (bool | None | Unset):
        networks (list[str] | None | Unset):
        new_token (bool | Unset):  Default: False.
        seat (None | str | Unset):
        status (None | PartnerStatus | Unset):
        strict (bool | None | Unset):
    """

    click_macro: None | str | Unset = UNSET
    name: None | str | Unset = UNSET
    needs_schain: bool | None | Unset = UNSET
    networks: list[str] | None | Unset = UNSET
    new_token: bool | Unset = False
    seat: None | str | Unset = UNSET
    status: None | PartnerStatus | Unset = UNSET
    strict: bool | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        click_macro: None | str | Unset
        if isinstance(self.click_macro, Unset):
            click_macro = UNSET
        else:
            click_macro = self.click_macro

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        needs_schain: bool | None | Unset
        if isinstance(self.needs_schain, Unset):
            needs_schain = UNSET
        else:
            needs_schain = self.needs_schain

        networks: list[str] | None | Unset
        if isinstance(self.networks, Unset):
            networks = UNSET
        elif isinstance(self.networks, list):
            networks = self.networks

        else:
            networks = self.networks

        new_token = self.new_token

        seat: None | str | Unset
        if isinstance(self.seat, Unset):
            seat = UNSET
        else:
            seat = self.seat

        status: None | str | Unset
        if isinstance(self.status, Unset):
            status = UNSET
        elif isinstance(self.status, PartnerStatus):
            status = self.status.value
        else:
            status = self.status

        strict: bool | None | Unset
        if isinstance(self.strict, Unset):
            strict = UNSET
        else:
            strict = self.strict

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if click_macro is not UNSET:
            field_dict["click_macro"] = click_macro
        if name is not UNSET:
            field_dict["name"] = name
        if needs_schain is not UNSET:
            field_dict["needs_schain"] = needs_schain
        if networks is not UNSET:
            field_dict["networks"] = networks
        if new_token is not UNSET:
            field_dict["new_token"] = new_token
        if seat is not UNSET:
            field_dict["seat"] = seat
        if status is not UNSET:
            field_dict["status"] = status
        if strict is not UNSET:
            field_dict["strict"] = strict

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_click_macro(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        click_macro = _parse_click_macro(d.pop("click_macro", UNSET))

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        def _parse_needs_schain(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        needs_schain = _parse_needs_schain(d.pop("needs_schain", UNSET))

        def _parse_networks(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                networks_type_0 = cast(list[str], data)

                return networks_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        networks = _parse_networks(d.pop("networks", UNSET))

        new_token = d.pop("new_token", UNSET)

        def _parse_seat(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        seat = _parse_seat(d.pop("seat", UNSET))

        def _parse_status(data: object) -> None | PartnerStatus | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                status_type_0 = PartnerStatus(data)

                return status_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PartnerStatus | Unset, data)

        status = _parse_status(d.pop("status", UNSET))

        def _parse_strict(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        strict = _parse_strict(d.pop("strict", UNSET))

        exchange_change = cls(
            click_macro=click_macro,
            name=name,
            needs_schain=needs_schain,
            networks=networks,
            new_token=new_token,
            seat=seat,
            status=status,
            strict=strict,
        )

        return exchange_change
