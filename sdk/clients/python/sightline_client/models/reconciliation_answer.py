from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.status import Status

if TYPE_CHECKING:
    from ..models.reconciliation_answer_report import ReconciliationAnswerReport


T = TypeVar("T", bound="ReconciliationAnswer")


@_attrs_define
class ReconciliationAnswer:
    """A day's comparison of chain, ledger and Stripe.

    Attributes:
        created_at (datetime.datetime):
        day (datetime.date):
        report (ReconciliationAnswerReport):
        status (Status): incomplete: nothing differs, but one of the three could not be asked.
    """

    created_at: datetime.datetime
    day: datetime.date
    report: ReconciliationAnswerReport
    status: Status
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        day = self.day.isoformat()

        report = self.report.to_dict()

        status = self.status.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "day": day,
                "report": report,
                "status": status,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.reconciliation_answer_report import (
            ReconciliationAnswerReport,  # noqa: PLC0415
        )

        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        day = datetime.date.fromisoformat(d.pop("day"))

        report = ReconciliationAnswerReport.from_dict(d.pop("report"))

        status = Status(d.pop("status"))

        reconciliation_answer = cls(
            created_at=created_at,
            day=day,
            report=report,
            status=status,
        )

        reconciliation_answer.additional_properties = d
        return reconciliation_answer

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
