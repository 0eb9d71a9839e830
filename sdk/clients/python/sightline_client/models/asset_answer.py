from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.asset_kind import AssetKind

if TYPE_CHECKING:
    from ..models.asset_answer_details import AssetAnswerDetails


T = TypeVar("T", bound="AssetAnswer")


@_attrs_define
class AssetAnswer:
    """A stored asset. Images are encoded anew without metadata, so `sha256` is not that of what was sent.

    Attributes:
        bytes_ (int):
        created_at (datetime.datetime):
        details (AssetAnswerDetails): codecs, textures and other facts for people
        duration_ms (int):
        height (int):
        id (int):
        kind (AssetKind): How an asset is shown. The values are public and stable; placements and creatives use the
            same.
        media_type (str):
        sha256 (str):
        triangles (int):
        width (int): pixels; of a model millimetres of its front; 0 for a sound
    """

    bytes_: int
    created_at: datetime.datetime
    details: AssetAnswerDetails
    duration_ms: int
    height: int
    id: int
    kind: AssetKind
    media_type: str
    sha256: str
    triangles: int
    width: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        bytes_ = self.bytes_

        created_at = self.created_at.isoformat()

        details = self.details.to_dict()

        duration_ms = self.duration_ms

        height = self.height

        id = self.id

        kind = self.kind.value

        media_type = self.media_type

        sha256 = self.sha256

        triangles = self.triangles

        width = self.width

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "bytes": bytes_,
                "created_at": created_at,
                "details": details,
                "duration_ms": duration_ms,
                "height": height,
                "id": id,
                "kind": kind,
                "media_type": media_type,
                "sha256": sha256,
                "triangles": triangles,
                "width": width,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.asset_answer_details import AssetAnswerDetails  # noqa: PLC0415

        d = dict(src_dict)
        bytes_ = d.pop("bytes")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        details = AssetAnswerDetails.from_dict(d.pop("details"))

        duration_ms = d.pop("duration_ms")

        height = d.pop("height")

        id = d.pop("id")

        kind = AssetKind(d.pop("kind"))

        media_type = d.pop("media_type")

        sha256 = d.pop("sha256")

        triangles = d.pop("triangles")

        width = d.pop("width")

        asset_answer = cls(
            bytes_=bytes_,
            created_at=created_at,
            details=details,
            duration_ms=duration_ms,
            height=height,
            id=id,
            kind=kind,
            media_type=media_type,
            sha256=sha256,
            triangles=triangles,
            width=width,
        )

        asset_answer.additional_properties = d
        return asset_answer

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
