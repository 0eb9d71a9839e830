from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.ads_accept_events_click_kind import AdsAcceptEventsClickKind

T = TypeVar("T", bound="AdsAcceptEventsClick")


@_attrs_define
class AdsAcceptEventsClick:
    """A click on an ad that was seen.

    Attributes:
        kind (AdsAcceptEventsClickKind):
        token (str):
    """

    kind: AdsAcceptEventsClickKind
    token: str

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind.value

        token = self.token

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
                "token": token,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = AdsAcceptEventsClickKind(d.pop("kind"))

        token = d.pop("token")

        ads_accept_events_click = cls(
            kind=kind,
            token=token,
        )

        return ads_accept_events_click
