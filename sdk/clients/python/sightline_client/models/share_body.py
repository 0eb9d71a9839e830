from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="ShareBody")


@_attrs_define
class ShareBody:
    """Of 10,000 sales, `basis_points` pay this wallet, each of them in whole.

    Attributes:
        basis_points (int):
        wallet (str):
    """

    basis_points: int
    wallet: str

    def to_dict(self) -> dict[str, Any]:
        basis_points = self.basis_points

        wallet = self.wallet

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "basis_points": basis_points,
                "wallet": wallet,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        basis_points = d.pop("basis_points")

        wallet = d.pop("wallet")

        share_body = cls(
            basis_points=basis_points,
            wallet=wallet,
        )

        return share_body
