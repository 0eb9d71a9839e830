from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="SessionItem")


@_attrs_define
class SessionItem:
    """A session of yours: when it was used (to the minute), from which network and browser.

    Attributes:
        agent (str):
        created_at (datetime.datetime):
        current (bool):
        expires_at (datetime.datetime):
        id (int):
        ip_prefix (str): /24 or /48; the address itself is not kept
        last_used_at (datetime.datetime):
    """

    agent: str
    created_at: datetime.datetime
    current: bool
    expires_at: datetime.datetime
    id: int
    ip_prefix: str
    last_used_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        agent = self.agent

        created_at = self.created_at.isoformat()

        current = self.current

        expires_at = self.expires_at.isoformat()

        id = self.id

        ip_prefix = self.ip_prefix

        last_used_at = self.last_used_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "agent": agent,
                "created_at": created_at,
                "current": current,
                "expires_at": expires_at,
                "id": id,
                "ip_prefix": ip_prefix,
                "last_used_at": last_used_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        agent = d.pop("agent")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        current = d.pop("current")

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        id = d.pop("id")

        ip_prefix = d.pop("ip_prefix")

        last_used_at = datetime.datetime.fromisoformat(d.pop("last_used_at"))

        session_item = cls(
            agent=agent,
            created_at=created_at,
            current=current,
            expires_at=expires_at,
            id=id,
            ip_prefix=ip_prefix,
            last_used_at=last_used_at,
        )

        session_item.additional_properties = d
        return session_item

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
