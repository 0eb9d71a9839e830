from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.onramp_status import OnrampStatus

if TYPE_CHECKING:
    from ..models.opened_onramp_answer_transaction_details import (
        OpenedOnrampAnswerTransactionDetails,
    )


T = TypeVar("T", bound="OpenedOnrampAnswer")


@_attrs_define
class OpenedOnrampAnswer:
    """
    Attributes:
        asked_micro_usdc (int | None):
        client_secret (str): opens the session in Stripe's widget; told once, never log it
        created_at (datetime.datetime):
        id (int):
        network (str):
        status (OnrampStatus): In the order in which a session goes through them; it never goes back.
        transaction_details (OpenedOnrampAnswerTransactionDetails):
        wallet (str):
    """

    asked_micro_usdc: int | None
    client_secret: str
    created_at: datetime.datetime
    id: int
    network: str
    status: OnrampStatus
    transaction_details: OpenedOnrampAnswerTransactionDetails
    wallet: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        asked_micro_usdc: int | None
        asked_micro_usdc = self.asked_micro_usdc

        client_secret = self.client_secret

        created_at = self.created_at.isoformat()

        id = self.id

        network = self.network

        status = self.status.value

        transaction_details = self.transaction_details.to_dict()

        wallet = self.wallet

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "asked_micro_usdc": asked_micro_usdc,
                "client_secret": client_secret,
                "created_at": created_at,
                "id": id,
                "network": network,
                "status": status,
                "transaction_details": transaction_details,
                "wallet": wallet,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.opened_onramp_answer_transaction_details import (
            OpenedOnrampAnswerTransactionDetails,  # noqa: PLC0415
        )

        d = dict(src_dict)

        def _parse_asked_micro_usdc(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        asked_micro_usdc = _parse_asked_micro_usdc(d.pop("asked_micro_usdc"))

        client_secret = d.pop("client_secret")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        id = d.pop("id")

        network = d.pop("network")

        status = OnrampStatus(d.pop("status"))

        transaction_details = OpenedOnrampAnswerTransactionDetails.from_dict(
            d.pop("transaction_details")
        )

        wallet = d.pop("wallet")

        opened_onramp_answer = cls(
            asked_micro_usdc=asked_micro_usdc,
            client_secret=client_secret,
            created_at=created_at,
            id=id,
            network=network,
            status=status,
            transaction_details=transaction_details,
            wallet=wallet,
        )

        opened_onramp_answer.additional_properties = d
        return opened_onramp_answer

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
