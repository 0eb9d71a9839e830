from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.price_kind import PriceKind
from ..types import UNSET, Unset

T = TypeVar("T", bound="DealBody")


@_attrs_define
class DealBody:
    """An offer to one advertiser. The price is given per viewable impression or per thousand, and never changes.

    Attributes:
        advertiser (str): the account that may accept
        name (str):
        price_kind (PriceKind): fixed: each viewable impression costs the price; floor: it costs at least the price, and
            what another deal bids.

            In both cases never more than the line item's bid, and nothing when it is not seen.
        price_micro_usdc (int | None | Unset):
        price_vcpm_micro_usdc (int | None | Unset):
    """

    advertiser: str
    name: str
    price_kind: PriceKind
    price_micro_usdc: int | None | Unset = UNSET
    price_vcpm_micro_usdc: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        advertiser = self.advertiser

        name = self.name

        price_kind = self.price_kind.value

        price_micro_usdc: int | None | Unset
        if isinstance(self.price_micro_usdc, Unset):
            price_micro_usdc = UNSET
        else:
            price_micro_usdc = self.price_micro_usdc

        price_vcpm_micro_usdc: int | None | Unset
        if isinstance(self.price_vcpm_micro_usdc, Unset):
            price_vcpm_micro_usdc = UNSET
        else:
            price_vcpm_micro_usdc = self.price_vcpm_micro_usdc

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "advertiser": advertiser,
                "name": name,
                "price_kind": price_kind,
            }
        )
        if price_micro_usdc is not UNSET:
            field_dict["price_micro_usdc"] = price_micro_usdc
        if price_vcpm_micro_usdc is not UNSET:
            field_dict["price_vcpm_micro_usdc"] = price_vcpm_micro_usdc

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        advertiser = d.pop("advertiser")

        name = d.pop("name")

        price_kind = PriceKind(d.pop("price_kind"))

        def _parse_price_micro_usdc(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        price_micro_usdc = _parse_price_micro_usdc(d.pop("price_micro_usdc", UNSET))

        def _parse_price_vcpm_micro_usdc(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        price_vcpm_micro_usdc = _parse_price_vcpm_micro_usdc(
            d.pop("price_vcpm_micro_usdc", UNSET)
        )

        deal_body = cls(
            advertiser=advertiser,
            name=name,
            price_kind=price_kind,
            price_micro_usdc=price_micro_usdc,
            price_vcpm_micro_usdc=price_vcpm_micro_usdc,
        )

        return deal_body
