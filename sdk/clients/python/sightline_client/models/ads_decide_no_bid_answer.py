from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.ads_decide_no_bid_answer_no_bid import AdsDecideNoBidAnswerNoBid


T = TypeVar("T", bound="AdsDecideNoBidAnswer")


@_attrs_define
class AdsDecideNoBidAnswer:
    """No ad now: how many line items fell away for which reason. `version`: of what was decided by, as in an ad.

    Attributes:
        no_bid (AdsDecideNoBidAnswerNoBid):
        version (int):
    """

    no_bid: AdsDecideNoBidAnswerNoBid
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        no_bid = self.no_bid.to_dict()

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "no_bid": no_bid,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.ads_decide_no_bid_answer_no_bid import (
            AdsDecideNoBidAnswerNoBid,  # noqa: PLC0415
        )

        d = dict(src_dict)
        no_bid = AdsDecideNoBidAnswerNoBid.from_dict(d.pop("no_bid"))

        version = d.pop("version")

        ads_decide_no_bid_answer = cls(
            no_bid=no_bid,
            version=version,
        )

        ads_decide_no_bid_answer.additional_properties = d
        return ads_decide_no_bid_answer

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
