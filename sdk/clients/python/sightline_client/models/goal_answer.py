from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.goal_kind import GoalKind
from ..models.goal_status import GoalStatus

T = TypeVar("T", bound="GoalAnswer")


@_attrs_define
class GoalAnswer:
    """A goal. `topic0` is the first topic of its logs; `read_number` the last block whose logs were read.

    Attributes:
        campaign_id (int):
        click_days (int):
        contract (None | str):
        created_at (datetime.datetime):
        event (None | str):
        id (int):
        kind (GoalKind): postback: the advertiser's server tells us, signed. on_chain: a contract of the advertiser logs
            an event.
        name (str):
        read_number (int | None):
        repeatable (bool):
        status (GoalStatus):
        topic0 (None | str):
        view_days (int):
    """

    campaign_id: int
    click_days: int
    contract: None | str
    created_at: datetime.datetime
    event: None | str
    id: int
    kind: GoalKind
    name: str
    read_number: int | None
    repeatable: bool
    status: GoalStatus
    topic0: None | str
    view_days: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        campaign_id = self.campaign_id

        click_days = self.click_days

        contract: None | str
        contract = self.contract

        created_at = self.created_at.isoformat()

        event: None | str
        event = self.event

        id = self.id

        kind = self.kind.value

        name = self.name

        read_number: int | None
        read_number = self.read_number

        repeatable = self.repeatable

        status = self.status.value

        topic0: None | str
        topic0 = self.topic0

        view_days = self.view_days

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "campaign_id": campaign_id,
                "click_days": click_days,
                "contract": contract,
                "created_at": created_at,
                "event": event,
                "id": id,
                "kind": kind,
                "name": name,
                "read_number": read_number,
                "repeatable": repeatable,
                "status": status,
                "topic0": topic0,
                "view_days": view_days,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        campaign_id = d.pop("campaign_id")

        click_days = d.pop("click_days")

        def _parse_contract(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        contract = _parse_contract(d.pop("contract"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_event(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        event = _parse_event(d.pop("event"))

        id = d.pop("id")

        kind = GoalKind(d.pop("kind"))

        name = d.pop("name")

        def _parse_read_number(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        read_number = _parse_read_number(d.pop("read_number"))

        repeatable = d.pop("repeatable")

        status = GoalStatus(d.pop("status"))

        def _parse_topic0(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        topic0 = _parse_topic0(d.pop("topic0"))

        view_days = d.pop("view_days")

        goal_answer = cls(
            campaign_id=campaign_id,
            click_days=click_days,
            contract=contract,
            created_at=created_at,
            event=event,
            id=id,
            kind=kind,
            name=name,
            read_number=read_number,
            repeatable=repeatable,
            status=status,
            topic0=topic0,
            view_days=view_days,
        )

        goal_answer.additional_properties = d
        return goal_answer

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
