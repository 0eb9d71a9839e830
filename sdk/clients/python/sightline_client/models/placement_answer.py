from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.campaign_category import CampaignCategory
from ..models.listing_status import ListingStatus
from ..models.placement_kind import PlacementKind

if TYPE_CHECKING:
    from ..models.share_body import ShareBody


T = TypeVar("T", bound="PlacementAnswer")


@_attrs_define
class PlacementAnswer:
    """A placement; `floor_micro_usdc` is for one viewable impression.

    Attributes:
        accepted_categories (list[CampaignCategory]):
        created_at (datetime.datetime):
        deals_only (bool):
        floor_micro_usdc (int):
        height (int):
        height_mm (int | None):
        hourly_floor_micro_usdc (int | None):
        id (int):
        kind (PlacementKind):
        name (str):
        shares (list[ShareBody]):
        soft_floor_micro_usdc (int | None):
        status (ListingStatus): Of worlds and placements: paused ones are not sold.
        test_mode (bool):
        width (int):
        width_mm (int | None):
        world_id (int):
    """

    accepted_categories: list[CampaignCategory]
    created_at: datetime.datetime
    deals_only: bool
    floor_micro_usdc: int
    height: int
    height_mm: int | None
    hourly_floor_micro_usdc: int | None
    id: int
    kind: PlacementKind
    name: str
    shares: list[ShareBody]
    soft_floor_micro_usdc: int | None
    status: ListingStatus
    test_mode: bool
    width: int
    width_mm: int | None
    world_id: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        accepted_categories = []
        for accepted_categories_item_data in self.accepted_categories:
            accepted_categories_item = accepted_categories_item_data.value
            accepted_categories.append(accepted_categories_item)

        created_at = self.created_at.isoformat()

        deals_only = self.deals_only

        floor_micro_usdc = self.floor_micro_usdc

        height = self.height

        height_mm: int | None
        height_mm = self.height_mm

        hourly_floor_micro_usdc: int | None
        hourly_floor_micro_usdc = self.hourly_floor_micro_usdc

        id = self.id

        kind = self.kind.value

        name = self.name

        shares = []
        for shares_item_data in self.shares:
            shares_item = shares_item_data.to_dict()
            shares.append(shares_item)

        soft_floor_micro_usdc: int | None
        soft_floor_micro_usdc = self.soft_floor_micro_usdc

        status = self.status.value

        test_mode = self.test_mode

        width = self.width

        width_mm: int | None
        width_mm = self.width_mm

        world_id = self.world_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "accepted_categories": accepted_categories,
                "created_at": created_at,
                "deals_only": deals_only,
                "floor_micro_usdc": floor_micro_usdc,
                "height": height,
                "height_mm": height_mm,
                "hourly_floor_micro_usdc": hourly_floor_micro_usdc,
                "id": id,
                "kind": kind,
                "name": name,
                "shares": shares,
                "soft_floor_micro_usdc": soft_floor_micro_usdc,
                "status": status,
                "test_mode": test_mode,
                "width": width,
                "width_mm": width_mm,
                "world_id": world_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.share_body import ShareBody  # noqa: PLC0415

        d = dict(src_dict)
        accepted_categories = []
        _accepted_categories = d.pop("accepted_categories")
        for accepted_categories_item_data in _accepted_categories:
            accepted_categories_item = CampaignCategory(accepted_categories_item_data)

            accepted_categories.append(accepted_categories_item)

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        deals_only = d.pop("deals_only")

        floor_micro_usdc = d.pop("floor_micro_usdc")

        height = d.pop("height")

        def _parse_height_mm(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        height_mm = _parse_height_mm(d.pop("height_mm"))

        def _parse_hourly_floor_micro_usdc(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        hourly_floor_micro_usdc = _parse_hourly_floor_micro_usdc(
            d.pop("hourly_floor_micro_usdc")
        )

        id = d.pop("id")

        kind = PlacementKind(d.pop("kind"))

        name = d.pop("name")

        shares = []
        _shares = d.pop("shares")
        for shares_item_data in _shares:
            shares_item = ShareBody.from_dict(shares_item_data)

            shares.append(shares_item)

        def _parse_soft_floor_micro_usdc(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        soft_floor_micro_usdc = _parse_soft_floor_micro_usdc(
            d.pop("soft_floor_micro_usdc")
        )

        status = ListingStatus(d.pop("status"))

        test_mode = d.pop("test_mode")

        width = d.pop("width")

        def _parse_width_mm(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        width_mm = _parse_width_mm(d.pop("width_mm"))

        world_id = d.pop("world_id")

        placement_answer = cls(
            accepted_categories=accepted_categories,
            created_at=created_at,
            deals_only=deals_only,
            floor_micro_usdc=floor_micro_usdc,
            height=height,
            height_mm=height_mm,
            hourly_floor_micro_usdc=hourly_floor_micro_usdc,
            id=id,
            kind=kind,
            name=name,
            shares=shares,
            soft_floor_micro_usdc=soft_floor_micro_usdc,
            status=status,
            test_mode=test_mode,
            width=width,
            width_mm=width_mm,
            world_id=world_id,
        )

        placement_answer.additional_properties = d
        return placement_answer

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
