from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.asset_kind import AssetKind
from ..models.creative_status import CreativeStatus

T = TypeVar("T", bound="OfferedAnswer")


@_attrs_define
class OfferedAnswer:
    """A creative of an advertiser; `shown` says that its line item was shown on your worlds.

    Attributes:
        advertiser (str):
        alt_text (str):
        asset_url (str):
        campaign_id (int):
        category (str):
        height (int):
        id (int):
        kind (AssetKind): How an asset is shown. The values are public and stable; placements and creatives use the
            same.
        line_item_id (int):
        shown (bool):
        status (CreativeStatus): Only what is approved is shown (L56). The values are public and stable.
        thumbnail_url (None | str):
        width (int):
    """

    advertiser: str
    alt_text: str
    asset_url: str
    campaign_id: int
    category: str
    height: int
    id: int
    kind: AssetKind
    line_item_id: int
    shown: bool
    status: CreativeStatus
    thumbnail_url: None | str
    width: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        advertiser = self.advertiser

        alt_text = self.alt_text

        asset_url = self.asset_url

        campaign_id = self.campaign_id

        category = self.category

        height = self.height

        id = self.id

        kind = self.kind.value

        line_item_id = self.line_item_id

        shown = self.shown

        status = self.status.value

        thumbnail_url: None | str
        thumbnail_url = self.thumbnail_url

        width = self.width

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "advertiser": advertiser,
                "alt_text": alt_text,
                "asset_url": asset_url,
                "campaign_id": campaign_id,
                "category": category,
                "height": height,
                "id": id,
                "kind": kind,
                "line_item_id": line_item_id,
                "shown": shown,
                "status": status,
                "thumbnail_url": thumbnail_url,
                "width": width,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        advertiser = d.pop("advertiser")

        alt_text = d.pop("alt_text")

        asset_url = d.pop("asset_url")

        campaign_id = d.pop("campaign_id")

        category = d.pop("category")

        height = d.pop("height")

        id = d.pop("id")

        kind = AssetKind(d.pop("kind"))

        line_item_id = d.pop("line_item_id")

        shown = d.pop("shown")

        status = CreativeStatus(d.pop("status"))

        def _parse_thumbnail_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        thumbnail_url = _parse_thumbnail_url(d.pop("thumbnail_url"))

        width = d.pop("width")

        offered_answer = cls(
            advertiser=advertiser,
            alt_text=alt_text,
            asset_url=asset_url,
            campaign_id=campaign_id,
            category=category,
            height=height,
            id=id,
            kind=kind,
            line_item_id=line_item_id,
            shown=shown,
            status=status,
            thumbnail_url=thumbnail_url,
            width=width,
        )

        offered_answer.additional_properties = d
        return offered_answer

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
