from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.payout_mode import PayoutMode

T = TypeVar("T", bound="PublisherChange")


@_attrs_define
class PublisherChange:
    """
    Attributes:
        payout_mode (PayoutMode): auto: the keeper pays after each final epoch; manual: the publisher claims.
    """

    payout_mode: PayoutMode

    def to_dict(self) -> dict[str, Any]:
        payout_mode = self.payout_mode.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "payout_mode": payout_mode,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        payout_mode = PayoutMode(d.pop("payout_mode"))

        publisher_change = cls(
            payout_mode=payout_mode,
        )

        return publisher_change
