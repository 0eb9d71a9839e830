from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.goal_kind import GoalKind
from ..types import UNSET, Unset

T = TypeVar("T", bound="GoalBody")


@_attrs_define
class GoalBody:
    """`contract` and `event` are for goals of the kind on_chain. `view_days` of 0: a view alone is not enough.

    Attributes:
        campaign_id (int):
        kind (GoalKind): postback: the advertiser's server tells us, signed. on_chain: a contract of the advertiser logs
            an event.
        name (str):
        click_days (int | Unset):  Default: 30.
        contract (None | str | Unset):
        event (None | str | Unset):
        repeatable (bool | Unset):  Default: False.
        view_days (int | Unset):  Default: 0.
    """

    campaign_id: int
    kind: GoalKind
    name: str
    click_days: int | Unset = 30
    contract: None | str | Unset = UNSET
    event: None | str | Unset = UNSET
    repeatable: bool | Unset = False
    view_days: int | Unset = 0

    def to_dict(self) -> dict[str, Any]:
        campaign_id = self.campaign_id

        kind = self.kind.value

        name = self.name

        click_days = self.click_days

        contract: None | str | Unset
        if isinstance(self.contract, Unset):
            contract = UNSET
        else:
            contract = self.contract

        event: None | str | Unset
        if isinstance(self.event, Unset):
            event = UNSET
        else:
            event = self.event

        repeatable = self.repeatable

        view_days = self.view_days

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "campaign_id": campaign_id,
                "kind": kind,
                "name": name,
            }
        )
        if click_days is not UNSET:
            field_dict["click_days"] = click_days
        if contract is not UNSET:
            field_dict["contract"] = contract
        if event is not UNSET:
            field_dict["event"] = event
        if repeatable is not UNSET:
            field_dict["repeatable"] = repeatable
        if view_days is not UNSET:
            field_dict["view_days"] = view_days

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        campaign_id = d.pop("campaign_id")

        kind = GoalKind(d.pop("kind"))

        name = d.pop("name")

        click_days = d.pop("click_days", UNSET)

        def _parse_contract(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        contract = _parse_contract(d.pop("contract", UNSET))

        def _parse_event(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        event = _parse_event(d.pop("event", UNSET))

        repeatable = d.pop("repeatable", UNSET)

        view_days = d.pop("view_days", UNSET)

        goal_body = cls(
            campaign_id=campaign_id,
            kind=kind,
            name=name,
            click_days=click_days,
            contract=contract,
            event=event,
            repeatable=repeatable,
            view_days=view_days,
        )

        return goal_body
