from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.traffic_dropped import TrafficDropped
    from ..models.traffic_no_bids import TrafficNoBids


T = TypeVar("T", bound="Traffic")


@_attrs_define
class Traffic:
    """Counts since the beginning. `pending` events are accepted and wait for the ledger.

    Attributes:
        billed (int):
        charged_micro_usdc (int):
        clicks (int):
        decisions (int):
        dropped (TrafficDropped):
        no_bids (TrafficNoBids):
        pending (int):
        unfilled (int):
        viewable_impressions (int):
    """

    billed: int
    charged_micro_usdc: int
    clicks: int
    decisions: int
    dropped: TrafficDropped
    no_bids: TrafficNoBids
    pending: int
    unfilled: int
    viewable_impressions: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        billed = self.billed

        charged_micro_usdc = self.charged_micro_usdc

        clicks = self.clicks

        decisions = self.decisions

        dropped = self.dropped.to_dict()

        no_bids = self.no_bids.to_dict()

        pending = self.pending

        unfilled = self.unfilled

        viewable_impressions = self.viewable_impressions

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "billed": billed,
                "charged_micro_usdc": charged_micro_usdc,
                "clicks": clicks,
                "decisions": decisions,
                "dropped": dropped,
                "no_bids": no_bids,
                "pending": pending,
                "unfilled": unfilled,
                "viewable_impressions": viewable_impressions,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.traffic_dropped import TrafficDropped  # noqa: PLC0415
        from ..models.traffic_no_bids import TrafficNoBids  # noqa: PLC0415

        d = dict(src_dict)
        billed = d.pop("billed")

        charged_micro_usdc = d.pop("charged_micro_usdc")

        clicks = d.pop("clicks")

        decisions = d.pop("decisions")

        dropped = TrafficDropped.from_dict(d.pop("dropped"))

        no_bids = TrafficNoBids.from_dict(d.pop("no_bids"))

        pending = d.pop("pending")

        unfilled = d.pop("unfilled")

        viewable_impressions = d.pop("viewable_impressions")

        traffic = cls(
            billed=billed,
            charged_micro_usdc=charged_micro_usdc,
            clicks=clicks,
            decisions=decisions,
            dropped=dropped,
            no_bids=no_bids,
            pending=pending,
            unfilled=unfilled,
            viewable_impressions=viewable_impressions,
        )

        traffic.additional_properties = d
        return traffic

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
