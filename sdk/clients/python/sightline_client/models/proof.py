from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Proof")


@_attrs_define
class Proof:
    """Arguments of `PublisherPayout.claim(index, entries, proof)`; words as decimal strings, hashes as hex.

    Attributes:
        cumulative_micro_usdc (int):
        depth (int):
        entries (list[str]):
        epoch (int):
        final (bool): whether claims are checked against this root or a later one
        index (int):
        proof (list[str]):
        recipient (str):
        root (str):
    """

    cumulative_micro_usdc: int
    depth: int
    entries: list[str]
    epoch: int
    final: bool
    index: int
    proof: list[str]
    recipient: str
    root: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        cumulative_micro_usdc = self.cumulative_micro_usdc

        depth = self.depth

        entries = self.entries

        epoch = self.epoch

        final = self.final

        index = self.index

        proof = self.proof

        recipient = self.recipient

        root = self.root

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "cumulative_micro_usdc": cumulative_micro_usdc,
                "depth": depth,
                "entries": entries,
                "epoch": epoch,
                "final": final,
                "index": index,
                "proof": proof,
                "recipient": recipient,
                "root": root,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        cumulative_micro_usdc = d.pop("cumulative_micro_usdc")

        depth = d.pop("depth")

        entries = cast(list[str], d.pop("entries"))

        epoch = d.pop("epoch")

        final = d.pop("final")

        index = d.pop("index")

        proof = cast(list[str], d.pop("proof"))

        recipient = d.pop("recipient")

        root = d.pop("root")

        proof = cls(
            cumulative_micro_usdc=cumulative_micro_usdc,
            depth=depth,
            entries=entries,
            epoch=epoch,
            final=final,
            index=index,
            proof=proof,
            recipient=recipient,
            root=root,
        )

        proof.additional_properties = d
        return proof

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
