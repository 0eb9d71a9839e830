from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.partner_status import PartnerStatus

if TYPE_CHECKING:
    from ..models.bidder_answer_today import BidderAnswerToday


T = TypeVar("T", bound="BidderAnswer")


@_attrs_define
class BidderAnswer:
    """`today`: what became of asking it on this UTC day, by outcome; a few seconds behind.

    Attributes:
        approved (bool):
        created_at (datetime.datetime):
        endpoint (str):
        id (int):
        line_item_id (int):
        name (str):
        qps_max (int):
        seat (str):
        status (PartnerStatus):
        timeout_ms (int):
        today (BidderAnswerToday):
    """

    approved: bool
    created_at: datetime.datetime
    endpoint: str
    id: int
    line_item_id: int
    name: str
    qps_max: int
    seat: str
    status: PartnerStatus
    timeout_ms: int
    today: BidderAnswerToday
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        approved = self.approved

        created_at = self.created_at.isoformat()

        endpoint = self.endpoint

        id = self.id

        line_item_id = self.line_item_id

        name = self.name

        qps_max = self.qps_max

        seat = self.seat

        status = self.status.value

        timeout_ms = self.timeout_ms

        today = self.today.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "approved": approved,
                "created_at": created_at,
                "endpoint": endpoint,
                "id": id,
                "line_item_id": line_item_id,
                "name": name,
                "qps_max": qps_max,
                "seat": seat,
                "status": status,
                "timeout_ms": timeout_ms,
                "today": today,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.bidder_answer_today import BidderAnswerToday  # noqa: PLC0415

        d = dict(src_dict)
        approved = d.pop("approved")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        endpoint = d.pop("endpoint")

        id = d.pop("id")

        line_item_id = d.pop("line_item_id")

        name = d.pop("name")

        qps_max = d.pop("qps_max")

        seat = d.pop("seat")

        status = PartnerStatus(d.pop("status"))

        timeout_ms = d.pop("timeout_ms")

        today = BidderAnswerToday.from_dict(d.pop("today"))

        bidder_answer = cls(
            approved=approved,
            created_at=created_at,
            endpoint=endpoint,
            id=id,
            line_item_id=line_item_id,
            name=name,
            qps_max=qps_max,
            seat=seat,
            status=status,
            timeout_ms=timeout_ms,
            today=today,
        )

        bidder_answer.additional_properties = d
        return bidder_answer

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
