from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.ads_decide_trace_answer_fate_answer import (
        AdsDecideTraceAnswerFateAnswer,
    )
    from ..models.ads_decide_trace_answer_refused import AdsDecideTraceAnswerRefused


T = TypeVar("T", bound="AdsDecideTraceAnswer")


@_attrs_define
class AdsDecideTraceAnswer:
    """How the request would be decided, with `explain=1`. `version` counts changes of what is sold and bought, the same
        on every server; `budgets` names what was known of money. `refused` counts line items by step and reason.
    `test`:
        the placement shows the house ad now, for free; the rest is what would be decided without the test.

        Attributes:
            budgets (str):
            floor_micro_usdc (int):
            line_items (int):
            placement (int):
            price_micro_usdc (int | None):
            refused (AdsDecideTraceAnswerRefused):
            seen (list[AdsDecideTraceAnswerFateAnswer]):
            test (bool):
            version (int):
    """

    budgets: str
    floor_micro_usdc: int
    line_items: int
    placement: int
    price_micro_usdc: int | None
    refused: AdsDecideTraceAnswerRefused
    seen: list[AdsDecideTraceAnswerFateAnswer]
    test: bool
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        budgets = self.budgets

        floor_micro_usdc = self.floor_micro_usdc

        line_items = self.line_items

        placement = self.placement

        price_micro_usdc: int | None
        price_micro_usdc = self.price_micro_usdc

        refused = self.refused.to_dict()

        seen = []
        for seen_item_data in self.seen:
            seen_item = seen_item_data.to_dict()
            seen.append(seen_item)

        test = self.test

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "budgets": budgets,
                "floor_micro_usdc": floor_micro_usdc,
                "line_items": line_items,
                "placement": placement,
                "price_micro_usdc": price_micro_usdc,
                "refused": refused,
                "seen": seen,
                "test": test,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.ads_decide_trace_answer_fate_answer import (
            AdsDecideTraceAnswerFateAnswer,  # noqa: PLC0415
        )
        from ..models.ads_decide_trace_answer_refused import (
            AdsDecideTraceAnswerRefused,  # noqa: PLC0415
        )

        d = dict(src_dict)
        budgets = d.pop("budgets")

        floor_micro_usdc = d.pop("floor_micro_usdc")

        line_items = d.pop("line_items")

        placement = d.pop("placement")

        def _parse_price_micro_usdc(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        price_micro_usdc = _parse_price_micro_usdc(d.pop("price_micro_usdc"))

        refused = AdsDecideTraceAnswerRefused.from_dict(d.pop("refused"))

        seen = []
        _seen = d.pop("seen")
        for seen_item_data in _seen:
            seen_item = AdsDecideTraceAnswerFateAnswer.from_dict(seen_item_data)

            seen.append(seen_item)

        test = d.pop("test")

        version = d.pop("version")

        ads_decide_trace_answer = cls(
            budgets=budgets,
            floor_micro_usdc=floor_micro_usdc,
            line_items=line_items,
            placement=placement,
            price_micro_usdc=price_micro_usdc,
            refused=refused,
            seen=seen,
            test=test,
            version=version,
        )

        ads_decide_trace_answer.additional_properties = d
        return ads_decide_trace_answer

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
