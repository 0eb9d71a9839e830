from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.method import Method
from ..types import UNSET, Unset

T = TypeVar("T", bound="ProofBody")


@_attrs_define
class ProofBody:
    """`signature`: for `land`, of the message by who holds the land.

    Attributes:
        method (Method): How control is proved. The values are public and stable.
        signature (None | str | Unset):
    """

    method: Method
    signature: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        method = self.method.value

        signature: None | str | Unset
        if isinstance(self.signature, Unset):
            signature = UNSET
        else:
            signature = self.signature

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "method": method,
            }
        )
        if signature is not UNSET:
            field_dict["signature"] = signature

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        method = Method(d.pop("method"))

        def _parse_signature(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        signature = _parse_signature(d.pop("signature", UNSET))

        proof_body = cls(
            method=method,
            signature=signature,
        )

        return proof_body
