from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.ads_accept_events_click import AdsAcceptEventsClick
    from ..models.ads_accept_events_viewable import AdsAcceptEventsViewable


T = TypeVar("T", bound="AdsAcceptEvents")


@_attrs_define
class AdsAcceptEvents:
    """At most 100 events; a malformed one spoils only itself.

    Attributes:
        events (list[AdsAcceptEventsClick | AdsAcceptEventsViewable]):
    """

    events: list[AdsAcceptEventsClick | AdsAcceptEventsViewable]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.ads_accept_events_viewable import (
            AdsAcceptEventsViewable,  # noqa: PLC0415
        )

        events = []
        for events_item_data in self.events:
            events_item: dict[str, Any]
            if isinstance(events_item_data, AdsAcceptEventsViewable):
                events_item = events_item_data.to_dict()
            else:
                events_item = events_item_data.to_dict()

            events.append(events_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "events": events,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.ads_accept_events_click import (
            AdsAcceptEventsClick,  # noqa: PLC0415
        )
        from ..models.ads_accept_events_viewable import (
            AdsAcceptEventsViewable,  # noqa: PLC0415
        )

        d = dict(src_dict)
        events = []
        _events = d.pop("events")
        for events_item_data in _events:

            def _parse_events_item(
                data: object,
            ) -> AdsAcceptEventsClick | AdsAcceptEventsViewable:
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    events_item_viewable = AdsAcceptEventsViewable.from_dict(data)

                    return events_item_viewable
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                if not isinstance(data, dict):
                    raise TypeError()
                events_item_click = AdsAcceptEventsClick.from_dict(data)

                return events_item_click

            events_item = _parse_events_item(events_item_data)

            events.append(events_item)

        ads_accept_events = cls(
            events=events,
        )

        ads_accept_events.additional_properties = d
        return ads_accept_events

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
