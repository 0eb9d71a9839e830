from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.deal_status import DealStatus
from ..models.placement_kind import PlacementKind
from ..models.price_kind import PriceKind

T = TypeVar("T", bound="DealAnswer")


@_attrs_define
class DealAnswer:
    """A deal as both sides see it; `price_micro_usdc` is for one viewable impression.

    Attributes:
        advertiser (str):
        created_at (datetime.datetime):
        decided_at (datetime.datetime | None):
        height (int):
        id (int):
        kind (PlacementKind):
        line_item_id (int | None):
        name (str):
        placement_id (int):
        placement_name (str):
        price_kind (PriceKind): fixed: each viewable impression costs the price; floor: it costs at least the price, and
            what another deal bids.

            In both cases never more than the line item's bid, and nothing when it is not seen.
        price_micro_usdc (int):
        publisher (str):
        status (DealStatus): offered → accepted, declined (advertiser) or withdrawn (publisher); accepted → ended
            (either side).
        width (int):
        world_name (str):
    """

    advertiser: str
    created_at: datetime.datetime
    decided_at: datetime.datetime | None
    height: int
    id: int
    kind: PlacementKind
    line_item_id: int | None
    name: str
    placement_id: int
    placement_name: str
    price_kind: PriceKind
    price_micro_usdc: int
    publisher: str
    status: DealStatus
    width: int
    world_name: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        advertiser = self.advertiser

        created_at = self.created_at.isoformat()

        decided_at: None | str
        if isinstance(self.decided_at, datetime.datetime):
            decided_at = self.decided_at.isoformat()
        else:
            decided_at = self.decided_at

        height = self.height

        id = self.id

        kind = self.kind.value

        line_item_id: int | None
        line_item_id = self.line_item_id

        name = self.name

        placement_id = self.placement_id

        placement_name = self.placement_name

        price_kind = self.price_kind.value

        price_micro_usdc = self.price_micro_usdc

        publisher = self.publisher

        status = self.status.value

        width = self.width

        world_name = self.world_name

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "advertiser": advertiser,
                "created_at": created_at,
                "decided_at": decided_at,
                "height": height,
                "id": id,
                "kind": kind,
                "line_item_id": line_item_id,
                "name": name,
                "placement_id": placement_id,
                "placement_name": placement_name,
                "price_kind": price_kind,
                "price_micro_usdc": price_micro_usdc,
                "publisher": publisher,
                "status": status,
                "width": width,
                "world_name": world_name,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        advertiser = d.pop("advertiser")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_decided_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                decided_at_type_0 = datetime.datetime.fromisoformat(data)

                return decided_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        decided_at = _parse_decided_at(d.pop("decided_at"))

        height = d.pop("height")

        id = d.pop("id")

        kind = PlacementKind(d.pop("kind"))

        def _parse_line_item_id(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        line_item_id = _parse_line_item_id(d.pop("line_item_id"))

        name = d.pop("name")

        placement_id = d.pop("placement_id")

        placement_name = d.pop("placement_name")

        price_kind = PriceKind(d.pop("price_kind"))

        price_micro_usdc = d.pop("price_micro_usdc")

        publisher = d.pop("publisher")

        status = DealStatus(d.pop("status"))

        width = d.pop("width")

        world_name = d.pop("world_name")

        deal_answer = cls(
            advertiser=advertiser,
            created_at=created_at,
            decided_at=decided_at,
            height=height,
            id=id,
            kind=kind,
            line_item_id=line_item_id,
            name=name,
            placement_id=placement_id,
            placement_name=placement_name,
            price_kind=price_kind,
            price_micro_usdc=price_micro_usdc,
            publisher=publisher,
            status=status,
            width=width,
            world_name=world_name,
        )

        deal_answer.additional_properties = d
        return deal_answer

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
