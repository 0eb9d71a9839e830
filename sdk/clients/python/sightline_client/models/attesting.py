from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Attesting")


@_attrs_define
class Attesting:
    """An attestor's signature over the EIP-712 `Settlement`, compact (EIP-2098): r and vs, 64 bytes.

    Attributes:
        attestor (str):
        signature (str):
        digest (None | str | Unset): what was signed, to be sure
    """

    attestor: str
    signature: str
    digest: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        attestor = self.attestor

        signature = self.signature

        digest: None | str | Unset
        if isinstance(self.digest, Unset):
            digest = UNSET
        else:
            digest = self.digest

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "attestor": attestor,
                "signature": signature,
            }
        )
        if digest is not UNSET:
            field_dict["digest"] = digest

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        attestor = d.pop("attestor")

        signature = d.pop("signature")

        def _parse_digest(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        digest = _parse_digest(d.pop("digest", UNSET))

        attesting = cls(
            attestor=attestor,
            signature=signature,
            digest=digest,
        )

        return attesting
