from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Solvency")


@_attrs_define
class Solvency:
    """What the contracts hold against what they owe. Balances are None when the chain's node does not answer.

    Attributes:
        escrow_balance_micro_usdc (int | None):
        escrow_owes_micro_usdc (int):
        payout_balance_micro_usdc (int | None):
        payout_owes_micro_usdc (int):
        solvent (bool | None):
    """

    escrow_balance_micro_usdc: int | None
    escrow_owes_micro_usdc: int
    payout_balance_micro_usdc: int | None
    payout_owes_micro_usdc: int
    solvent: bool | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        escrow_balance_micro_usdc: int | None
        escrow_balance_micro_usdc = self.escrow_balance_micro_usdc

        escrow_owes_micro_usdc = self.escrow_owes_micro_usdc

        payout_balance_micro_usdc: int | None
        payout_balance_micro_usdc = self.payout_balance_micro_usdc

        payout_owes_micro_usdc = self.payout_owes_micro_usdc

        solvent: bool | None
        solvent = self.solvent

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "escrow_balance_micro_usdc": escrow_balance_micro_usdc,
                "escrow_owes_micro_usdc": escrow_owes_micro_usdc,
                "payout_balance_micro_usdc": payout_balance_micro_usdc,
                "payout_owes_micro_usdc": payout_owes_micro_usdc,
                "solvent": solvent,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_escrow_balance_micro_usdc(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        escrow_balance_micro_usdc = _parse_escrow_balance_micro_usdc(
            d.pop("escrow_balance_micro_usdc")
        )

        escrow_owes_micro_usdc = d.pop("escrow_owes_micro_usdc")

        def _parse_payout_balance_micro_usdc(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        payout_balance_micro_usdc = _parse_payout_balance_micro_usdc(
            d.pop("payout_balance_micro_usdc")
        )

        payout_owes_micro_usdc = d.pop("payout_owes_micro_usdc")

        def _parse_solvent(data: object) -> bool | None:
            if data is None:
                return data
            return cast(bool | None, data)

        solvent = _parse_solvent(d.pop("solvent"))

        solvency = cls(
            escrow_balance_micro_usdc=escrow_balance_micro_usdc,
            escrow_owes_micro_usdc=escrow_owes_micro_usdc,
            payout_balance_micro_usdc=payout_balance_micro_usdc,
            payout_owes_micro_usdc=payout_owes_micro_usdc,
            solvent=solvent,
        )

        solvency.additional_properties = d
        return solvency

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
