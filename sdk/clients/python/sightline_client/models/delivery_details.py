from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.delivery_status import DeliveryStatus

if TYPE_CHECKING:
    from ..models.attempt_answer import AttemptAnswer


T = TypeVar("T", bound="DeliveryDetails")


@_attrs_define
class DeliveryDetails:
    """
    Attributes:
        attempts (int):
        created_at (datetime.datetime):
        error (None | str):
        event (str): the `id` in the body; the same for every attempt and replay
        finished_at (datetime.datetime | None):
        id (int):
        kind (str):
        next_at (datetime.datetime | None): when it is tried next; null when it is finished
        replay_of (int | None):
        response_code (int | None):
        status (DeliveryStatus):
        tries (list[AttemptAnswer]):
    """

    attempts: int
    created_at: datetime.datetime
    error: None | str
    event: str
    finished_at: datetime.datetime | None
    id: int
    kind: str
    next_at: datetime.datetime | None
    replay_of: int | None
    response_code: int | None
    status: DeliveryStatus
    tries: list[AttemptAnswer]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        attempts = self.attempts

        created_at = self.created_at.isoformat()

        error: None | str
        error = self.error

        event = self.event

        finished_at: None | str
        if isinstance(self.finished_at, datetime.datetime):
            finished_at = self.finished_at.isoformat()
        else:
            finished_at = self.finished_at

        id = self.id

        kind = self.kind

        next_at: None | str
        if isinstance(self.next_at, datetime.datetime):
            next_at = self.next_at.isoformat()
        else:
            next_at = self.next_at

        replay_of: int | None
        replay_of = self.replay_of

        response_code: int | None
        response_code = self.response_code

        status = self.status.value

        tries = []
        for tries_item_data in self.tries:
            tries_item = tries_item_data.to_dict()
            tries.append(tries_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "attempts": attempts,
                "created_at": created_at,
                "error": error,
                "event": event,
                "finished_at": finished_at,
                "id": id,
                "kind": kind,
                "next_at": next_at,
                "replay_of": replay_of,
                "response_code": response_code,
                "status": status,
                "tries": tries,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.attempt_answer import AttemptAnswer  # noqa: PLC0415

        d = dict(src_dict)
        attempts = d.pop("attempts")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_error(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        error = _parse_error(d.pop("error"))

        event = d.pop("event")

        def _parse_finished_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                finished_at_type_0 = datetime.datetime.fromisoformat(data)

                return finished_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        finished_at = _parse_finished_at(d.pop("finished_at"))

        id = d.pop("id")

        kind = d.pop("kind")

        def _parse_next_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                next_at_type_0 = datetime.datetime.fromisoformat(data)

                return next_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        next_at = _parse_next_at(d.pop("next_at"))

        def _parse_replay_of(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        replay_of = _parse_replay_of(d.pop("replay_of"))

        def _parse_response_code(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        response_code = _parse_response_code(d.pop("response_code"))

        status = DeliveryStatus(d.pop("status"))

        tries = []
        _tries = d.pop("tries")
        for tries_item_data in _tries:
            tries_item = AttemptAnswer.from_dict(tries_item_data)

            tries.append(tries_item)

        delivery_details = cls(
            attempts=attempts,
            created_at=created_at,
            error=error,
            event=event,
            finished_at=finished_at,
            id=id,
            kind=kind,
            next_at=next_at,
            replay_of=replay_of,
            response_code=response_code,
            status=status,
            tries=tries,
        )

        delivery_details.additional_properties = d
        return delivery_details

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
