from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="TermsAnswer")


@_attrs_define
class TermsAnswer:
    """A document of the campaign's terms, byte for byte: `sha256` is over its UTF-8 bytes.

    The hash of version 1 is `meta`; every later document names the hash of the one before as `previous`.

        Attributes:
            created_at (datetime.datetime):
            document (str): canonical JSON (RFC 8785)
            sha256 (str):
            version (int):
    """

    created_at: datetime.datetime
    document: str
    sha256: str
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        document = self.document

        sha256 = self.sha256

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "document": document,
                "sha256": sha256,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        document = d.pop("document")

        sha256 = d.pop("sha256")

        version = d.pop("version")

        terms_answer = cls(
            created_at=created_at,
            document=document,
            sha256=sha256,
            version=version,
        )

        terms_answer.additional_properties = d
        return terms_answer

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
