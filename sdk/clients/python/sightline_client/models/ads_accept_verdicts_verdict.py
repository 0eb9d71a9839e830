from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.ads_accept_verdicts_verdict_drop_reason import (
    AdsAcceptVerdictsVerdictDropReason,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="AdsAcceptVerdictsVerdict")


@_attrs_define
class AdsAcceptVerdictsVerdict:
    """`accepted`, or `dropped` with the reason.

    Attributes:
        status (str):
        reason (AdsAcceptVerdictsVerdictDropReason | None | Unset):
    """

    status: str
    reason: AdsAcceptVerdictsVerdictDropReason | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        status = self.status

        reason: None | str | Unset
        if isinstance(self.reason, Unset):
            reason = UNSET
        elif isinstance(self.reason, AdsAcceptVerdictsVerdictDropReason):
            reason = self.reason.value
        else:
            reason = self.reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "status": status,
            }
        )
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = d.pop("status")

        def _parse_reason(
            data: object,
        ) -> AdsAcceptVerdictsVerdictDropReason | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                reason_drop_reason = AdsAcceptVerdictsVerdictDropReason(data)

                return reason_drop_reason
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AdsAcceptVerdictsVerdictDropReason | None | Unset, data)

        reason = _parse_reason(d.pop("reason", UNSET))

        ads_accept_verdicts_verdict = cls(
            status=status,
            reason=reason,
        )

        ads_accept_verdicts_verdict.additional_properties = d
        return ads_accept_verdicts_verdict

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
