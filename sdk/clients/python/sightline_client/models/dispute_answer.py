from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.dispute_outcome import DisputeOutcome

T = TypeVar("T", bound="DisputeAnswer")


@_attrs_define
class DisputeAnswer:
    """`withdrawn_cents` the bank took, `reinstated_cents` it gave back; open while `outcome` is null.

    Attributes:
        outcome (DisputeOutcome | None):
        reinstated_cents (int):
        withdrawn_cents (int):
    """

    outcome: DisputeOutcome | None
    reinstated_cents: int
    withdrawn_cents: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        outcome: None | str
        if isinstance(self.outcome, DisputeOutcome):
            outcome = self.outcome.value
        else:
            outcome = self.outcome

        reinstated_cents = self.reinstated_cents

        withdrawn_cents = self.withdrawn_cents

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "outcome": outcome,
                "reinstated_cents": reinstated_cents,
                "withdrawn_cents": withdrawn_cents,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_outcome(data: object) -> DisputeOutcome | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                outcome_type_0 = DisputeOutcome(data)

                return outcome_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DisputeOutcome | None, data)

        outcome = _parse_outcome(d.pop("outcome"))

        reinstated_cents = d.pop("reinstated_cents")

        withdrawn_cents = d.pop("withdrawn_cents")

        dispute_answer = cls(
            outcome=outcome,
            reinstated_cents=reinstated_cents,
            withdrawn_cents=withdrawn_cents,
        )

        dispute_answer.additional_properties = d
        return dispute_answer

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
