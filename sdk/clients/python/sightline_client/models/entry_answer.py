from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.entry_answer_details import EntryAnswerDetails


T = TypeVar("T", bound="EntryAnswer")


@_attrs_define
class EntryAnswer:
    """One act. `hash` covers the entry and the hash of the entry before; see docs/operating.md.

    Attributes:
        account (str):
        action (str):
        actor (str): a wallet, `key:<prefix>`, `anonymous` or `system`
        at (datetime.datetime):
        details (EntryAnswerDetails):
        entry (int):
        hash_ (str):
        sequence (int): place in the chain, without gaps
        subject (str):
    """

    account: str
    action: str
    actor: str
    at: datetime.datetime
    details: EntryAnswerDetails
    entry: int
    hash_: str
    sequence: int
    subject: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        account = self.account

        action = self.action

        actor = self.actor

        at = self.at.isoformat()

        details = self.details.to_dict()

        entry = self.entry

        hash_ = self.hash_

        sequence = self.sequence

        subject = self.subject

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account": account,
                "action": action,
                "actor": actor,
                "at": at,
                "details": details,
                "entry": entry,
                "hash": hash_,
                "sequence": sequence,
                "subject": subject,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.entry_answer_details import EntryAnswerDetails  # noqa: PLC0415

        d = dict(src_dict)
        account = d.pop("account")

        action = d.pop("action")

        actor = d.pop("actor")

        at = datetime.datetime.fromisoformat(d.pop("at"))

        details = EntryAnswerDetails.from_dict(d.pop("details"))

        entry = d.pop("entry")

        hash_ = d.pop("hash")

        sequence = d.pop("sequence")

        subject = d.pop("subject")

        entry_answer = cls(
            account=account,
            action=action,
            actor=actor,
            at=at,
            details=details,
            entry=entry,
            hash_=hash_,
            sequence=sequence,
            subject=subject,
        )

        entry_answer.additional_properties = d
        return entry_answer

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
