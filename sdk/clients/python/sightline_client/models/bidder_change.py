from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.partner_status import PartnerStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="BidderChange")


@_attrs_define
class BidderChange:
    """What is left out stays as it is. Another endpoint has to be approved again.

    Attributes:
        endpoint (None | str | Unset):
        name (None | str | Unset):
        qps_max (int | None | Unset):
        seat (None | str | Unset):
        status (None | PartnerStatus | Unset):
        timeout_ms (int | None | Unset):
    """

    endpoint: None | str | Unset = UNSET
    name: None | str | Unset = UNSET
    qps_max: int | None | Unset = UNSET
    seat: None | str | Unset = UNSET
    status: None | PartnerStatus | Unset = UNSET
    timeout_ms: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        endpoint: None | str | Unset
        if isinstance(self.endpoint, Unset):
            endpoint = UNSET
        else:
            endpoint = self.endpoint

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        qps_max: int | None | Unset
        if isinstance(self.qps_max, Unset):
            qps_max = UNSET
        else:
            qps_max = self.qps_max

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

        timeout_ms: int | None | Unset
        if isinstance(self.timeout_ms, Unset):
            timeout_ms = UNSET
        else:
            timeout_ms = self.timeout_ms

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if endpoint is not UNSET:
            field_dict["endpoint"] = endpoint
        if name is not UNSET:
            field_dict["name"] = name
        if qps_max is not UNSET:
            field_dict["qps_max"] = qps_max
        if seat is not UNSET:
            field_dict["seat"] = seat
        if status is not UNSET:
            field_dict["status"] = status
        if timeout_ms is not UNSET:
            field_dict["timeout_ms"] = timeout_ms

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_endpoint(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        endpoint = _parse_endpoint(d.pop("endpoint", UNSET))

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        def _parse_qps_max(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        qps_max = _parse_qps_max(d.pop("qps_max", UNSET))

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

        def _parse_timeout_ms(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        timeout_ms = _parse_timeout_ms(d.pop("timeout_ms", UNSET))

        bidder_change = cls(
            endpoint=endpoint,
            name=name,
            qps_max=qps_max,
            seat=seat,
            status=status,
            timeout_ms=timeout_ms,
        )

        return bidder_change
