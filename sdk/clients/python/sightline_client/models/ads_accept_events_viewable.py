from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.ads_accept_events_viewable_kind import AdsAcceptEventsViewableKind
from ..types import UNSET, Unset

T = TypeVar("T", bound="AdsAcceptEventsViewable")


@_attrs_define
class AdsAcceptEventsViewable:
    """Exposure of one ad: samples in the order of time. `rendered_at_ms` is the client's clock, for reports only.

    Attributes:
        kind (AdsAcceptEventsViewableKind):
        samples (list[list[bool | int]]):
        token (str):
        rendered_at_ms (int | None | Unset):
    """

    kind: AdsAcceptEventsViewableKind
    samples: list[list[bool | int]]
    token: str
    rendered_at_ms: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind.value

        samples = []
        for samples_item_data in self.samples:
            samples_item = []
            for samples_item_item_data in samples_item_data:
                samples_item_item: bool | int
                samples_item_item = samples_item_item_data
                samples_item.append(samples_item_item)

            samples.append(samples_item)

        token = self.token

        rendered_at_ms: int | None | Unset
        if isinstance(self.rendered_at_ms, Unset):
            rendered_at_ms = UNSET
        else:
            rendered_at_ms = self.rendered_at_ms

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
                "samples": samples,
                "token": token,
            }
        )
        if rendered_at_ms is not UNSET:
            field_dict["rendered_at_ms"] = rendered_at_ms

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = AdsAcceptEventsViewableKind(d.pop("kind"))

        samples = []
        _samples = d.pop("samples")
        for samples_item_data in _samples:
            samples_item = []
            _samples_item = samples_item_data
            for samples_item_item_data in _samples_item:

                def _parse_samples_item_item(data: object) -> bool | int:
                    return cast(bool | int, data)

                samples_item_item = _parse_samples_item_item(samples_item_item_data)

                samples_item.append(samples_item_item)

            samples.append(samples_item)

        token = d.pop("token")

        def _parse_rendered_at_ms(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        rendered_at_ms = _parse_rendered_at_ms(d.pop("rendered_at_ms", UNSET))

        ads_accept_events_viewable = cls(
            kind=kind,
            samples=samples,
            token=token,
            rendered_at_ms=rendered_at_ms,
        )

        return ads_accept_events_viewable
