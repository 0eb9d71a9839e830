from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ChainView")


@_attrs_define
class ChainView:
    """How far the indexer has read. `halted` says why it stopped for good, None while it works.

    Attributes:
        age_seconds (float):
        chain_id (int):
        confirmed_number (int):
        escrow (str):
        halted (None | str):
        head_number (int):
        payout (str):
        reorgs (int):
    """

    age_seconds: float
    chain_id: int
    confirmed_number: int
    escrow: str
    halted: None | str
    head_number: int
    payout: str
    reorgs: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        age_seconds = self.age_seconds

        chain_id = self.chain_id

        confirmed_number = self.confirmed_number

        escrow = self.escrow

        halted: None | str
        halted = self.halted

        head_number = self.head_number

        payout = self.payout

        reorgs = self.reorgs

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "age_seconds": age_seconds,
                "chain_id": chain_id,
                "confirmed_number": confirmed_number,
                "escrow": escrow,
                "halted": halted,
                "head_number": head_number,
                "payout": payout,
                "reorgs": reorgs,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        age_seconds = d.pop("age_seconds")

        chain_id = d.pop("chain_id")

        confirmed_number = d.pop("confirmed_number")

        escrow = d.pop("escrow")

        def _parse_halted(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        halted = _parse_halted(d.pop("halted"))

        head_number = d.pop("head_number")

        payout = d.pop("payout")

        reorgs = d.pop("reorgs")

        chain_view = cls(
            age_seconds=age_seconds,
            chain_id=chain_id,
            confirmed_number=confirmed_number,
            escrow=escrow,
            halted=halted,
            head_number=head_number,
            payout=payout,
            reorgs=reorgs,
        )

        chain_view.additional_properties = d
        return chain_view

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
