from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="BidderBody")


@_attrs_define
class BidderBody:
    """A server that bids for a line item of yours (bid kind vcpm), whose bid is then the most that it may bid.

    It is asked once the operator has approved it, for placements that ask external bidders.

        Attributes:
            endpoint (str):
            line_item_id (int):
            name (str):
            seat (str):
            qps_max (int | Unset):  Default: 100.
            timeout_ms (int | Unset):  Default: 120.
    """

    endpoint: str
    line_item_id: int
    name: str
    seat: str
    qps_max: int | Unset = 100
    timeout_ms: int | Unset = 120

    def to_dict(self) -> dict[str, Any]:
        endpoint = self.endpoint

        line_item_id = self.line_item_id

        name = self.name

        seat = self.seat

        qps_max = self.qps_max

        timeout_ms = self.timeout_ms

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "endpoint": endpoint,
                "line_item_id": line_item_id,
                "name": name,
                "seat": seat,
            }
        )
        if qps_max is not UNSET:
            field_dict["qps_max"] = qps_max
        if timeout_ms is not UNSET:
            field_dict["timeout_ms"] = timeout_ms

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        endpoint = d.pop("endpoint")

        line_item_id = d.pop("line_item_id")

        name = d.pop("name")

        seat = d.pop("seat")

        qps_max = d.pop("qps_max", UNSET)

        timeout_ms = d.pop("timeout_ms", UNSET)

        bidder_body = cls(
            endpoint=endpoint,
            line_item_id=line_item_id,
            name=name,
            seat=seat,
            qps_max=qps_max,
            timeout_ms=timeout_ms,
        )

        return bidder_body
