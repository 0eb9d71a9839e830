from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.ads_accept_verdicts_verdict import AdsAcceptVerdictsVerdict


T = TypeVar("T", bound="AdsAcceptVerdicts")


@_attrs_define
class AdsAcceptVerdicts:
    """One verdict per event, in order. An accepted event can still turn out to be a replay (reports say so).

    Attributes:
        results (list[AdsAcceptVerdictsVerdict]):
    """

    results: list[AdsAcceptVerdictsVerdict]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        results = []
        for results_item_data in self.results:
            results_item = results_item_data.to_dict()
            results.append(results_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "results": results,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.ads_accept_verdicts_verdict import (
            AdsAcceptVerdictsVerdict,  # noqa: PLC0415
        )

        d = dict(src_dict)
        results = []
        _results = d.pop("results")
        for results_item_data in _results:
            results_item = AdsAcceptVerdictsVerdict.from_dict(results_item_data)

            results.append(results_item)

        ads_accept_verdicts = cls(
            results=results,
        )

        ads_accept_verdicts.additional_properties = d
        return ads_accept_verdicts

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
