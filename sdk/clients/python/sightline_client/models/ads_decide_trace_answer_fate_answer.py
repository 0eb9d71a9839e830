from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="AdsDecideTraceAnswerFateAnswer")


@_attrs_define
class AdsDecideTraceAnswerFateAnswer:
    """A line item, where its numbers may be seen. `reason` null: it won. The eCPM is that of those who were compared.

    Attributes:
        bid_micro_usdc (int | None):
        deal (int | None):
        ecpm_nano_usdc (int | None):
        line_item (int | None):
        reason (None | str):
        step (str):
    """

    bid_micro_usdc: int | None
    deal: int | None
    ecpm_nano_usdc: int | None
    line_item: int | None
    reason: None | str
    step: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        bid_micro_usdc: int | None
        bid_micro_usdc = self.bid_micro_usdc

        deal: int | None
        deal = self.deal

        ecpm_nano_usdc: int | None
        ecpm_nano_usdc = self.ecpm_nano_usdc

        line_item: int | None
        line_item = self.line_item

        reason: None | str
        reason = self.reason

        step = self.step

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "bid_micro_usdc": bid_micro_usdc,
                "deal": deal,
                "ecpm_nano_usdc": ecpm_nano_usdc,
                "line_item": line_item,
                "reason": reason,
                "step": step,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_bid_micro_usdc(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        bid_micro_usdc = _parse_bid_micro_usdc(d.pop("bid_micro_usdc"))

        def _parse_deal(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        deal = _parse_deal(d.pop("deal"))

        def _parse_ecpm_nano_usdc(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        ecpm_nano_usdc = _parse_ecpm_nano_usdc(d.pop("ecpm_nano_usdc"))

        def _parse_line_item(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        line_item = _parse_line_item(d.pop("line_item"))

        def _parse_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reason = _parse_reason(d.pop("reason"))

        step = d.pop("step")

        ads_decide_trace_answer_fate_answer = cls(
            bid_micro_usdc=bid_micro_usdc,
            deal=deal,
            ecpm_nano_usdc=ecpm_nano_usdc,
            line_item=line_item,
            reason=reason,
            step=step,
        )

        ads_decide_trace_answer_fate_answer.additional_properties = d
        return ads_decide_trace_answer_fate_answer

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
