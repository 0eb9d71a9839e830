from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.reason_answer import ReasonAnswer


T = TypeVar("T", bound="NoAdAnswer")


@_attrs_define
class NoAdAnswer:
    """Why a placement showed no ad. A reason counts line items, once for each request in which it was theirs.

    Attributes:
        ads (int): how many of them with an ad
        reasons (list[ReasonAnswer]):
        requests (int): ad requests that were answered
        since (datetime.datetime):
        standing (list[str]): what keeps every paid ad away now
        until (datetime.datetime):
    """

    ads: int
    reasons: list[ReasonAnswer]
    requests: int
    since: datetime.datetime
    standing: list[str]
    until: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        ads = self.ads

        reasons = []
        for reasons_item_data in self.reasons:
            reasons_item = reasons_item_data.to_dict()
            reasons.append(reasons_item)

        requests = self.requests

        since = self.since.isoformat()

        standing = self.standing

        until = self.until.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "ads": ads,
                "reasons": reasons,
                "requests": requests,
                "since": since,
                "standing": standing,
                "until": until,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.reason_answer import ReasonAnswer  # noqa: PLC0415

        d = dict(src_dict)
        ads = d.pop("ads")

        reasons = []
        _reasons = d.pop("reasons")
        for reasons_item_data in _reasons:
            reasons_item = ReasonAnswer.from_dict(reasons_item_data)

            reasons.append(reasons_item)

        requests = d.pop("requests")

        since = datetime.datetime.fromisoformat(d.pop("since"))

        standing = cast(list[str], d.pop("standing"))

        until = datetime.datetime.fromisoformat(d.pop("until"))

        no_ad_answer = cls(
            ads=ads,
            reasons=reasons,
            requests=requests,
            since=since,
            standing=standing,
            until=until,
        )

        no_ad_answer.additional_properties = d
        return no_ad_answer

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
