from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ExportAnswer")


@_attrs_define
class ExportAnswer:
    """A copy of everything about the account. `download_url` is there while there is a file, good for a day.

    Attributes:
        bytes_ (int | None):
        download_expires_at (datetime.datetime | None):
        download_url (None | str):
        id (int):
        ready_at (datetime.datetime | None):
        requested_at (datetime.datetime):
        sha256 (None | str): of the archive, hex
        status (str): waiting, ready or deleted
    """

    bytes_: int | None
    download_expires_at: datetime.datetime | None
    download_url: None | str
    id: int
    ready_at: datetime.datetime | None
    requested_at: datetime.datetime
    sha256: None | str
    status: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        bytes_: int | None
        bytes_ = self.bytes_

        download_expires_at: None | str
        if isinstance(self.download_expires_at, datetime.datetime):
            download_expires_at = self.download_expires_at.isoformat()
        else:
            download_expires_at = self.download_expires_at

        download_url: None | str
        download_url = self.download_url

        id = self.id

        ready_at: None | str
        if isinstance(self.ready_at, datetime.datetime):
            ready_at = self.ready_at.isoformat()
        else:
            ready_at = self.ready_at

        requested_at = self.requested_at.isoformat()

        sha256: None | str
        sha256 = self.sha256

        status = self.status

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "bytes": bytes_,
                "download_expires_at": download_expires_at,
                "download_url": download_url,
                "id": id,
                "ready_at": ready_at,
                "requested_at": requested_at,
                "sha256": sha256,
                "status": status,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_bytes_(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        bytes_ = _parse_bytes_(d.pop("bytes"))

        def _parse_download_expires_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                download_expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return download_expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        download_expires_at = _parse_download_expires_at(d.pop("download_expires_at"))

        def _parse_download_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        download_url = _parse_download_url(d.pop("download_url"))

        id = d.pop("id")

        def _parse_ready_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ready_at_type_0 = datetime.datetime.fromisoformat(data)

                return ready_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ready_at = _parse_ready_at(d.pop("ready_at"))

        requested_at = datetime.datetime.fromisoformat(d.pop("requested_at"))

        def _parse_sha256(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        sha256 = _parse_sha256(d.pop("sha256"))

        status = d.pop("status")

        export_answer = cls(
            bytes_=bytes_,
            download_expires_at=download_expires_at,
            download_url=download_url,
            id=id,
            ready_at=ready_at,
            requested_at=requested_at,
            sha256=sha256,
            status=status,
        )

        export_answer.additional_properties = d
        return export_answer

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
