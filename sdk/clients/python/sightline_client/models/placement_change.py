from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.campaign_category import CampaignCategory
from ..models.listing_status import ListingStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.share_body import ShareBody


T = TypeVar("T", bound="PlacementChange")


@_attrs_define
class PlacementChange:
    """What is left out stays as it is.

    Attributes:
        accepted_categories (list[CampaignCategory] | None | Unset):
        deals_only (bool | None | Unset):
        floor_micro_usdc (int | None | Unset):
        floor_vcpm_micro_usdc (int | None | Unset):
        height_mm (int | None | Unset):
        hourly_floor_micro_usdc (int | None | Unset):
        name (None | str | Unset):
        shares (list[ShareBody] | None | Unset):
        soft_floor_micro_usdc (int | None | Unset):
        soft_floor_vcpm_micro_usdc (int | None | Unset):
        status (ListingStatus | None | Unset):
        test_mode (bool | None | Unset):
        width_mm (int | None | Unset):
    """

    accepted_categories: list[CampaignCategory] | None | Unset = UNSET
    deals_only: bool | None | Unset = UNSET
    floor_micro_usdc: int | None | Unset = UNSET
    floor_vcpm_micro_usdc: int | None | Unset = UNSET
    height_mm: int | None | Unset = UNSET
    hourly_floor_micro_usdc: int | None | Unset = UNSET
    name: None | str | Unset = UNSET
    shares: list[ShareBody] | None | Unset = UNSET
    soft_floor_micro_usdc: int | None | Unset = UNSET
    soft_floor_vcpm_micro_usdc: int | None | Unset = UNSET
    status: ListingStatus | None | Unset = UNSET
    test_mode: bool | None | Unset = UNSET
    width_mm: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        accepted_categories: list[str] | None | Unset
        if isinstance(self.accepted_categories, Unset):
            accepted_categories = UNSET
        elif isinstance(self.accepted_categories, list):
            accepted_categories = []
            for accepted_categories_type_0_item_data in self.accepted_categories:
                accepted_categories_type_0_item = (
                    accepted_categories_type_0_item_data.value
                )
                accepted_categories.append(accepted_categories_type_0_item)

        else:
            accepted_categories = self.accepted_categories

        deals_only: bool | None | Unset
        if isinstance(self.deals_only, Unset):
            deals_only = UNSET
        else:
            deals_only = self.deals_only

        floor_micro_usdc: int | None | Unset
        if isinstance(self.floor_micro_usdc, Unset):
            floor_micro_usdc = UNSET
        else:
            floor_micro_usdc = self.floor_micro_usdc

        floor_vcpm_micro_usdc: int | None | Unset
        if isinstance(self.floor_vcpm_micro_usdc, Unset):
            floor_vcpm_micro_usdc = UNSET
        else:
            floor_vcpm_micro_usdc = self.floor_vcpm_micro_usdc

        height_mm: int | None | Unset
        if isinstance(self.height_mm, Unset):
            height_mm = UNSET
        else:
            height_mm = self.height_mm

        hourly_floor_micro_usdc: int | None | Unset
        if isinstance(self.hourly_floor_micro_usdc, Unset):
            hourly_floor_micro_usdc = UNSET
        else:
            hourly_floor_micro_usdc = self.hourly_floor_micro_usdc

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        shares: list[dict[str, Any]] | None | Unset
        if isinstance(self.shares, Unset):
            shares = UNSET
        elif isinstance(self.shares, list):
            shares = []
            for shares_type_0_item_data in self.shares:
                shares_type_0_item = shares_type_0_item_data.to_dict()
                shares.append(shares_type_0_item)

        else:
            shares = self.shares

        soft_floor_micro_usdc: int | None | Unset
        if isinstance(self.soft_floor_micro_usdc, Unset):
            soft_floor_micro_usdc = UNSET
        else:
            soft_floor_micro_usdc = self.soft_floor_micro_usdc

        soft_floor_vcpm_micro_usdc: int | None | Unset
        if isinstance(self.soft_floor_vcpm_micro_usdc, Unset):
            soft_floor_vcpm_micro_usdc = UNSET
        else:
            soft_floor_vcpm_micro_usdc = self.soft_floor_vcpm_micro_usdc

        status: None | str | Unset
        if isinstance(self.status, Unset):
            status = UNSET
        elif isinstance(self.status, ListingStatus):
            status = self.status.value
        else:
            status = self.status

        test_mode: bool | None | Unset
        if isinstance(self.test_mode, Unset):
            test_mode = UNSET
        else:
            test_mode = self.test_mode

        width_mm: int | None | Unset
        if isinstance(self.width_mm, Unset):
            width_mm = UNSET
        else:
            width_mm = self.width_mm

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if accepted_categories is not UNSET:
            field_dict["accepted_categories"] = accepted_categories
        if deals_only is not UNSET:
            field_dict["deals_only"] = deals_only
        if floor_micro_usdc is not UNSET:
            field_dict["floor_micro_usdc"] = floor_micro_usdc
        if floor_vcpm_micro_usdc is not UNSET:
            field_dict["floor_vcpm_micro_usdc"] = floor_vcpm_micro_usdc
        if height_mm is not UNSET:
            field_dict["height_mm"] = height_mm
        if hourly_floor_micro_usdc is not UNSET:
            field_dict["hourly_floor_micro_usdc"] = hourly_floor_micro_usdc
        if name is not UNSET:
            field_dict["name"] = name
        if shares is not UNSET:
            field_dict["shares"] = shares
        if soft_floor_micro_usdc is not UNSET:
            field_dict["soft_floor_micro_usdc"] = soft_floor_micro_usdc
        if soft_floor_vcpm_micro_usdc is not UNSET:
            field_dict["soft_floor_vcpm_micro_usdc"] = soft_floor_vcpm_micro_usdc
        if status is not UNSET:
            field_dict["status"] = status
        if test_mode is not UNSET:
            field_dict["test_mode"] = test_mode
        if width_mm is not UNSET:
            field_dict["width_mm"] = width_mm

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.share_body import ShareBody  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_accepted_categories(
            data: object,
        ) -> list[CampaignCategory] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                accepted_categories_type_0 = []
                _accepted_categories_type_0 = data
                for accepted_categories_type_0_item_data in _accepted_categories_type_0:
                    accepted_categories_type_0_item = CampaignCategory(
                        accepted_categories_type_0_item_data
                    )

                    accepted_categories_type_0.append(accepted_categories_type_0_item)

                return accepted_categories_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[CampaignCategory] | None | Unset, data)

        accepted_categories = _parse_accepted_categories(
            d.pop("accepted_categories", UNSET)
        )

        def _parse_deals_only(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        deals_only = _parse_deals_only(d.pop("deals_only", UNSET))

        def _parse_floor_micro_usdc(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        floor_micro_usdc = _parse_floor_micro_usdc(d.pop("floor_micro_usdc", UNSET))

        def _parse_floor_vcpm_micro_usdc(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        floor_vcpm_micro_usdc = _parse_floor_vcpm_micro_usdc(
            d.pop("floor_vcpm_micro_usdc", UNSET)
        )

        def _parse_height_mm(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        height_mm = _parse_height_mm(d.pop("height_mm", UNSET))

        def _parse_hourly_floor_micro_usdc(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        hourly_floor_micro_usdc = _parse_hourly_floor_micro_usdc(
            d.pop("hourly_floor_micro_usdc", UNSET)
        )

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        def _parse_shares(data: object) -> list[ShareBody] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                shares_type_0 = []
                _shares_type_0 = data
                for shares_type_0_item_data in _shares_type_0:
                    shares_type_0_item = ShareBody.from_dict(shares_type_0_item_data)

                    shares_type_0.append(shares_type_0_item)

                return shares_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[ShareBody] | None | Unset, data)

        shares = _parse_shares(d.pop("shares", UNSET))

        def _parse_soft_floor_micro_usdc(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        soft_floor_micro_usdc = _parse_soft_floor_micro_usdc(
            d.pop("soft_floor_micro_usdc", UNSET)
        )

        def _parse_soft_floor_vcpm_micro_usdc(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        soft_floor_vcpm_micro_usdc = _parse_soft_floor_vcpm_micro_usdc(
            d.pop("soft_floor_vcpm_micro_usdc", UNSET)
        )

        def _parse_status(data: object) -> ListingStatus | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                status_type_0 = ListingStatus(data)

                return status_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ListingStatus | None | Unset, data)

        status = _parse_status(d.pop("status", UNSET))

        def _parse_test_mode(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        test_mode = _parse_test_mode(d.pop("test_mode", UNSET))

        def _parse_width_mm(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        width_mm = _parse_width_mm(d.pop("width_mm", UNSET))

        placement_change = cls(
            accepted_categories=accepted_categories,
            deals_only=deals_only,
            floor_micro_usdc=floor_micro_usdc,
            floor_vcpm_micro_usdc=floor_vcpm_micro_usdc,
            height_mm=height_mm,
            hourly_floor_micro_usdc=hourly_floor_micro_usdc,
            name=name,
            shares=shares,
            soft_floor_micro_usdc=soft_floor_micro_usdc,
            soft_floor_vcpm_micro_usdc=soft_floor_vcpm_micro_usdc,
            status=status,
            test_mode=test_mode,
            width_mm=width_mm,
        )

        return placement_change
