from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.ads_decide_ad_request_body_device_class import (
    AdsDecideAdRequestBodyDeviceClass,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.ads_decide_ad_request_body_privacy_body import (
        AdsDecideAdRequestBodyPrivacyBody,
    )


T = TypeVar("T", bound="AdsDecideAdRequestBody")


@_attrs_define
class AdsDecideAdRequestBody:
    """`viewer_key`: random, made by the SDK, forgotten after a day at the latest.

    `country` (ISO 3166-1 alpha-2), `language` (ISO 639-1) and `device` may be left out: then line items that target
    them, or exclude some, are not shown.

    Attributes:
        placement_id (int):
        viewer_key (str):
        country (None | str | Unset):
        device (AdsDecideAdRequestBodyDeviceClass | None | Unset):
        language (None | str | Unset):
        privacy (AdsDecideAdRequestBodyPrivacyBody | None | Unset):
    """

    placement_id: int
    viewer_key: str
    country: None | str | Unset = UNSET
    device: AdsDecideAdRequestBodyDeviceClass | None | Unset = UNSET
    language: None | str | Unset = UNSET
    privacy: AdsDecideAdRequestBodyPrivacyBody | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.ads_decide_ad_request_body_privacy_body import (
            AdsDecideAdRequestBodyPrivacyBody,  # noqa: PLC0415
        )

        placement_id = self.placement_id

        viewer_key = self.viewer_key

        country: None | str | Unset
        if isinstance(self.country, Unset):
            country = UNSET
        else:
            country = self.country

        device: None | str | Unset
        if isinstance(self.device, Unset):
            device = UNSET
        elif isinstance(self.device, AdsDecideAdRequestBodyDeviceClass):
            device = self.device.value
        else:
            device = self.device

        language: None | str | Unset
        if isinstance(self.language, Unset):
            language = UNSET
        else:
            language = self.language

        privacy: dict[str, Any] | None | Unset
        if isinstance(self.privacy, Unset):
            privacy = UNSET
        elif isinstance(self.privacy, AdsDecideAdRequestBodyPrivacyBody):
            privacy = self.privacy.to_dict()
        else:
            privacy = self.privacy

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "placement_id": placement_id,
                "viewer_key": viewer_key,
            }
        )
        if country is not UNSET:
            field_dict["country"] = country
        if device is not UNSET:
            field_dict["device"] = device
        if language is not UNSET:
            field_dict["language"] = language
        if privacy is not UNSET:
            field_dict["privacy"] = privacy

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.ads_decide_ad_request_body_privacy_body import (
            AdsDecideAdRequestBodyPrivacyBody,  # noqa: PLC0415
        )

        d = dict(src_dict)
        placement_id = d.pop("placement_id")

        viewer_key = d.pop("viewer_key")

        def _parse_country(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        country = _parse_country(d.pop("country", UNSET))

        def _parse_device(
            data: object,
        ) -> AdsDecideAdRequestBodyDeviceClass | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                device_device_class = AdsDecideAdRequestBodyDeviceClass(data)

                return device_device_class
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AdsDecideAdRequestBodyDeviceClass | None | Unset, data)

        device = _parse_device(d.pop("device", UNSET))

        def _parse_language(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        language = _parse_language(d.pop("language", UNSET))

        def _parse_privacy(
            data: object,
        ) -> AdsDecideAdRequestBodyPrivacyBody | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                privacy_privacy_body = AdsDecideAdRequestBodyPrivacyBody.from_dict(data)

                return privacy_privacy_body
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AdsDecideAdRequestBodyPrivacyBody | None | Unset, data)

        privacy = _parse_privacy(d.pop("privacy", UNSET))

        ads_decide_ad_request_body = cls(
            placement_id=placement_id,
            viewer_key=viewer_key,
            country=country,
            device=device,
            language=language,
            privacy=privacy,
        )

        return ads_decide_ad_request_body
