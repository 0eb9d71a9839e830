from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="VerifyBody")


@_attrs_define
class VerifyBody:
    """An EIP-4361 message and its signature: EIP-191 by an account's own key, or whatever the contract wallet at the
    address takes (EIP-1271), wrapped as EIP-6492 says when the wallet is not on the chain yet.

        Attributes:
            message (str):
            signature (str):
    """

    message: str
    signature: str

    def to_dict(self) -> dict[str, Any]:
        message = self.message

        signature = self.signature

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "message": message,
                "signature": signature,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        message = d.pop("message")

        signature = d.pop("signature")

        verify_body = cls(
            message=message,
            signature=signature,
        )

        return verify_body
