from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.campaign_category import CampaignCategory
from ..models.placement_kind import PlacementKind
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.share_body import ShareBody


T = TypeVar("T", bound="PlacementBody")


@_attrs_define
class PlacementBody:
    """The floor is given per viewable impression (`floor_micro_usdc`) or per thousand (`floor_vcpm_micro_usdc`).

    `width` and `height` are pixels of the texture; audio has none, a model has the proportions of its front.

        Attributes:
            kind (PlacementKind):
            name (str):
            accepted_categories (list[CampaignCategory] | Unset): categories of campaigns that may be shown; none: all of
                them
            deals_only (bool | Unset): only private deals and sponsorships buy here Default: False.
            floor_micro_usdc (int | None | Unset):
            floor_vcpm_micro_usdc (int | None | Unset):
            height (int | None | Unset):
            height_mm (int | None | Unset):
            hourly_floor_micro_usdc (int | None | Unset):
            shares (list[ShareBody] | Unset): who is paid, 10,000 basis points in sum; none: you alone
            soft_floor_micro_usdc (int | None | Unset):
            soft_floor_vcpm_micro_usdc (int | None | Unset):
            test_mode (bool | Unset): show the house creative for free Default: False.
            width (int | None | Unset):
            width_mm (int | None | Unset):
    """

    kind: PlacementKind
    name: str
    accepted_categories: list[CampaignCategory] | Unset = UNSET
    deals_only: bool | Unset = False
    floor_micro_usdc: int | None | Unset = UNSET
    floor_vcpm_micro_usdc: int | None | Unset = UNSET
    height: int | None | Unset = UNSET
    height_mm: int | None | Unset = UNSET
    hourly_floor_micro_usdc: int | None | Unset = UNSET
    shares: list[ShareBody] | Unset = UNSET
    soft_floor_micro_usdc: int | None | Unset = UNSET
    soft_floor_vcpm_micro_usdc: int | None | Unset = UNSET
    test_mode: bool | Unset = False
    width: int | None | Unset = UNSET
    width_mm: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind.value

        name = self.name

        accepted_categories: list[str] | Unset = UNSET
        if not isinstance(self.accepted_categories, Unset):
            accepted_categories = []
            for accepted_categories_item_data in self.accepted_categories:
                accepted_categories_item = accepted_categories_item_data.value
                accepted_categories.append(accepted_categories_item)

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

        height: int | None | Unset
        if isinstance(self.height, Unset):
            height = UNSET
        else:
            height = self.height

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

        shares: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.shares, Unset):
            shares = []
            for shares_item_data in self.shares:
                shares_item = shares_item_data.to_dict()
                shares.append(shares_item)

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

        test_mode = self.test_mode

        width: int | None | Unset
        if isinstance(self.width, Unset):
            width = UNSET
        else:
            width = self.width

        width_mm: int | None | Unset
        if isinstance(self.width_mm, Unset):
            width_mm = UNSET
        else:
            width_mm = self.width_mm

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
                "name": name,
            }
        )
        if accepted_categories is not UNSET:
            field_dict["accepted_categories"] = accepted_categories
        if deals_only is not UNSET:
            field_dict["deals_only"] = deals_only
        if floor_micro_usdc is not UNSET:
            field_dict["floor_micro_usdc"] = floor_micro_usdc
        if floor_vcpm_micro_usdc is not UNSET:
            field_dict["floor_vcpm_micro_usdc"] = floor_vcpm_micro_usdc
        if height is not UNSET:
            field_dict["height"] = height
        if height_mm is not UNSET:
            field_dict["height_mm"] = height_mm
        if hourly_floor_micro_usdc is not UNSET:
            field_dict["hourly_floor_micro_usdc"] = hourly_floor_micro_usdc
        if shares is not UNSET:
            field_dict["shares"] = shares
        if soft_floor_micro_usdc is not UNSET:
            field_dict["soft_floor_micro_usdc"] = soft_floor_micro_usdc
        if soft_floor_vcpm_micro_usdc is not UNSET:
            field_dict["soft_floor_vcpm_micro_usdc"] = soft_floor_vcpm_micro_usdc
        if test_mode is not UNSET:
            field_dict["test_mode"] = test_mode
        if width is not UNSET:
            field_dict["width"] = width
        if width_mm is not UNSET:
            field_dict["width_mm"] = width_mm

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.share_body import ShareBody  # noqa: PLC0415

        d = dict(src_dict)
        kind = PlacementKind(d.pop("kind"))

        name = d.pop("name")

        _accepted_categories = d.pop("accepted_categories", UNSET)
        accepted_categories: list[CampaignCategory] | Unset = UNSET
        if _accepted_categories is not UNSET:
            accepted_categories = []
            for accepted_categories_item_data in _accepted_categories:
                accepted_categories_item = CampaignCategory(
                    accepted_categories_item_data
                )

                accepted_categories.append(accepted_categories_item)

        deals_only = d.pop("deals_only", UNSET)

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

        def _parse_height(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        height = _parse_height(d.pop("height", UNSET))

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

        _shares = d.pop("shares", UNSET)
        shares: list[ShareBody] | Unset = UNSET
        if _shares is not UNSET:
            shares = []
            for shares_item_data in _shares:
                shares_item = ShareBody.from_dict(shares_item_data)

                shares.append(shares_item)

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

        test_mode = d.pop("test_mode", UNSET)

        def _parse_width(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        width = _parse_width(d.pop("width", UNSET))

        def _parse_width_mm(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        width_mm = _parse_width_mm(d.pop("width_mm", UNSET))

        placement_body = cls(
            kind=kind,
            name=name,
            accepted_categories=accepted_categories,
            deals_only=deals_only,
            floor_micro_usdc=floor_micro_usdc,
            floor_vcpm_micro_usdc=floor_vcpm_micro_usdc,
            height=height,
            height_mm=height_mm,
            hourly_floor_micro_usdc=hourly_floor_micro_usdc,
            shares=shares,
            soft_floor_micro_usdc=soft_floor_micro_usdc,
            soft_floor_vcpm_micro_usdc=soft_floor_vcpm_micro_usdc,
            test_mode=test_mode,
            width=width,
            width_mm=width_mm,
        )

        return placement_body
