from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.asset_kind import AssetKind
from ..types import UNSET, Unset

T = TypeVar("T", bound="CreativeBody")


@_attrs_define
class CreativeBody:
    """Either `asset`, the hash of an upload, or the `asset_…` of another host with kind and size.

    The SDK checks the hash before it shows the asset.

        Attributes:
            click_url (str):
            alt_text (str | Unset): what the ad says, for who cannot see or hear it Default: ''.
            asset (None | str | Unset):
            asset_sha256 (None | str | Unset):
            asset_url (None | str | Unset):
            height (int | None | Unset):
            kind (AssetKind | None | Unset):
            width (int | None | Unset):
    """

    click_url: str
    alt_text: str | Unset = ""
    asset: None | str | Unset = UNSET
    asset_sha256: None | str | Unset = UNSET
    asset_url: None | str | Unset = UNSET
    height: int | None | Unset = UNSET
    kind: AssetKind | None | Unset = UNSET
    width: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        click_url = self.click_url

        alt_text = self.alt_text

        asset: None | str | Unset
        if isinstance(self.asset, Unset):
            asset = UNSET
        else:
            asset = self.asset

        asset_sha256: None | str | Unset
        if isinstance(self.asset_sha256, Unset):
            asset_sha256 = UNSET
        else:
            asset_sha256 = self.asset_sha256

        asset_url: None | str | Unset
        if isinstance(self.asset_url, Unset):
            asset_url = UNSET
        else:
            asset_url = self.asset_url

        height: int | None | Unset
        if isinstance(self.height, Unset):
            height = UNSET
        else:
            height = self.height

        kind: None | str | Unset
        if isinstance(self.kind, Unset):
            kind = UNSET
        elif isinstance(self.kind, AssetKind):
            kind = self.kind.value
        else:
            kind = self.kind

        width: int | None | Unset
        if isinstance(self.width, Unset):
            width = UNSET
        else:
            width = self.width

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "click_url": click_url,
            }
        )
        if alt_text is not UNSET:
            field_dict["alt_text"] = alt_text
        if asset is not UNSET:
            field_dict["asset"] = asset
        if asset_sha256 is not UNSET:
            field_dict["asset_sha256"] = asset_sha256
        if asset_url is not UNSET:
            field_dict["asset_url"] = asset_url
        if height is not UNSET:
            field_dict["height"] = height
        if kind is not UNSET:
            field_dict["kind"] = kind
        if width is not UNSET:
            field_dict["width"] = width

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        click_url = d.pop("click_url")

        alt_text = d.pop("alt_text", UNSET)

        def _parse_asset(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        asset = _parse_asset(d.pop("asset", UNSET))

        def _parse_asset_sha256(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        asset_sha256 = _parse_asset_sha256(d.pop("asset_sha256", UNSET))

        def _parse_asset_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        asset_url = _parse_asset_url(d.pop("asset_url", UNSET))

        def _parse_height(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        height = _parse_height(d.pop("height", UNSET))

        def _parse_kind(data: object) -> AssetKind | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                kind_type_0 = AssetKind(data)

                return kind_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AssetKind | None | Unset, data)

        kind = _parse_kind(d.pop("kind", UNSET))

        def _parse_width(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        width = _parse_width(d.pop("width", UNSET))

        creative_body = cls(
            click_url=click_url,
            alt_text=alt_text,
            asset=asset,
            asset_sha256=asset_sha256,
            asset_url=asset_url,
            height=height,
            kind=kind,
            width=width,
        )

        return creative_body
