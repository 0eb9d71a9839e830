from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.goal_counts_verdicts import GoalCountsVerdicts


T = TypeVar("T", bound="GoalCounts")


@_attrs_define
class GoalCounts:
    """
    Attributes:
        goal_id (int):
        verdicts (GoalCountsVerdicts): conversions by verdict: waiting, pending, charged, counted (attributed, but
            free), or the reason why it is not due to an ad
    """

    goal_id: int
    verdicts: GoalCountsVerdicts
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        goal_id = self.goal_id

        verdicts = self.verdicts.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "goal_id": goal_id,
                "verdicts": verdicts,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.goal_counts_verdicts import GoalCountsVerdicts  # noqa: PLC0415

        d = dict(src_dict)
        goal_id = d.pop("goal_id")

        verdicts = GoalCountsVerdicts.from_dict(d.pop("verdicts"))

        goal_counts = cls(
            goal_id=goal_id,
            verdicts=verdicts,
        )

        goal_counts.additional_properties = d
        return goal_counts

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
