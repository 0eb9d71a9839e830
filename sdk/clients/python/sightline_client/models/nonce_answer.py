from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="NonceAnswer")


@_attrs_define
class NonceAnswer:
    """A nonce for one sign-in.

    Attributes:
        chain_id (int):
        domain (str): the message must be for this domain
        expires_in_seconds (int):
        nonce (str):
        uri (str): the message's URI must be on this origin
    """

    chain_id: int
    domain: str
    expires_in_seconds: int
    nonce: str
    uri: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        chain_id = self.chain_id

        domain = self.domain

        expires_in_seconds = self.expires_in_seconds

        nonce = self.nonce

        uri = self.uri

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "chain_id": chain_id,
                "domain": domain,
                "expires_in_seconds": expires_in_seconds,
                "nonce": nonce,
                "uri": uri,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        chain_id = d.pop("chain_id")

        domain = d.pop("domain")

        expires_in_seconds = d.pop("expires_in_seconds")

        nonce = d.pop("nonce")

        uri = d.pop("uri")

        nonce_answer = cls(
            chain_id=chain_id,
            domain=domain,
            expires_in_seconds=expires_in_seconds,
            nonce=nonce,
            uri=uri,
        )

        nonce_answer.additional_properties = d
        return nonce_answer

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
