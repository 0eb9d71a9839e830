from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Settlement")


@_attrs_define
class Settlement:
    """An epoch: `closed`, `published`, `proposed` or `finalised`. Amounts in micro-USDC, times in Unix milliseconds.

    Attributes:
        attempt (int):
        attested_by (list[str]):
        chain_id (int):
        data_hash (None | str):
        debits_hash (None | str):
        digest (None | str): what attestors sign; not in lists
        dust_micro_usdc (int):
        epoch (int):
        escrow (str):
        events (int):
        events_url (None | str):
        fee_micro_usdc (int):
        from_ms (int):
        previous_root (None | str):
        publishers_root (None | str):
        statement_url (None | str):
        status (str):
        to_ms (int):
        total_micro_usdc (int):
    """

    attempt: int
    attested_by: list[str]
    chain_id: int
    data_hash: None | str
    debits_hash: None | str
    digest: None | str
    dust_micro_usdc: int
    epoch: int
    escrow: str
    events: int
    events_url: None | str
    fee_micro_usdc: int
    from_ms: int
    previous_root: None | str
    publishers_root: None | str
    statement_url: None | str
    status: str
    to_ms: int
    total_micro_usdc: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        attempt = self.attempt

        attested_by = self.attested_by

        chain_id = self.chain_id

        data_hash: None | str
        data_hash = self.data_hash

        debits_hash: None | str
        debits_hash = self.debits_hash

        digest: None | str
        digest = self.digest

        dust_micro_usdc = self.dust_micro_usdc

        epoch = self.epoch

        escrow = self.escrow

        events = self.events

        events_url: None | str
        events_url = self.events_url

        fee_micro_usdc = self.fee_micro_usdc

        from_ms = self.from_ms

        previous_root: None | str
        previous_root = self.previous_root

        publishers_root: None | str
        publishers_root = self.publishers_root

        statement_url: None | str
        statement_url = self.statement_url

        status = self.status

        to_ms = self.to_ms

        total_micro_usdc = self.total_micro_usdc

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "attempt": attempt,
                "attested_by": attested_by,
                "chain_id": chain_id,
                "data_hash": data_hash,
                "debits_hash": debits_hash,
                "digest": digest,
                "dust_micro_usdc": dust_micro_usdc,
                "epoch": epoch,
                "escrow": escrow,
                "events": events,
                "events_url": events_url,
                "fee_micro_usdc": fee_micro_usdc,
                "from_ms": from_ms,
                "previous_root": previous_root,
                "publishers_root": publishers_root,
                "statement_url": statement_url,
                "status": status,
                "to_ms": to_ms,
                "total_micro_usdc": total_micro_usdc,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        attempt = d.pop("attempt")

        attested_by = cast(list[str], d.pop("attested_by"))

        chain_id = d.pop("chain_id")

        def _parse_data_hash(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        data_hash = _parse_data_hash(d.pop("data_hash"))

        def _parse_debits_hash(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        debits_hash = _parse_debits_hash(d.pop("debits_hash"))

        def _parse_digest(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        digest = _parse_digest(d.pop("digest"))

        dust_micro_usdc = d.pop("dust_micro_usdc")

        epoch = d.pop("epoch")

        escrow = d.pop("escrow")

        events = d.pop("events")

        def _parse_events_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        events_url = _parse_events_url(d.pop("events_url"))

        fee_micro_usdc = d.pop("fee_micro_usdc")

        from_ms = d.pop("from_ms")

        def _parse_previous_root(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        previous_root = _parse_previous_root(d.pop("previous_root"))

        def _parse_publishers_root(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        publishers_root = _parse_publishers_root(d.pop("publishers_root"))

        def _parse_statement_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        statement_url = _parse_statement_url(d.pop("statement_url"))

        status = d.pop("status")

        to_ms = d.pop("to_ms")

        total_micro_usdc = d.pop("total_micro_usdc")

        settlement = cls(
            attempt=attempt,
            attested_by=attested_by,
            chain_id=chain_id,
            data_hash=data_hash,
            debits_hash=debits_hash,
            digest=digest,
            dust_micro_usdc=dust_micro_usdc,
            epoch=epoch,
            escrow=escrow,
            events=events,
            events_url=events_url,
            fee_micro_usdc=fee_micro_usdc,
            from_ms=from_ms,
            previous_root=previous_root,
            publishers_root=publishers_root,
            statement_url=statement_url,
            status=status,
            to_ms=to_ms,
            total_micro_usdc=total_micro_usdc,
        )

        settlement.additional_properties = d
        return settlement

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
