from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.flag_status import FlagStatus

if TYPE_CHECKING:
    from ..models.flag_answer_amounts_micro_usdc import FlagAnswerAmountsMicroUsdc
    from ..models.flag_answer_events import FlagAnswerEvents
    from ..models.flag_answer_evidence import FlagAnswerEvidence


T = TypeVar("T", bound="FlagAnswer")


@_attrs_define
class FlagAnswer:
    """A day's events on a placement (`level`: all of it, or of one network, viewer or recording) that are not paid.

    `evidence` has the sums, the threshold of the ruleset and the lists in force. `events` and `amounts_micro_usdc` are
    by what the ledger did: `pending`, `reversed` (given back), `voided` (never charged), `late` (its epoch was closed:
    it stays paid), `missed` (the budget was gone), and after a flag was lifted `lifting`, `reinstated`, `cleared`,
    `forgone` (the budget went to others meanwhile).

        Attributes:
            amounts_micro_usdc (FlagAnswerAmountsMicroUsdc):
            created_at (datetime.datetime):
            day (datetime.date):
            decided_at (datetime.datetime | None):
            events (FlagAnswerEvents):
            evidence (FlagAnswerEvidence):
            id (int):
            level (str):
            note (None | str):
            objected_at (datetime.datetime | None):
            objection (None | str):
            placement_id (int):
            rule (str):
            ruleset (str): SHA-256 of the ruleset whose thresholds were passed
            scope (str):
            status (FlagStatus): standing → upheld or lifted, after an objection or without one.
    """

    amounts_micro_usdc: FlagAnswerAmountsMicroUsdc
    created_at: datetime.datetime
    day: datetime.date
    decided_at: datetime.datetime | None
    events: FlagAnswerEvents
    evidence: FlagAnswerEvidence
    id: int
    level: str
    note: None | str
    objected_at: datetime.datetime | None
    objection: None | str
    placement_id: int
    rule: str
    ruleset: str
    scope: str
    status: FlagStatus
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        amounts_micro_usdc = self.amounts_micro_usdc.to_dict()

        created_at = self.created_at.isoformat()

        day = self.day.isoformat()

        decided_at: None | str
        if isinstance(self.decided_at, datetime.datetime):
            decided_at = self.decided_at.isoformat()
        else:
            decided_at = self.decided_at

        events = self.events.to_dict()

        evidence = self.evidence.to_dict()

        id = self.id

        level = self.level

        note: None | str
        note = self.note

        objected_at: None | str
        if isinstance(self.objected_at, datetime.datetime):
            objected_at = self.objected_at.isoformat()
        else:
            objected_at = self.objected_at

        objection: None | str
        objection = self.objection

        placement_id = self.placement_id

        rule = self.rule

        ruleset = self.ruleset

        scope = self.scope

        status = self.status.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "amounts_micro_usdc": amounts_micro_usdc,
                "created_at": created_at,
                "day": day,
                "decided_at": decided_at,
                "events": events,
                "evidence": evidence,
                "id": id,
                "level": level,
                "note": note,
                "objected_at": objected_at,
                "objection": objection,
                "placement_id": placement_id,
                "rule": rule,
                "ruleset": ruleset,
                "scope": scope,
                "status": status,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.flag_answer_amounts_micro_usdc import (
            FlagAnswerAmountsMicroUsdc,  # noqa: PLC0415
        )
        from ..models.flag_answer_events import FlagAnswerEvents  # noqa: PLC0415
        from ..models.flag_answer_evidence import FlagAnswerEvidence  # noqa: PLC0415

        d = dict(src_dict)
        amounts_micro_usdc = FlagAnswerAmountsMicroUsdc.from_dict(
            d.pop("amounts_micro_usdc")
        )

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        day = datetime.date.fromisoformat(d.pop("day"))

        def _parse_decided_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                decided_at_type_0 = datetime.datetime.fromisoformat(data)

                return decided_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        decided_at = _parse_decided_at(d.pop("decided_at"))

        events = FlagAnswerEvents.from_dict(d.pop("events"))

        evidence = FlagAnswerEvidence.from_dict(d.pop("evidence"))

        id = d.pop("id")

        level = d.pop("level")

        def _parse_note(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        note = _parse_note(d.pop("note"))

        def _parse_objected_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                objected_at_type_0 = datetime.datetime.fromisoformat(data)

                return objected_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        objected_at = _parse_objected_at(d.pop("objected_at"))

        def _parse_objection(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        objection = _parse_objection(d.pop("objection"))

        placement_id = d.pop("placement_id")

        rule = d.pop("rule")

        ruleset = d.pop("ruleset")

        scope = d.pop("scope")

        status = FlagStatus(d.pop("status"))

        flag_answer = cls(
            amounts_micro_usdc=amounts_micro_usdc,
            created_at=created_at,
            day=day,
            decided_at=decided_at,
            events=events,
            evidence=evidence,
            id=id,
            level=level,
            note=note,
            objected_at=objected_at,
            objection=objection,
            placement_id=placement_id,
            rule=rule,
            ruleset=ruleset,
            scope=scope,
            status=status,
        )

        flag_answer.additional_properties = d
        return flag_answer

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
