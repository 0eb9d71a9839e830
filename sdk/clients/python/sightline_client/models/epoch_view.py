from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="EpochView")


@_attrs_define
class EpochView:
    """One attempt of an epoch: `closed` and `published` are ours, `proposed`, `vetoed` and `finalized` the chain's.

    Attributes:
        active_at (int | None):
        attempt (int):
        attestations (int):
        epoch (int):
        events (int | None):
        fee_micro_usdc (int | None):
        status (str):
        total_micro_usdc (int):
    """

    active_at: int | None
    attempt: int
    attestations: int
    epoch: int
    events: int | None
    fee_micro_usdc: int | None
    status: str
    total_micro_usdc: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        active_at: int | None
        active_at = self.active_at

        attempt = self.attempt

        attestations = self.attestations

        epoch = self.epoch

        events: int | None
        events = self.events

        fee_micro_usdc: int | None
        fee_micro_usdc = self.fee_micro_usdc

        status = self.status

        total_micro_usdc = self.total_micro_usdc

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "active_at": active_at,
                "attempt": attempt,
                "attestations": attestations,
                "epoch": epoch,
                "events": events,
                "fee_micro_usdc": fee_micro_usdc,
                "status": status,
                "total_micro_usdc": total_micro_usdc,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_active_at(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        active_at = _parse_active_at(d.pop("active_at"))

        attempt = d.pop("attempt")

        attestations = d.pop("attestations")

        epoch = d.pop("epoch")

        def _parse_events(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        events = _parse_events(d.pop("events"))

        def _parse_fee_micro_usdc(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        fee_micro_usdc = _parse_fee_micro_usdc(d.pop("fee_micro_usdc"))

        status = d.pop("status")

        total_micro_usdc = d.pop("total_micro_usdc")

        epoch_view = cls(
            active_at=active_at,
            attempt=attempt,
            attestations=attestations,
            epoch=epoch,
            events=events,
            fee_micro_usdc=fee_micro_usdc,
            status=status,
            total_micro_usdc=total_micro_usdc,
        )

        epoch_view.additional_properties = d
        return epoch_view

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
